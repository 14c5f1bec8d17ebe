"""Requests for access that end by themselves: after a time, or once their user cannot use it."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final

from jupyterhub_platform.core.access_requests import AccessRequest, RequestState
from jupyterhub_platform.store import access_requests
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.access_requests import PLATFORM, Decline
from jupyterhub_platform.usecases.changes import Record
from jupyterhub_platform.usecases.notices import SILENT, Notify
from jupyterhub_platform.usecases.snapshot import Snapshot

_END_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class EndOverdueRequests:
    """Ends open requests that waited too long, or whose user is suspended or gone.

    It ends a limited number, so that no start waits for it; it is applied again while
    :func:`is_any_overdue` says so.
    """

    notify: Notify = SILENT

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Return what records the ends."""
        return partial(self._record, snapshot, now)

    def _record(self, snapshot: Snapshot, now: datetime, transaction: Transaction) -> Snapshot:
        waiting = access_requests.list_requests(transaction, state=RequestState.OPEN, limit=None)
        ends = ((each, _find_end(each, snapshot, now)) for each in waiting)
        for each, end in islice(((e, end) for e, end in ends if end), _END_BATCH):
            state, why = end
            write = Decline(each, state, PLATFORM, why, self.notify).check(snapshot, now)
            write(transaction)
        return snapshot


def is_any_overdue(store: Store, snapshot: Snapshot, now: datetime) -> bool:
    """Tell whether an open request has to end. May take long: call it in a thread."""
    with store.read() as transaction:
        waiting = access_requests.list_requests(transaction, state=RequestState.OPEN, limit=None)
    return any(_find_end(each, snapshot, now) for each in waiting)


def _find_end(
    request: AccessRequest, snapshot: Snapshot, now: datetime
) -> tuple[RequestState, str] | None:
    """Return how and why an open request ends by itself now, if it does."""
    if request.is_over(now):
        return RequestState.EXPIRED, "No one answered in time. Ask again."
    if request.user not in snapshot.policy.people:
        return RequestState.VOID, "The user is gone."
    if snapshot.suspension_of(request.user, now) is not None:
        return RequestState.VOID, "The user is suspended."
    return None
