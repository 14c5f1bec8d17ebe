"""Pods that the Hub knows nothing of: whose they are, and what becomes of them, by rule."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from jupyterhub_platform.core.manifests import Manifest, part
from jupyterhub_platform.hub.kubernetes.manifest.metadata import HUB, SERVER, USER
from jupyterhub_platform.hub.kubernetes.pod_owner import (
    STOCK_SERVER,
    STOCK_USER,
    is_leaving,
    uid_of,
)

GRACE: Final = timedelta(minutes=5)
"""For how long a pod of ours is seen to belong to no server before it is removed."""


class Verdict(StrEnum):
    """What a pod is to this Hub."""

    KNOWN = "known"
    """Its server holds a reservation: the Hub watches it, and adopts it after a restart."""
    UNKNOWN = "unknown"
    """This Hub made it, and no server of it holds anything."""
    UNMARKED = "unmarked"
    """Made by a KubeSpawner before the platform was there, for nobody whose server runs."""
    FOREIGN = "foreign"
    """Another Hub's, or nobody's."""


Holds = Callable[[str, str], bool]
"""Whether a server, by its user and name, holds anything."""


def judge(pod: Manifest, hub: str, holds: Holds) -> Verdict:
    """Tell what a pod is to the Hub with the mark ``hub``."""
    marks = part(pod, "metadata", "annotations")
    if HUB in marks:
        if marks[HUB] != hub:
            return Verdict.FOREIGN
        known = holds(str(marks.get(USER, "")), str(marks.get(SERVER, "")))
        return Verdict.KNOWN if known else Verdict.UNKNOWN
    if STOCK_USER not in marks:
        return Verdict.FOREIGN
    known = holds(str(marks[STOCK_USER]), str(marks.get(STOCK_SERVER, "")))
    return Verdict.KNOWN if known else Verdict.UNMARKED


@dataclass(frozen=True, slots=True)
class Found:
    """What one look at the cluster found, by verdict, and which pods are to be removed now."""

    pods: dict[Verdict, tuple[Manifest, ...]]
    remove: tuple[Manifest, ...]
    doubtful: bool
    """Whether so many are unknown that nothing is removed."""


class Looks:
    """Remembers since when each unknown pod has been seen."""

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}

    def take(self, pods: Iterable[Manifest], hub: str, holds: Holds, now: datetime) -> Found:
        """Judge the pods that are there ``now``."""
        by_verdict: dict[Verdict, list[Manifest]] = {verdict: [] for verdict in Verdict}
        for pod in pods:
            by_verdict[judge(pod, hub, holds)].append(pod)
        unknown = by_verdict[Verdict.UNKNOWN]
        self._since = {uid_of(pod): self._since.get(uid_of(pod), now) for pod in unknown}
        known = len(by_verdict[Verdict.KNOWN])
        # One may be lost. If most are, the Hub has forgotten its servers: an older database.
        doubtful = len(unknown) > max(known, 1)
        due = [pod for pod in unknown if now - self._since[uid_of(pod)] >= GRACE]
        remove = [pod for pod in due if not is_leaving(pod) and not doubtful]
        found = {verdict: tuple(each) for verdict, each in by_verdict.items()}
        return Found(found, tuple(remove), doubtful)
