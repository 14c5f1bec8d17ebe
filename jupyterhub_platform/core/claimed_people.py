"""Claimed people: what a rule gives to users by what their identity provider says of them.

Whatever the file or the Hub says of the same user wins, key by key.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from jupyterhub_platform.core.claims import (
    ProviderIdentity,
    find_claim,
    find_rule,
    read_all_values,
)
from jupyterhub_platform.core.errors import ClaimsError
from jupyterhub_platform.core.identity_providers import Identity
from jupyterhub_platform.core.levels import Level

Section: TypeAlias = Mapping[str, Mapping[str, Any] | None]
"""The documents of one section, by name."""

FedBy: TypeAlias = Callable[[Iterable[str]], Collection[str]]
"""Returns the groups of the policy that a provider's groups feed."""

MAX_TITLE_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class ClaimedLogin:
    """A user who has logged in by a provider, and what it said of them last.

    Attributes
    ----------
    name
        The user name, which was made at the first login and stays.
    first_at
        When that was.
    grouped_at
        When the provider last said anything of their groups.
    """

    name: str
    identity: ProviderIdentity
    first_at: datetime
    grouped_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimedPerson:
    """A user who has logged in by a provider, and what a rule gives them.

    Attributes
    ----------
    rule
        The path of the rule that gives ``level`` and ``groups``; empty if none does, any more.
    fed
        The groups that their provider's groups feed.
    until
        When what the rule gives ends by itself.
    refusal
        Why they are not let in, if the rule says so.
    named_claims
        What the provider said of them that the environment of a tier or a group names.
    """

    name: str
    provider: str
    title: str = ""
    rule: str = ""
    level: Level | None = None
    groups: tuple[str, ...] = ()
    fed: tuple[str, ...] = ()
    until: datetime | None = None
    refusal: str = ""
    named_claims: Mapping[str, Any] = field(default_factory=dict)

    def holds(self, now: datetime) -> bool:
        """Tell whether a rule lets them in at ``now``."""
        return bool(self.rule) and not self.refusal and (self.until is None or now < self.until)


def say_refused(claimed: ClaimedPerson | None, now: datetime, who: str = "you") -> str:
    """Say why a user is not let in, to ``who`` they are: ``you`` or ``them``."""
    if claimed is not None and claimed.refusal:
        return claimed.refusal
    if claimed is not None and claimed.until is not None and claimed.until <= now:
        return f"what this platform gave {who} has ended"
    return f"no rule of this platform lets {who} in"


def derive_person(
    login: ClaimedLogin,
    identity: Identity,
    fed_by: FedBy,
    now: datetime,
    named: Iterable[str] = (),
) -> ClaimedPerson:
    """Return what the rules of ``identity`` give to a user, with the claims that are ``named``.

    A provider that is not declared any more says nothing.

    Raises
    ------
    ClaimsError
        Raised if a claim that decides cannot be read.
    """
    given = ClaimedPerson(login.name, login.identity.provider, _read_title(login.identity.claims))
    provider = identity.find_provider(login.identity)
    if provider is None:
        return given
    claims = login.identity.claims
    provided = read_all_values(claims, provider.groups, trust_email=provider.trust_email)
    told = {name: find_claim(claims, name, trust_email=provider.trust_email) for name in named}
    found = {name: value for name, value in told.items() if isinstance(value, str | int | float)}
    given = replace(given, fed=tuple(sorted(fed_by(provided))), named_claims=found)
    rule = find_rule(identity.rules, login.identity, trust_email=provider.trust_email)
    if rule is None:
        return given
    until = rule.ends(login.first_at)
    if until is not None and until <= now:
        return replace(given, rule=rule.path, until=until)
    return replace(
        given,
        rule=rule.path,
        level=rule.level,
        groups=rule.groups,
        until=until,
        refusal=rule.refusal,
    )


def derive_people(
    logins: Iterable[ClaimedLogin],
    identity: Identity,
    fed_by: FedBy,
    now: datetime,
    named: Iterable[str] = (),
) -> dict[str, ClaimedPerson]:
    """Return what rules give to all who have logged in, as `derive_person` does for one.

    Claims that cannot be read give nothing: they were stored when the policy read others.
    """
    found = {}
    for login in logins:
        try:
            found[login.name] = derive_person(login, identity, fed_by, now, named)
        except ClaimsError:
            found[login.name] = ClaimedPerson(login.name, login.identity.provider)
    return found


def list_named_claims(*sections: Section) -> frozenset[str]:
    """Return the claims that an environment of a group or tier names: no others reach servers."""
    return frozenset(
        str(value["claim"])
        for section in sections
        for each in section.values()
        for value in ((each or {}).get("environment") or {}).values()
        if isinstance(value, Mapping) and "claim" in value
    )


def _read_title(claims: Mapping[str, Any]) -> str:
    """Return the name that people call a user by, if it can be one line of a page."""
    title = claims.get("name")
    usable = isinstance(title, str) and title.isprintable() and len(title) <= MAX_TITLE_LENGTH
    return str(title).strip() if usable else ""


class MergedUsers(Mapping[str, Mapping[str, Any] | None]):
    """What file and Hub say of users, over what rules give them; by name in normal form."""

    def __init__(
        self,
        own: Mapping[str, Mapping[str, Any] | None],
        claimed: Mapping[str, ClaimedPerson],
    ) -> None:
        self._own = own
        self._claimed = claimed
        self._shared: dict[tuple[Level, tuple[str, ...]], Mapping[str, Any]] = {}

    def __getitem__(self, name: str) -> Mapping[str, Any] | None:
        claimed = self._claimed.get(name)
        if claimed is None:
            return self._own[name]
        if name in self._own:
            return _merge(claimed, self._own[name] or {})
        # The same object for all to whom the same is given: many are alike.
        key = _NOTHING
        if claimed.rule and not claimed.refusal and claimed.level is not None:
            key = (claimed.level, tuple(dict.fromkeys((*claimed.groups, *claimed.fed))))
        if key not in self._shared:
            level, groups = key
            self._shared[key] = {"level": str(level), "groups": list(groups)}
        return self._shared[key]

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._claimed

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (name for name in self._claimed if name not in self._own)

    def __len__(self) -> int:
        return sum(1 for _ in self)


_NOTHING: Final[tuple[Level, tuple[str, ...]]] = (Level.VIEWER, ())
"""What they are whom no rule lets in, as long as they are known."""


def _merge(claimed: ClaimedPerson, own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is said of a user: their own level and groups before those of a rule."""
    merged = dict(own)
    if claimed.level is not None:
        merged.setdefault("level", str(claimed.level))
    groups = own.get("groups", claimed.groups) or ()
    named = list(dict.fromkeys((*groups, *claimed.fed)))
    return {**merged, "groups": named} if named else merged
