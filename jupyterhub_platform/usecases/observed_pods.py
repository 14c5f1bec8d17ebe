"""Observed pods on record: what each holds is entered as it is seen, and released once it is gone.

A pod that a user's own controller makes passes no gate. So nothing is decided about it: it gets a
row of the ledger and a reservation of the book, as a server has them that was found running, and
from then on counts wherever servers count.
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.core.observed_pods import CHANGED, GONE, UNASSIGNED, UNOBSERVED
from jupyterhub_platform.core.reservations import POD, Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.store import ledger
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.admission import Admission
from jupyterhub_platform.usecases.store_health import StoreHealth

MAX_SHOWN: Final = 10
BATCH: Final = 20
"""Pods that are entered in one transaction, which takes a few milliseconds."""


@dataclass(frozen=True, slots=True)
class SeenPod:
    """A pod that is there: whose it is, what is charged, and what it holds."""

    uid: str
    name: str
    source: str
    user: str
    account: str
    demand: Resources

    def is_held_by(self, held: Reservation) -> bool:
        """Tell whether that is this pod, holding what it holds now."""
        stands = (held.user, held.account, held.tier, held.demand)
        is_same = stands == (self.user, self.account, self.source, self.demand)
        return is_same and held.id == make_id(self.uid, held.opened_at)


@dataclass(frozen=True, slots=True)
class UnassignedPod:
    """A pod that is charged to nobody, and why."""

    pod: str
    source: str
    reason: str


class Changes(NamedTuple):
    """What has to be released, with the reason, and what has to be entered then."""

    ended: tuple[tuple[Reservation, str], ...]
    begun: tuple[SeenPod, ...]


@lru_cache(maxsize=2**14)
def make_id(uid: str, opened_at: datetime) -> str:
    """Return the id of what a pod holds since ``opened_at``.

    The uid of a pod is in no column: the id says of a row, also after a restart, whose it is. Kept,
    since it is asked of each pod at each look.
    """
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{uid} {opened_at.isoformat()}").hex


class ObservedPods:
    """Keeps book and ledger equal to the pods that are seen. Belongs to the Hub's thread.

    ``seconds`` is how often they are listed, 0 where nothing lists them. ``looked_at`` is when they
    were listed last, and ``fault`` why they could not be since.
    """

    def __init__(self, admission: Admission, store: Store, health: StoreHealth) -> None:
        self._admission = admission
        self._store = store
        self._health = health
        self.seconds = 0.0
        self.looked_at: datetime | None = None
        self.fault = ""
        self.unassigned: tuple[UnassignedPod, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Render for the Hub's health: how many count, and which are charged to nobody."""
        return {
            "sources": len(self._admission.snapshot.policy.observed_pods),
            "seconds": self.seconds,
            "looked_at": self.looked_at and self.looked_at.isoformat(),
            "fault": self.fault,
            "held": len(self._admission.book.pods),
            "unassigned": len(self.unassigned),
            "examples": [asdict(each) for each in self.unassigned[:MAX_SHOWN]],
        }

    def release_all(self) -> None:
        """Release what pods held, where nothing lists them any more."""
        for held in self._admission.book.pods:
            self.release(held, UNOBSERVED)

    def compare(self, seen: Iterable[SeenPod], unassigned: Iterable[UnassignedPod] = ()) -> Changes:
        """Return what differs from the pods that are there, some of which are charged to nobody."""
        pods = {pod.name: pod for pod in seen}
        others = {each.pod for each in unassigned}
        ended, kept = list[tuple[Reservation, str]](), set[str]()
        for held in self._admission.book.pods:
            pod = pods.get(held.pod)
            if pod is not None and pod.is_held_by(held):
                kept.add(pod.name)
            else:
                ended.append(
                    (held, self._say_why_ended(held, pod, is_unassigned=held.pod in others))
                )
        begun = (pod for name, pod in pods.items() if name not in kept)
        return Changes(tuple(ended), tuple(begun))

    def _say_why_ended(self, held: Reservation, pod: SeenPod | None, *, is_unassigned: bool) -> str:
        if held.tier not in self._admission.snapshot.policy.observed_pods:
            return UNOBSERVED
        if is_unassigned:
            return UNASSIGNED
        is_same = pod is not None and held.id == make_id(pod.uid, held.opened_at)
        return CHANGED if is_same else GONE

    def release(self, held: Reservation, reason: str) -> None:
        """Release what a pod held."""
        self._admission.release(held.id, reason)

    def enter(self, pods: Sequence[SeenPod]) -> None:
        """Enter what pods hold from now on; at most :data:`BATCH` at once.

        Raises
        ------
        StoreError
            Raised if nothing could be recorded: then nothing is entered, and the next look tries
            again.
        """
        now = self._admission.now()
        entered = [_reserve(pod, now) for pod in pods]
        try:
            with self._store.begin() as transaction:
                for held in entered:
                    told = {"adopted": True, "admitted": True, **held.to_json()}
                    ledger.open_reservation(
                        transaction,
                        held,
                        decision_json=json.dumps(told),
                        policy_revision=self._admission.snapshot.revision,
                        sentence=f"The pod {held.pod} was seen: the platform only counts it.",
                    )
        except StoreError as error:
            self._health.mark_down(error)
            for held in entered:
                # A commit without an answer may have happened.
                self._admission.close_row(held.id, "not entered")
            raise
        for held in entered:
            self._admission.book.enter(held)


def _reserve(pod: SeenPod, now: datetime) -> Reservation:
    return Reservation(
        id=make_id(pod.uid, now),
        user=pod.user,
        server=f"{POD}{pod.name}",
        spawner_id=0,
        account=pod.account,
        tier=pod.source,
        image="",
        demand=pod.demand,
        opened_at=now,
    )
