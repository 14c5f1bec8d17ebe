"""Suspensions: the changes that make and end them. The Hub's door enforces what is in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.suspensions import RevokedShare, Suspension
from jupyterhub_platform.core.times import describe_instant
from jupyterhub_platform.store import audit, suspensions
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.changes import Record
from jupyterhub_platform.usecases.snapshot import Snapshot

MAX_REASON_LENGTH: Final = 500


class SuspensionError(PlatformError):
    """Raised if a user cannot be suspended or resumed as asked; the sentence says why."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Suspend:
    """Suspends ``name``, or changes the reason and the end of their suspension."""

    name: str
    reason: str
    until: datetime | None
    by: str

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Refuse a suspension that no admin could lift, or that has already ended.

        Raises
        ------
        SuspensionError
            Raised with what to do instead.
        """
        check_may_suspend(snapshot, self.name, self.until, self.by, now)
        return partial(self._record, snapshot, now)

    def plan(self, snapshot: Snapshot, now: datetime) -> Snapshot:
        """Return what would be in force; it is refused as by :meth:`check`."""
        check_may_suspend(snapshot, self.name, self.until, self.by, now)
        return replace(snapshot, suspensions={**snapshot.suspensions, self.name: self.make(now)})

    def make(self, now: datetime) -> Suspension:
        """Return the suspension that this puts into force at ``now``."""
        return Suspension(self.reason, self.until, self.by, now)

    def _record(self, snapshot: Snapshot, now: datetime, transaction: Transaction) -> Snapshot:
        write_all([(self, snapshot.suspensions.get(self.name))], now, transaction)
        return _with_suspensions(snapshot, transaction)


@dataclass(frozen=True, slots=True)
class Resume:
    """Lifts the suspension of ``name``."""

    name: str
    reason: str
    by: str

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Refuse what the policy declares, what is not there, and one's own.

        Raises
        ------
        SuspensionError
            Raised with where to lift it.
        """
        check_may_resume(snapshot, self.name, self.by, now)
        return partial(self._record, snapshot, now)

    def plan(self, snapshot: Snapshot, now: datetime) -> Snapshot:
        """Return what would be in force; it is refused as by :meth:`check`."""
        check_may_resume(snapshot, self.name, self.by, now)
        left = {name: each for name, each in snapshot.suspensions.items() if name != self.name}
        return replace(snapshot, suspensions=left)

    def _record(self, snapshot: Snapshot, now: datetime, transaction: Transaction) -> Snapshot:
        write_all([(self, snapshot.suspensions.get(self.name))], now, transaction)
        return _with_suspensions(snapshot, transaction)


@dataclass(frozen=True, slots=True)
class EndExpiredSuspensions:
    """Lifts each suspension whose end has come; what the policy declares stays in force."""

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Return what records the ends; a clock may end what a person put into force."""
        return partial(self._record, snapshot, now)

    def _record(self, snapshot: Snapshot, now: datetime, transaction: Transaction) -> Snapshot:
        found = suspensions.list_suspensions(transaction)
        over = {name: each for name, each in found.items() if not each.holds(now)}
        ends = [(Resume(name, "its end has come", "platform"), each) for name, each in over.items()]
        write_all(ends, now, transaction)
        return _with_suspensions(snapshot, transaction)


def write_all(
    changes: Sequence[tuple[Suspend | Resume, Suspension | None]],
    now: datetime,
    transaction: Transaction,
) -> None:
    """Write the rows of changes, each with what was in force before it."""
    new = {each.name: each.make(now) for each, _ in changes if isinstance(each, Suspend)}
    suspensions.put_suspensions(transaction, new)
    lifted = [each.name for each, before in changes if isinstance(each, Resume) and before]
    suspensions.remove_suspensions(transaction, lifted)
    events = [
        audit.Event(
            now,
            each.by,
            "person.suspended" if each.name in new else "person.resumed",
            each.name,
            _render_details(each, before, new.get(each.name)),
        )
        for each, before in changes
        if each.name in new or before
    ]
    audit.append_all(transaction, events)


def _render_details(
    change: Suspend | Resume, before: Suspension | None, after: Suspension | None
) -> dict[str, object]:
    details: dict[str, object] = {
        "reason": change.reason,
        "before": _render(before),
        "after": _render(after),
    }
    return {**details, "until": _render_end(after)} if after else details


def _with_suspensions(snapshot: Snapshot, transaction: Transaction) -> Snapshot:
    return replace(snapshot, suspensions=suspensions.list_suspensions(transaction))


def _render(suspension: Suspension | None) -> dict[str, str | None] | None:
    if suspension is None:
        return None
    return {"reason": suspension.reason, "until": _render_end(suspension)}


def _render_end(suspension: Suspension) -> str | None:
    return suspension.until.isoformat() if suspension.until else None


class Suspensions:
    """What is on record of suspensions. Its methods may take long: call them in a thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list_all(self) -> Mapping[str, Suspension]:
        """Return every suspension that people put into force, by name."""
        with self._store.read() as transaction:
            return suspensions.list_suspensions(transaction)

    def keep_shares(self, shares: Sequence[RevokedShare]) -> None:
        """Remember shares before they are revoked, so that they can be restored."""
        with self._store.begin() as transaction:
            suspensions.keep_shares(transaction, shares)

    def list_shares(self) -> list[RevokedShare]:
        """Return the shares that were revoked and not restored."""
        with self._store.read() as transaction:
            return suspensions.list_shares(transaction)

    def forget_shares(self, shares: Sequence[RevokedShare]) -> None:
        """Forget shares that were restored, or no longer can be."""
        with self._store.begin() as transaction:
            suspensions.forget_shares(transaction, shares)


def check_may_suspend(
    snapshot: Snapshot, name: str, until: datetime | None, by: str, now: datetime
) -> None:
    """Refuse a suspension that would lock out every admin, or that ends before it begins.

    Raises
    ------
    SuspensionError
        Raised with what to do instead.
    """
    if name == by:
        raise SuspensionError(
            "suspension.oneself", "You cannot suspend yourself. Ask another admin to do it."
        )
    if until is not None and until <= now:
        raise SuspensionError(
            "suspension.over", f"The end, {describe_instant(until)}, is past. Name a later one."
        )
    if snapshot.policy.admins_let_in(snapshot.suspensions, now) == (name,):
        raise SuspensionError(
            "suspension.last_admin",
            f"{name} is the last admin who is not suspended. Declare another one first.",
        )


def check_may_resume(snapshot: Snapshot, name: str, by: str, now: datetime) -> None:
    """Refuse to lift one's own suspension, what the policy declares, or what is not there.

    Raises
    ------
    SuspensionError
        Raised with where to lift it.
    """
    if name == by:
        # A suspended user is kept out everywhere else; this check holds if that ever fails.
        raise SuspensionError(
            "suspension.oneself", "You cannot lift your own suspension. Ask another admin to do it."
        )
    suspension = snapshot.suspension_of(name, now)
    if suspension is not None and suspension.path:
        where = snapshot.policy.lines.get(suspension.path, suspension.path)
        raise SuspensionError(
            "suspension.declared",
            f"{name} is suspended in the policy, at {where}. Remove it there.",
        )
    if name not in snapshot.suspensions:
        raise SuspensionError("suspension.none", f"{name} is not suspended.")
