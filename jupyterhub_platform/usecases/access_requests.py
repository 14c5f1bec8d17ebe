"""People ask for access, and managers or admins answer; each step is on record."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from jupyterhub_platform.core import delegation
from jupyterhub_platform.core.access_requests import (
    MAX_OPEN,
    AccessRequest,
    RequestState,
    Wish,
    plan,
)
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.managed import Kind, ManagedObject
from jupyterhub_platform.core.notices import Event, request_facts
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.quantities import read_quantity
from jupyterhub_platform.store import access_requests, audit
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.changes import Record
from jupyterhub_platform.usecases.managed import ADMIN, Authority, PutObject
from jupyterhub_platform.usecases.notices import SILENT, Notify
from jupyterhub_platform.usecases.snapshot import Snapshot

PLATFORM: Final = "platform"
OWN_REQUEST: Final = "You cannot approve your own request. Ask another manager, or an admin."
_ENDS: Final[Mapping[RequestState, str]] = {
    RequestState.APPROVED: "request.approved",
    RequestState.REFUSED: "request.refused",
    RequestState.WITHDRAWN: "request.withdrawn",
    RequestState.EXPIRED: "request.expired",
    RequestState.VOID: "request.void",
}


class AccessRequestError(PlatformError):
    """Raised if something cannot be asked for or answered so; the sentence says why."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ask:
    """Enters a request of a user for themselves."""

    request: AccessRequest
    memberships: frozenset[str]
    notify: Notify = SILENT

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Refuse what no grant could give, or what makes no sense to ask for.

        Raises
        ------
        AccessRequestError
            Raised with what to do instead.
        PolicyError
            Raised with what is wrong with the grant that it asks for.
        """
        asked, policy = self.request, snapshot.policy
        subject = snapshot.subject(asked.user, self.memberships, now)
        if subject.level is None or subject.suspended:
            raise AccessRequestError("request.not_yours", "You cannot ask for anything now.")
        if asked.kind is Wish.LEVEL:
            if asked.wish["level"] == subject.level:
                raise AccessRequestError(
                    "request.needless", f"You have the level {subject.level} already."
                )
            if asked.lasts is None:
                return partial(self._record, snapshot)
        elif asked.account not in subject.accounts and not self._prolongs_level(policy):
            raise AccessRequestError(
                "request.account",
                f"You are in no group {asked.account}. Ask for one of yours: "
                f"{', '.join(subject.accounts) or 'you are in none'}.",
            )
        if asked.kind is Wish.TIER:
            self._check_tier(policy, subject.level, now)
        # Checked by the code that would make it, with an admin as who approves.
        by = next(iter(policy.admins()), PLATFORM)
        try:
            key, document = plan(asked, snapshot.sources, by, now)
        except LookupError as error:
            raise AccessRequestError("request.gone", str(error)) from None
        snapshot.sources.put(policy, ManagedObject(key, document, 1, by, now), now)
        return partial(self._record, snapshot)

    def _prolongs_level(self, policy: Policy) -> bool:
        """Tell whether a grant of a level shall last longer, which is in no account."""
        if self.request.kind is not Wish.EXTENSION or self.request.account:
            return False
        path = f"{Kind.GRANT.section}.{self.request.wish['grant']}"
        return any(each.path == path and each.level for each in policy.grants)

    def _check_tier(self, policy: Policy, level: Any, now: datetime) -> None:
        asked, tier = self.request, policy.tiers.get(str(self.request.wish["tier"]))
        if tier is None or not tier.requestable:
            raise AccessRequestError(
                "request.tier",
                f"The tier {asked.wish['tier']} cannot be asked for. Those that can are "
                f"{', '.join(t.name for t in policy.tiers.values() if t.requestable) or 'none'}.",
            )
        if policy.may_use(tier, asked.user, level, asked.account, now):
            raise AccessRequestError(
                "request.needless", f"You may start {tier.name} in {asked.account} already."
            )

    def _record(self, snapshot: Snapshot, transaction: Transaction) -> Snapshot:
        asked = self.request
        mine = access_requests.list_requests(
            transaction, state=RequestState.OPEN, user=asked.user, limit=MAX_OPEN
        )
        same = next((e for e in mine if _is_about_the_same(e, asked)), None)
        if same is not None:
            raise AccessRequestError(
                "request.open", f"You have asked for that already: request {same.id} is open."
            )
        if len(mine) >= MAX_OPEN:
            raise AccessRequestError(
                "request.too_many",
                f"You have {MAX_OPEN} open requests. Withdraw one that you do not need.",
            )
        access_requests.add_request(transaction, asked)
        _audit(transaction, asked, "request.made", asked.user, asked.at, asked.reason)
        people = list_deciders(snapshot, asked, asked.at)
        facts = request_facts(asked, asked.user, "")
        self.notify.enter(
            transaction, Event.REQUEST_MADE, asked.id, facts, people, asked.at, by=asked.user
        )
        return snapshot


@dataclass(frozen=True, slots=True)
class Approve:
    """Approves an open request: what was asked for, or less, comes into force with the answer."""

    request: AccessRequest
    by: str
    answer: str
    authority: Authority = ADMIN
    lasts: timedelta | None = None
    add: Mapping[str, Any] | None = None
    notify: Notify = SILENT

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Refuse more than was asked for, and what the approver may not give.

        Raises
        ------
        AccessRequestError
            Raised if it is not open, is about something that is gone, or exceeds what was asked.
        ManagedError
            Raised if the approver may not give it, or it is declared in the file.
        PolicyError
            Raised if it no longer fits to the policy.
        """
        request = self.request
        _check_open(request, self.by, now)
        if snapshot.suspension_of(request.user, now) is not None:
            raise AccessRequestError("request.suspended", f"{request.user} is suspended.")
        self._check_less()
        try:
            key, document = plan(
                request, snapshot.sources, self.by, now, lasts=self.lasts, add=self.add
            )
        except LookupError as error:
            raise AccessRequestError("request.gone", str(error)) from None
        change = PutObject(key, document, self.answer, self.by, authority=self.authority)
        return partial(self._record, change.check(snapshot, now), now)

    def _check_less(self) -> None:
        asked = self.request
        if self.lasts and asked.lasts and self.lasts > asked.lasts:
            raise AccessRequestError("request.more", "Approve what was asked for, or less.")
        if self.add is None:
            return
        wanted: Mapping[str, Any] = asked.wish.get("add") or {}
        for name, amount in self.add.items():
            if name not in wanted or read_quantity(amount, name) > read_quantity(
                wanted[name], name
            ):
                raise AccessRequestError("request.more", "Approve what was asked for, or less.")

    def _record(self, write: Record, now: datetime, transaction: Transaction) -> Snapshot:
        _decide(transaction, self.request, RequestState.APPROVED, self.by, now, self.answer)
        asked = self.request
        facts = request_facts(asked, self.by, self.answer, self._given_instead())
        people = [asked.user]
        self.notify.enter(
            transaction, Event.REQUEST_APPROVED, asked.id, facts, people, now, by=self.by
        )
        return write(transaction)

    def _given_instead(self) -> dict[str, Any] | None:
        """Return what is approved, if it is less than was asked for."""
        asked = self.request
        wish = {**asked.wish, **({"add": dict(self.add)} if self.add is not None else {})}
        lasts = self.lasts or asked.lasts
        if (wish, lasts) == (dict(asked.wish), asked.lasts):
            return None
        return {"wish": wish, "seconds": int(lasts.total_seconds()) if lasts else None}


