"""Users who log in by an identity provider: their name, and what rules give them.

A login that says what the last one said costs one row that is read. Any other is a change like
those of people: checked, recorded with its audit, then in force.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from jupyterhub_platform.core.claimed_people import ClaimedLogin, ClaimedPerson
from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.core.errors import ClaimsError
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.store import audit, claimed_people
from jupyterhub_platform.store.credentials import remove_credentials
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.changes import Record
from jupyterhub_platform.usecases.claims_of_login import (
    check_new_name,
    choose_name,
    find_provider,
    say_refused_login,
    take_claims,
)
from jupyterhub_platform.usecases.credentials import LocalCredentials
from jupyterhub_platform.usecases.snapshot import Snapshot

FORGOTTEN: Final = "person.forgotten"
CLAIMED: Final = "person.claimed"
CLAIMS_CHANGED: Final = "person.claims_changed"

CONFIRMED: Final = timedelta(hours=1)
"""How old the time may be at which a provider said the same groups, before it is stored again."""


@dataclass(frozen=True, slots=True)
class LogIn:
    """Takes over what a provider says of a user.

    Attributes
    ----------
    known
        The user name that the caller knows them by; empty at a login, which finds or makes it.
    taken
        Names of users of the Hub, whom the policy may not know.
    """

    identity: ProviderIdentity
    taken: frozenset[str] = frozenset()
    known: str = ""

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Return what finds the user, and records what is new."""
        return partial(self._record, snapshot, now)

    def _record(self, snapshot: Snapshot, now: datetime, transaction: Transaction) -> Snapshot:
        identity = self.identity
        before = claimed_people.find_login(transaction, identity.issuer, identity.subject)
        if self.known and (before is None or before.name != self.known):
            raise ClaimsError(f"it has another user for {self.known}")
        login = take_claims(before, identity, find_provider(snapshot.policy, identity), now)
        if before is None:
            name = self._choose_name(snapshot, transaction)
            login = replace(login, name=name)
        sources, policy = snapshot.sources.log_in(snapshot.policy, login, now)
        person = policy.people[login.name]
        if before is None and not person.is_let_in(now):
            # A user who was never let in leaves no trace but the refusal.
            why_not = say_refused_login(snapshot.policy, identity, person.claimed, now)
            raise ClaimsError(why_not)
        claimed_people.put_login(transaction, login)
        # The user who invited them may know a password that is now a key to more.
        is_admin = person.own_level is Level.ADMIN
        is_cut = before is None and not is_admin and remove_credentials(transaction, login.name)
        was, is_now = snapshot.sources.claimed.get(login.name), sources.claimed[login.name]
        if was != is_now:
            audit.append(
                transaction,
                at=now,
                actor=login.name,
                action=CLAIMED if before is None else CLAIMS_CHANGED,
                subject=login.name,
                detail={
                    "provider": identity.provider,
                    "subject": identity.subject,
                    "before": was and render(was),
                    "after": render(is_now),
                    **({"password": "removed"} if is_cut else {}),
                },
            )
        return replace(snapshot, sources=sources, policy=policy)

    def _choose_name(self, snapshot: Snapshot, transaction: Transaction) -> str:
        """Return the name of a user who logs in for the first time.

        Raises
        ------
        ClaimsError
            Raised if there is none, or it is another user's.
        """
        policy, provider = snapshot.policy, find_provider(snapshot.policy, self.identity)
        name = choose_name(self.identity, provider)
        holder = claimed_people.find_by_name(transaction, name)
        if holder is not None:
            of = holder.identity.provider
            raise ClaimsError(f"the name {name} belongs to another user of {of}")
        check_new_name(policy, name, provider, is_taken=name in self.taken)
        return name


