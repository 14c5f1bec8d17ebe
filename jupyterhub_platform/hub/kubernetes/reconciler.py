"""Finds orphaned pods, which this Hub made and no server accounts for, and removes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kubernetes_asyncio.client import ApiException

from jupyterhub_platform.core.manifests import Manifest, part
from jupyterhub_platform.hub.kubernetes.pod_client import Pods
from jupyterhub_platform.hub.kubernetes.pod_owner import (
    Holds,
    PodOwnership,
    classify_pod,
    is_leaving,
    uid_of,
)
from jupyterhub_platform.hub.metrics import platform_metrics
from jupyterhub_platform.usecases.book import Book

GRACE: Final = timedelta(minutes=5)
"""How long a pod of this Hub has to be orphaned before it is removed."""


@dataclass(frozen=True, slots=True)
class Found:
    """Pods found by one look at the cluster, by ownership, and those to be removed now."""

    pods: dict[PodOwnership, tuple[Manifest, ...]]
    remove: tuple[Manifest, ...]
    doubtful: bool
    """Whether so many are orphaned that nothing is removed."""


class OrphanTracker:
    """Remembers since when each orphaned pod has been seen."""

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}

    def observe(self, pods: Iterable[Manifest], hub: str, holds: Holds, now: datetime) -> Found:
        """Judge the pods that are there ``now``."""
        by_ownership: dict[PodOwnership, list[Manifest]] = {
            ownership: [] for ownership in PodOwnership
        }
        for pod in pods:
            by_ownership[classify_pod(pod, hub, holds)].append(pod)
        orphaned = by_ownership[PodOwnership.ORPHANED]
        self._since = {uid_of(pod): self._since.get(uid_of(pod), now) for pod in orphaned}
        known = len(by_ownership[PodOwnership.KNOWN])
        # A few pods may be orphaned. If most are, the Hub has an older database.
        doubtful = len(orphaned) > max(known, 1)
        due = [pod for pod in orphaned if now - self._since[uid_of(pod)] >= GRACE]
        remove = [pod for pod in due if not is_leaving(pod) and not doubtful]
        found = {ownership: tuple(each) for ownership, each in by_ownership.items()}
        return Found(found, tuple(remove), doubtful)


class Reconciler:
    """Removes orphaned pods of this Hub; never those of others.

    A pod whose server holds a reservation belongs to that server: a restarted Hub finds it again,
    and a running one polls it. A pod that was orphaned by a killed Hub or a restored backup would
    run without an owner, and be charged to no account.
    """

    def __init__(
        self,
        pods: Pods,
        selector: str,
        hub: str,
        book: Book,
        log: Any,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pods = pods
        self._selector = selector
        self._hub = hub
        self._book = book
        self._log = log
        self._clock = clock
        self._orphans = OrphanTracker()
        self._reported: frozenset[str] = frozenset()

    async def reconcile(self) -> None:
        """Compare once; an unresponsive cluster is asked again the next time."""
        try:
            pods = await self._pods.list_marks(self._selector)
        except (ApiException, TimeoutError, OSError) as error:
            self._log.warning("The pods could not be listed: %s", type(error).__name__)
            return
        found = self._orphans.observe(pods, self._hub, self._holds, self._clock())
        platform_metrics.report_pods(
            {str(ownership): len(each) for ownership, each in found.pods.items()}
        )
        self._tell(
            found.pods[PodOwnership.ORPHANED], found.pods[PodOwnership.UNMARKED], found.doubtful
        )
        for pod in found.remove:
            await self._remove(pod)

    def _holds(self, user: str, server: str) -> bool:
        return self._book.of_server(user, server) is not None

    def _tell(
        self, orphaned: tuple[Manifest, ...], unmarked: tuple[Manifest, ...], doubtful: bool
    ) -> None:
        """Report each pod once, as long as it stays."""
        fate = (
            "too many are, so none is removed. Check that the Hub has the right database"
            if doubtful
            else f"removed unless that changes within {GRACE.total_seconds() / 60:.0f} minutes"
        )
        fates = [(pod, fate) for pod in orphaned]
        fates += [(pod, "made before the platform was installed, left alone") for pod in unmarked]
        reports = {f"{uid_of(pod)} {text}": (pod, text) for pod, text in fates}
        for key in reports.keys() - self._reported:
            pod, text = reports[key]
            self._log.warning("Pod %s belongs to no server of this Hub: %s", _name(pod), text)
        self._reported = frozenset(reports)

    async def _remove(self, pod: Manifest) -> None:
        try:
            await self._pods.delete(_name(pod), uid_of(pod), grace_seconds=30)
        except (ApiException, TimeoutError, OSError) as error:
            self._log.warning("Pod %s could not be removed: %s", _name(pod), type(error).__name__)
            return
        self._log.warning("Pod %s belonged to no server, and was removed", _name(pod))


def _name(pod: Manifest) -> str:
    return str(part(pod, "metadata").get("name") or "")