@dataclass(frozen=True, slots=True)
class Decline:
    """Ends an open request without a grant: refused, withdrawn, expired or void."""

    request: AccessRequest
    state: RequestState
    by: str
    answer: str
    notify: Notify = SILENT

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Refuse to answer twice.

        Raises
        ------
        AccessRequestError
            Raised if it is not open any more.
        """
        if self.state is RequestState.REFUSED:
            _check_open(self.request, self.by, now)
        return partial(self._record, snapshot, now)

    def _record(self, snapshot: Snapshot, now: datetime, transaction: Transaction) -> Snapshot:
        _decide(transaction, self.request, self.state, self.by, now, self.answer)
        ended, by_user = self.request, self.state is RequestState.WITHDRAWN
        people = list_deciders(snapshot, ended, now) if by_user else [ended.user]
        facts = request_facts(ended, self.by, self.answer)
        event = Event(_ENDS[self.state])
        self.notify.enter(transaction, event, ended.id, facts, people, now, by=self.by)
        return snapshot


class AccessRequests:
    """What is on record of requests. Its methods may take long: call them in a thread.

    ``askers`` are account and user of each open request, as :meth:`note_askers` read them last.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.askers: tuple[tuple[str, str], ...] = ()

    def note_askers(self) -> None:
        """Read whose requests are open, for pages that do not wait for the store."""
        with self._store.read() as transaction:
            self.askers = tuple(access_requests.list_open_askers(transaction))

    def find(self, id_: str) -> AccessRequest | None:
        """Return a request; None if there is none of this id."""
        with self._store.read() as transaction:
            return access_requests.find_request(transaction, id_)

    def list_for(
        self,
        user: str,
        groups: Collection[str] | None,
        state: RequestState | None,
        limit: int,
        after: tuple[datetime, str] | None = None,
    ) -> list[AccessRequest]:
        """Return the newest requests of ``user`` and of ``groups``; of all groups for None.

        ``after`` is the time and the id of the request that the list goes on after.
        """
        with self._store.read() as transaction:
            find = partial(
                access_requests.list_requests, transaction, state=state, limit=limit, after=after
            )
            if groups is None:
                return find()
            found = {each.id: each for each in (*find(user=user), *find(accounts=groups))}
        return sorted(found.values(), key=lambda each: (-each.at.timestamp(), each.id))[:limit]


