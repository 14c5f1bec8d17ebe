"""Put people out and let them in again: the record of it. The Hub's door carries it out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.instants import describe_instant
from jupyterhub_platform.core.suspensions import RevokedShare, Suspension
from jupyterhub_platform.store import audit, suspensions
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.snapshot import Snapshot

LONGEST_REASON: Final = 500


class SuspensionError(PlatformError):
    """Raised if somebody cannot be suspended or resumed as asked; the sentence says why."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def _now() -> datetime:
    return datetime.now(UTC)


class Suspensions:
    """Records who is suspended. Methods that touch the store may take long: call them in a thread.

    Each change returns everybody who is suspended after it, for the next
    :class:`~jupyterhub_platform.usecases.admission.Snapshot`.
    """

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = _now) -> None:
        self._store = store
        self._clock = clock

    def list_all(self) -> Mapping[str, Suspension]:
        """Return every suspension that people put into force, by name."""
        with self._store.read() as transaction:
            return suspensions.list_suspensions(transaction)

    def suspend(
        self, snapshot: Snapshot, name: str, *, reason: str, until: datetime | None, by: str
    ) -> Mapping[str, Suspension]:
        """Suspend ``name``, or change the reason and the end of their suspension.

        Raises
        ------
        SuspensionError
            Raised if nobody could lift it again, or if it would be over already.
        StoreUnreachableError
            Raised if it cannot be recorded; then nothing has changed.
        """
        now = self._clock()
        check_may_suspend(snapshot, name, until, by, now)
        end = until.isoformat() if until else None
        with self._store.begin() as transaction:
            suspensions.put_suspension(transaction, name, reason, until, by, now)
            audit.append(
                transaction,
                at=now,
                actor=by,
                action="person.suspended",
                subject=name,
                detail={"reason": reason, "until": end},
            )
            return suspensions.list_suspensions(transaction)

    def resume(
        self, snapshot: Snapshot, name: str, *, reason: str, by: str
    ) -> Mapping[str, Suspension]:
        """Lift the suspension of ``name``.

        Raises
        ------
        SuspensionError
            Raised if the policy declares it, if there is none, or if it is one's own.
        StoreUnreachableError
            Raised if it cannot be recorded; then nothing has changed.
        """
        now = self._clock()
        check_may_resume(snapshot, name, by, now)
        with self._store.begin() as transaction:
            _lift(transaction, name, reason, by, now)
            return suspensions.list_suspensions(transaction)

    def end_what_is_over(self) -> Mapping[str, Suspension]:
        """Lift each suspension whose end has come; what the policy declares is in force still.

        Raises
        ------
        StoreUnreachableError
            Raised if it cannot be recorded; then nothing has changed.
        """
        now = self._clock()
        with self._store.begin() as transaction:
            for name, suspension in suspensions.list_suspensions(transaction).items():
                if not suspension.holds(now):
                    _lift(transaction, name, "its end has come", "platform", now)
            return suspensions.list_suspensions(transaction)

    def keep_shares(self, shares: Sequence[RevokedShare]) -> None:
        """Remember shares before they are revoked, so that they can be given back."""
        with self._store.begin() as transaction:
            suspensions.keep_shares(transaction, shares)

    def list_shares(self) -> list[RevokedShare]:
        """Return the shares that were revoked and not given back."""
        with self._store.read() as transaction:
            return suspensions.list_shares(transaction)

    def forget_shares(self, shares: Sequence[RevokedShare]) -> None:
        """Forget shares that were given back, or cannot be any more."""
        with self._store.begin() as transaction:
            suspensions.forget_shares(transaction, shares)


def _lift(transaction: Transaction, name: str, reason: str, by: str, now: datetime) -> None:
    if suspensions.remove_suspension(transaction, name):
        audit.append(
            transaction,
            at=now,
            actor=by,
            action="person.resumed",
            subject=name,
            detail={"reason": reason},
        )


def check_may_suspend(
    snapshot: Snapshot, name: str, until: datetime | None, by: str, now: datetime
) -> None:
    """Refuse a suspension that would lock everybody out, or that is over before it begins.

    Raises
    ------
    SuspensionError
        Raised with what to do instead.
    """
    if name == by:
        raise SuspensionError(
            "suspension.oneself", "Nobody suspends themselves. Ask another admin to do it."
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
        # Whoever is suspended is kept out everywhere else; this holds if that ever fails.
        raise SuspensionError(
            "suspension.oneself", "Nobody lifts their own suspension. Ask another admin to do it."
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
