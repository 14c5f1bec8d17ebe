"""Tell whose pod it is: a name alone is not enough, since two Hubs may use the same one."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final

from jupyterhub_platform.core.manifests import Manifest, part
from jupyterhub_platform.hub.kubernetes.manifest.metadata import HUB, RESERVATION, SERVER, USER

STOCK_USER: Final = "hub.jupyter.org/username"
STOCK_SERVER: Final = "hub.jupyter.org/servername"


class PodRelation(Enum):
    """What a pod with the name of a server's pod is to that server."""

    THIS_START = auto()
    EARLIER_START = auto()
    UNMARKED = auto()
    """It names this user and server, but was created by a KubeSpawner without the platform."""
    FOREIGN = auto()


@dataclass(frozen=True, slots=True)
class Owner:
    """One server of one Hub."""

    hub: str
    user: str
    server: str

    def relation_to(self, pod: Manifest, reservation_id: str = "") -> PodRelation:
        """Tell what ``pod`` is to this server, when it was started with ``reservation_id``."""
        marks = part(pod, "metadata", "annotations")
        if HUB not in marks:
            stock = (marks.get(STOCK_USER), marks.get(STOCK_SERVER, ""))
            ours = stock == (self.user, self.server)
            return PodRelation.UNMARKED if ours else PodRelation.FOREIGN
        if (marks[HUB], marks.get(USER), marks.get(SERVER)) != (self.hub, self.user, self.server):
            return PodRelation.FOREIGN
        if reservation_id and marks.get(RESERVATION) == reservation_id:
            return PodRelation.THIS_START
        return PodRelation.EARLIER_START


class PodOwnership(StrEnum):
    """What a pod is to this Hub."""

    KNOWN = "known"
    """Its server holds a reservation: the Hub watches it, and adopts it after a restart."""
    ORPHANED = "orphaned"
    """This Hub created it, and none of its servers has a reservation."""
    UNMARKED = "unmarked"
    """Created by a KubeSpawner before the platform was installed, for a server that is gone."""
    FOREIGN = "foreign"
    """Another Hub's, or without an owner."""


Holds = Callable[[str, str], bool]
"""Whether a server, by its user and name, has a reservation."""


def classify_pod(pod: Manifest, hub: str, holds: Holds) -> PodOwnership:
    """Tell what a pod is to the Hub with the mark ``hub``."""
    marks = part(pod, "metadata", "annotations")
    if HUB in marks:
        if marks[HUB] != hub:
            return PodOwnership.FOREIGN
        known = holds(str(marks.get(USER, "")), str(marks.get(SERVER, "")))
        return PodOwnership.KNOWN if known else PodOwnership.ORPHANED
    if STOCK_USER not in marks:
        return PodOwnership.FOREIGN
    known = holds(str(marks[STOCK_USER]), str(marks.get(STOCK_SERVER, "")))
    return PodOwnership.KNOWN if known else PodOwnership.UNMARKED


def uid_of(pod: Manifest) -> str:
    """Return the uid of a pod, which no other pod ever has."""
    return str(part(pod, "metadata").get("uid") or "")


def is_leaving(pod: Manifest) -> bool:
    """Tell whether a pod is being deleted."""
    return bool(part(pod, "metadata").get("deletionTimestamp"))
