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
from jupyterhub_platform.core.claims import ProviderIdentity, read_values
from jupyterhub_platform.core.errors import ClaimsError, IdentityError, Place
from jupyterhub_platform.core.identity import normalise_user
from jupyterhub_platform.core.identity_providers import Provider
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.managed import Sources
from jupyterhub_platform.core.people import Person
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.documents import ReadPolicy
from jupyterhub_platform.store import audit, claimed_people
from jupyterhub_platform.store.credentials import remove_credentials
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.changes import Record
from jupyterhub_platform.usecases.credentials import LocalCredentials
from jupyterhub_platform.usecases.snapshot import Snapshot

FORGOTTEN: Final = "person.forgotten"
CLAIMED: Final = "person.claimed"
CLAIMS_CHANGED: Final = "person.claims_changed"

MAX_LENGTH: Final = 128 * 1024
"""Characters of the claims of one user that are kept."""
GROUPS_LAST: Final = timedelta(days=1)
"""How long the groups that a provider said last count, while it says nothing of groups."""
CONFIRMED: Final = timedelta(hours=1)
"""How old the time may be at which a provider said the same groups, before it is stored again."""

_OF_ONE_LOGIN: Final = frozenset(
    {
        *("iss", "sub", "aud", "azp", "iat", "nbf", "exp", "auth_time", "nonce", "jti"),
        *("at_hash", "c_hash", "s_hash", "sid", "session_state", "typ"),
    }
)
"""Claims that say nothing of a user, and differ at each login."""


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
            raise ClaimsError(say_refused(person.claimed, now))
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

    async def log_in(self, identity: ProviderIdentity, is_taken: Callable[[str], bool]) -> LoggedIn:
        """Return who has logged in.

        Raises
        ------
        ClaimsError
            Raised with why they are not let in.
        PlatformError
            Raised if it cannot be recorded.
        """
        policy, now = self._get_snapshot().policy, self._clock()
        before = await self._in_thread(self._find, identity)
        name = before.name if before else choose_name(identity, find_provider(policy, identity))
        had_password = before is None and await self._in_thread(
            self._credentials.has_password, name
        )
        if not self._says_the_same(before, identity, now):
            change = LogIn(identity, frozenset({name} if is_taken(name) else ()))
            await self._apply(change)
        person = self._get_snapshot().policy.people.get(name)
        if person is None or not person.is_let_in(now):
            raise ClaimsError(say_refused(person.claimed if person else None, now))
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


def take_claims(
    before: ClaimedLogin | None, identity: ProviderIdentity, provider: Provider, now: datetime
) -> ClaimedLogin:
    """Return a login with what is kept of it.

    That a provider says nothing of groups does not mean that there are none: what it said last
    counts for a day.

    Raises
    ------
    ClaimsError
        Raised if it says more than can be kept.
    """
    claims = {name: each for name, each in identity.claims.items() if name not in _OF_ONE_LOGIN}
    if len(claimed_people.render_claims(claims)) > MAX_LENGTH:
        raise ClaimsError(f"it says more of you than the {MAX_LENGTH // 1024} KiB that are kept")
    grouped_at = now
    if before is not None and read_values(claims, provider.groups) is None:
        kept = before.identity.claims
        grouped_at = before.grouped_at
        if now - grouped_at < GROUPS_LAST and read_values(kept, provider.groups) is not None:
            claims[provider.groups] = list(read_values(kept, provider.groups) or ())
    name, first_at = (before.name, before.first_at) if before else ("", now)
    return ClaimedLogin(name, replace(identity, claims=claims), first_at, grouped_at)


def choose_name(identity: ProviderIdentity, provider: Provider) -> str:
    """Return the user name that claims give: the first that can be one.

    Raises
    ------
    ClaimsError
        Raised if none can.
    """
    why_not = f"none of the claims {', '.join(provider.names)} has a name"
    for claim in provider.names:
        values = read_values(identity.claims, claim, trust_email=provider.trust_email) or ()
        if len(values) != 1 or not values[0].strip():
            continue
        try:
            return normalise_user(values[0])
        except IdentityError as error:
            why_not = str(error)
    raise ClaimsError(why_not)


def check_new_name(policy: Policy, name: str, provider: Provider, *, is_taken: bool) -> None:
    """Refuse a user who logs in for the first time a name that is, or looks like, another's.

    Raises
    ------
    ClaimsError
        Raised if it is known here, and the provider lets its users choose their names.
    """
    if name in policy.people or is_taken:
        if not provider.assigns_names:
            raise ClaimsError(
                f"the name {name} is known here already, and users of {provider.title} choose "
                "their names themselves"
            )
    elif alike := policy.find_look_alike(name):
        raise ClaimsError(f"the name {name} looks like that of another user, {alike}")


def find_provider(policy: Policy, identity: ProviderIdentity) -> Provider:
    """Return the provider that an identity is of.

    Raises
    ------
    ClaimsError
        Raised if it is not declared any more.
    """
    provider = policy.identity.find_provider(identity)
    if provider is None:
        raise ClaimsError(f"the provider {identity.provider} is not declared any more")
    return provider


@dataclass(frozen=True, slots=True)
class Trial:
    """Who a user would be by a file: their groups, each with the key path that says so.

    ``lines`` says where each key path is.
    """

    name: str
    person: Person
    groups: Mapping[str, str]
    lines: Mapping[str, Place]
    is_let_in: bool
    why_not: str


def try_claims(read: ReadPolicy, identity: ProviderIdentity, now: datetime) -> Trial:
    """Say who a user with these claims would be by a file alone, at their first login.

    Raises
    ------
    ClaimsError
        Raised if their claims give no name, cannot be read, or it is a name that they may not have.
    """
    provider = find_provider(read.policy, identity)
    name = choose_name(identity, provider)
    check_new_name(read.policy, name, provider, is_taken=False)
    login = replace(take_claims(None, identity, provider, now), name=name)
    policy = Sources(read.document).log_in(read.policy, login, now)[1]
    person = policy.people[name]
    groups = {g: policy.membership_path(name, g) for g in sorted(policy.declared_groups(name))}
    is_let_in = person.is_let_in(now)
    why_not = "" if is_let_in else say_refused(person.claimed, now)
    return Trial(name, person, groups, read.policy.lines, is_let_in, why_not)


def say_refused(claimed: ClaimedPerson | None, now: datetime) -> str:
    """Say why a user is not let in."""
    if claimed is not None and claimed.refusal:
        return claimed.refusal
    if claimed is not None and claimed.until is not None and claimed.until <= now:
        return "what this platform gave you has ended"
    return "no rule of this platform lets you in"


def render(person: ClaimedPerson) -> Mapping[str, Any]:
    """Render what a rule gives, for the record."""
    return {
        "rule": person.rule,
        "level": person.level and str(person.level),
        "groups": [*person.groups],
        "fed": [*person.fed],
        "until": person.until and person.until.isoformat(),
    }