def why_not_decide(policy: Policy, manager: str, request: AccessRequest) -> str:
    """Say why a manager may not answer a request; empty if they may."""
    if request.user == manager:
        return OWN_REQUEST
    return delegation.why_not_member(policy, manager, request.account)


def list_deciders(snapshot: Snapshot, request: AccessRequest, now: datetime) -> list[str]:
    """Return who may answer a request now: managers of its group, or else admins."""
    policy = snapshot.policy
    group = policy.groups.get(request.account)
    managers = group.managers if group else ()
    others = ([m for m in managers if not why_not_decide(policy, m, request)], policy.admins())
    let_in = (
        [n for n in names if n != request.user and snapshot.suspension_of(n, now) is None]
        for names in others
    )
    return next(filter(None, let_in), [])


def _check_open(request: AccessRequest, by: str, now: datetime) -> None:
    if request.user == by:
        raise AccessRequestError("request.own", OWN_REQUEST)
    if request.state is not RequestState.OPEN or request.is_over(now):
        raise _not_open(request)


def _not_open(request: AccessRequest) -> AccessRequestError:
    by = f" by {request.decided_by}" if request.decided_by else ""
    state = "expired" if request.state is RequestState.OPEN else request.state
    return AccessRequestError("request.decided", f"The request is {state} already{by}.")


def _decide(
    transaction: Transaction,
    request: AccessRequest,
    state: RequestState,
    by: str,
    now: datetime,
    answer: str,
) -> None:
    if not access_requests.decide_request(transaction, request.id, state, by, now, answer):
        now_is = access_requests.find_request(transaction, request.id)
        raise _not_open(now_is or request)
    _audit(transaction, request, _ENDS[state], by, now, answer)


def _audit(
    transaction: Transaction, request: AccessRequest, action: str, by: str, at: datetime, why: str
) -> None:
    audit.append(
        transaction,
        at=at,
        actor=by,
        action=action,
        subject=request.user,
        detail={
            "request": request.id,
            "kind": str(request.kind),
            "account": request.account,
            "wish": dict(request.wish),
            "seconds": int(request.lasts.total_seconds()) if request.lasts else None,
            "reason": why,
        },
    )


def _is_about_the_same(one: AccessRequest, other: AccessRequest) -> bool:
    return (one.kind, one.account, dict(one.wish)) == (other.kind, other.account, dict(other.wish))
