"""What a provider's claims say of a user, and the first rule that they match.

Claims are foreign data. Only text, numbers, truth values and lists of them are read, a bounded
number of each; what has another shape is refused where it is needed, and never read as nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final

from jupyterhub_platform.core.errors import ClaimsError
from jupyterhub_platform.core.levels import Level

MAX_VALUES: Final = 1000
"""How many groups, or other values of one claim, are read."""
MAX_LENGTH: Final = 255
"""Characters of one value: the size of a column of the Hub's database."""
EMAIL: Final = "email"
VERIFIED: Final = "email_verified"
_SHOWN: Final = 64
_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """Who a user is to a provider, as the provider has proved.

    Attributes
    ----------
    provider
        The key of the provider under ``identity.providers``.
    issuer, subject
        Whom the provider means: these two and nothing else are the identity.
    claims
        What it says of them: the ID token and the userinfo together, as plain JSON values.
    """

    provider: str
    issuer: str
    subject: str
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """A claim, and what it must hold: one of ``values``, or a text that one of ``patterns`` is."""

    claim: str
    values: frozenset[str]
    patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, claim: str, wanted: Iterable[str]) -> "Condition":
        """Return the condition that a claim holds any of what is ``wanted``."""
        # Addresses differ in case, and mean the same.
        forms = [each.casefold() if claim == EMAIL else each for each in wanted]
        patterns = tuple(each for each in forms if _ANY in each)
        return cls(claim, frozenset(forms) - {*patterns}, patterns)

    def holds(self, found: frozenset[str]) -> bool:
        """Tell whether one of the values of the claim will do."""
        return not self.values.isdisjoint(found) or any(
            matches(each, pattern) for pattern in self.patterns for each in found
        )


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """What people are whose claims match, or why they are refused.

    ``path`` is where it stands in the file. What it gives ends at ``until``, or ``within`` after
    their first login; the earlier counts.
    """

    path: str
    title: str = ""
    provider: str | None = None
    conditions: tuple[Condition, ...] = ()
    refusal: str = ""
    level: Level = Level.USER
    groups: tuple[str, ...] = ()
    until: datetime | None = None
    within: timedelta | None = None

    def describe(self) -> str:
        """Say whom it is for, in a few words."""
        wanted = [
            f"{each.claim} {' or '.join(sorted((*each.values, *each.patterns)))}"
            for each in self.conditions
        ]
        has = f"has {' and '.join(wanted)}" if wanted else "logs in"
        return f"{has} at {self.provider}" if self.provider else has

    def ends(self, first_login: datetime) -> datetime | None:
        """Return when what it gives ends for a user; ``None`` if it does not."""
        after = first_login + self.within if self.within is not None else None
        ends = [each for each in (self.until, after) if each is not None]
        return min(ends, default=None)


def find_rule(
    rules: Iterable[IdentityRule], identity: ProviderIdentity, *, trust_email: bool
) -> IdentityRule | None:
    """Return the first rule that the claims match.

    Raises
    ------
    ClaimsError
        Raised if a claim that decides cannot be read.
    """
    read: dict[str, frozenset[str]] = {}

    def holds(condition: Condition) -> bool:
        claim = condition.claim
        if claim not in read:
            found = read_values(identity.claims, claim, trust_email=trust_email) or ()
            read[claim] = frozenset(map(str.casefold, found) if claim == EMAIL else found)
        return condition.holds(read[claim])

    return next(
        (
            rule
            for rule in rules
            if rule.provider in {None, identity.provider} and all(map(holds, rule.conditions))
        ),
        None,
    )


def read_values(
    claims: Mapping[str, Any], claim: str, *, trust_email: bool = False
) -> tuple[str, ...] | None:
    """Return the values of a claim as texts; ``None`` if there is no such claim.

    What counts as a claim, and how its name is read, `find_claim` says.

    Raises
    ------
    ClaimsError
        Raised if it has another shape, too many values, or one that is too long.
    """
    found = find_claim(claims, claim, trust_email=trust_email)
    if found is None:
        return None
    if isinstance(found, list | tuple):
        if len(found) > MAX_VALUES:
            raise ClaimsError(
                f"the claim “{claim[:_SHOWN]}” has {len(found)} values, and at most {MAX_VALUES} "
                "are read"
            )
        return tuple(_read_value(each, claim) for each in found)
    return (_read_value(found, claim),)


def read_all_values(
    claims: Mapping[str, Any], names: Iterable[str], *, trust_email: bool = False
) -> tuple[str, ...]:
    """Return the values of several claims as texts; none of those that there are not.

    Raises
    ------
    ClaimsError
        Raised as by `read_values`.
    """
    found = (read_values(claims, name, trust_email=trust_email) or () for name in names)
    return tuple(chain.from_iterable(found))


def find_claim(claims: Mapping[str, Any], claim: str, *, trust_email: bool) -> Any:
    """Return what a provider said under this name; ``None`` if nothing that counts.

    The name may lead into objects (``realm_access.roles``), unless a claim has it whole. An e-mail
    address that is not verified does not count, unless its provider is trusted to give only such.
    """
    if claim == EMAIL and not trust_email and not _is_verified(claims):
        return None
    if claim in claims:
        return claims[claim]
    found: Any = claims
    for step in claim.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found


def has_unverified_email(claims: Mapping[str, Any], *, trust_email: bool) -> bool:
    """Tell whether there is an e-mail address that does not count."""
    return EMAIL in claims and find_claim(claims, EMAIL, trust_email=trust_email) is None


def _is_verified(claims: Mapping[str, Any]) -> bool:
    # Some providers send all claims as text.
    return claims.get(VERIFIED) is True or claims.get(VERIFIED) == "true"


def _read_value(value: Any, claim: str) -> str:
    text = read_scalar(value)
    if text is None:
        raise ClaimsError(f"the claim “{claim[:_SHOWN]}” holds something that is no text")
    if len(text) > MAX_LENGTH:
        raise ClaimsError(
            f"the claim “{claim[:_SHOWN]}” has a value of {len(text)} characters, and at most "
            f"{MAX_LENGTH} are read"
        )
    return text


def read_scalar(value: object) -> str | None:
    """Return a single value as claims and rules compare it; ``None`` if it is not one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    # A number with more digits than that is refused by the interpreter itself.
    if isinstance(value, int) and abs(value) < 10**MAX_LENGTH:
        return str(value)
    return value if isinstance(value, str) else None


def matches(text: str, pattern: str) -> bool:
    """Tell whether a text is a pattern, in which ``*`` stands for any text; in linear time."""
    first, *rest = pattern.split(_ANY)
    if not rest:
        return text == pattern
    *between, last = rest
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for part in between:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
