"""What is taken of the claims of a login: what is kept, the user name, and why there is none."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from jupyterhub_platform.core.claimed_people import ClaimedLogin, ClaimedPerson, say_refused
from jupyterhub_platform.core.claims import (
    EMAIL,
    ProviderIdentity,
    has_unverified_email,
    read_values,
)
from jupyterhub_platform.core.errors import ClaimsError, IdentityError
from jupyterhub_platform.core.identity import normalise_user
from jupyterhub_platform.core.identity_providers import Provider
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.store.claimed_people import render_claims

MAX_LENGTH: Final = 128 * 1024
"""Characters of the claims of one user that are kept."""
GROUPS_LAST: Final = timedelta(days=1)
"""How long the groups that a provider said last count, while it says nothing of groups."""
_OF_ONE_LOGIN: Final = frozenset(
    {
        *("iss", "sub", "aud", "azp", "iat", "nbf", "exp", "auth_time", "nonce", "jti"),
        *("at_hash", "c_hash", "s_hash", "sid", "session_state", "typ"),
    }
)
"""Claims that say nothing of a user, and differ at each login."""


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
    if len(render_claims(claims)) > MAX_LENGTH:
        raise ClaimsError(f"it says more of you than the {MAX_LENGTH // 1024} KiB that are kept")
    grouped_at = now
    missing = [each for each in provider.groups if read_values(claims, each) is None]
    if before is not None and missing:
        older = {each: read_values(before.identity.claims, each) for each in missing}
        kept = {each: list(values) for each, values in older.items() if values is not None}
        if kept or len(missing) == len(provider.groups):
            grouped_at = before.grouped_at
        if now - grouped_at < GROUPS_LAST:
            claims |= kept
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
    if EMAIL in provider.names:
        why_not += _say_unverified(identity, provider)
    raise ClaimsError(why_not)


def _say_unverified(identity: ProviderIdentity, provider: Provider) -> str:
    """Say that an e-mail address does not count, if so: who asks for one wonders why."""
    if not has_unverified_email(identity.claims, trust_email=provider.trust_email):
        return ""
    return f" (email does not count: {provider.title} does not say that it is verified)"


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


def say_refused_login(
    policy: Policy, identity: ProviderIdentity, claimed: ClaimedPerson | None, now: datetime
) -> str:
    """Say why a user who has just proved an identity is not let in."""
    provider, told = find_provider(policy, identity), say_refused(claimed, now)
    if EMAIL in policy.identity.list_needed(provider):
        told += _say_unverified(identity, provider)
    return told