@dataclass(frozen=True, slots=True)
class Forget:
    """Gives the name of a user of a provider free; their next login begins anew."""

    name: str
    reason: str
    by: str

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Refuse a user who never logged in by a provider, or whom something managed names.

        Raises
        ------
        PolicyError
            Raised with whatever still names them.
        ClaimsError
            Raised if no provider knows them.
        """
        was = snapshot.sources.claimed.get(self.name)
        if was is None:
            raise ClaimsError(f"{self.name} has not logged in by an identity provider")
        sources, policy = snapshot.sources.forget(snapshot.policy, self.name, now)
        after = replace(snapshot, sources=sources, policy=policy)
        return partial(self._record, after, was, now)

    def _record(
        self, after: Snapshot, was: ClaimedPerson, now: datetime, transaction: Transaction
    ) -> Snapshot:
        claimed_people.forget_login(transaction, self.name)
        audit.append(
            transaction,
            at=now,
            actor=self.by,
            action=FORGOTTEN,
            subject=self.name,
            detail={"reason": self.reason, "before": render(was), "after": None},
        )
        return after


def _now() -> datetime:
    return datetime.now(UTC)


class LoggedIn(NamedTuple):
    """Who has logged in, and whether a password of theirs was removed with that."""

    name: str
    lost_password: bool


class ClaimedPeople:
    """Who has logged in by a provider. Belongs to the Hub's loop.

    ``apply`` makes a change, and settles whom it moves. What is read is read in a thread.
    """

    def __init__(
        self,
        store: Store,
        credentials: LocalCredentials,
        get_snapshot: Callable[[], Snapshot],
        apply: Callable[[LogIn], Awaitable[Snapshot]],
        in_thread: Callable[..., Awaitable[Any]],
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._store = store
        self._credentials = credentials
        self._get_snapshot = get_snapshot
        self._apply = apply
        self._in_thread = in_thread
        self._clock = clock

    async def log_in(
        self, identity: ProviderIdentity, is_taken: Callable[[str], bool], *, adds: bool = False
    ) -> LoggedIn:
        """Return who has logged in. With ``adds``, what is not said stays as it was said last.

        Raises
        ------
        ClaimsError
            Raised with why they are not let in.
        PlatformError
            Raised if it cannot be recorded.
        """
        policy, now = self._get_snapshot().policy, self._clock()
        before, name, had_password = await self._in_thread(self._find_or_name, policy, identity)
        if adds and before is not None:
            identity = replace(identity, claims={**before.identity.claims, **identity.claims})
        if not self._says_the_same(before, identity, now):
            change = LogIn(identity, frozenset({name} if is_taken(name) else ()))
            await self._apply(change)
        person = self._get_snapshot().policy.people.get(name)
        if person is None or not person.is_let_in(now):
            claimed = person.claimed if person else None
            raise ClaimsError(say_refused_login(policy, identity, claimed, now))
        return LoggedIn(name, had_password and person.own_level is not Level.ADMIN)

    async def refresh(self, name: str, identity: ProviderIdentity) -> bool:
        """Take over what a provider says of a user who is logged in; tell whether they may stay.

        Raises
        ------
        ClaimsError
            Raised if what decides cannot be read.
        PlatformError
            Raised if it cannot be recorded.
        """
        now = self._clock()
        before = await self._in_thread(self._find, identity)
        if before is None or before.name != name:
            return False
        if not self._says_the_same(before, identity, now):
            await self._apply(LogIn(identity, known=name))
        person = self._get_snapshot().policy.people.get(name)
        return person is not None and person.is_let_in(now)

    def _find(self, identity: ProviderIdentity) -> ClaimedLogin | None:
        with self._store.read() as transaction:
            return claimed_people.find_login(transaction, identity.issuer, identity.subject)

    def _find_or_name(
        self, policy: Policy, identity: ProviderIdentity
    ) -> tuple[ClaimedLogin | None, str, bool]:
        """Return who an identity is, their name, and whether a new one of that name has a password.

        Together: each turn of a thread costs a login as much as a statement.
        """
        before = self._find(identity)
        if before is not None:
            return before, before.name, False
        name = choose_name(identity, find_provider(policy, identity))
        return None, name, self._credentials.has_password(name)

    def _says_the_same(
        self, before: ClaimedLogin | None, identity: ProviderIdentity, now: datetime
    ) -> bool:
        snapshot = self._get_snapshot()
        if before is None or before.name not in snapshot.sources.claimed:
            return False
        provider = find_provider(snapshot.policy, identity)
        login = take_claims(before, identity, provider, now)
        if login.identity != before.identity or login.grouped_at - before.grouped_at > CONFIRMED:
            return False
        # What time alone has ended, or a managed group that is fed by now.
        return snapshot.sources.log_in(snapshot.policy, login, now)[0] is snapshot.sources


def render(person: ClaimedPerson) -> Mapping[str, Any]:
    """Render what a rule gives, for the record."""
    return {
        "rule": person.rule,
        "level": person.level and str(person.level),
        "groups": [*person.groups],
        "fed": [*person.fed],
        "until": person.until and person.until.isoformat(),
    }
