"""Logins whose claims say who a user is here: what the platform makes of them, and refuses.

The claims come from a provider that the policy declares, or from an authenticator of the site's
own, for which a provider of the kind ``authenticator`` stands.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from jupyterhub import orm
from tornado import web

from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.core.errors import ClaimsError, StoreError
from jupyterhub_platform.core.identity_providers import OWN_NAME, Provider
from jupyterhub_platform.hub.auth.provider_data import read_groups
from jupyterhub_platform.hub.auth.providers.proven import unite_claims
from jupyterhub_platform.hub.people.hub_queries import end_access
from jupyterhub_platform.hub.platform import Platform
from jupyterhub_platform.hub.retry_after import retry_after

NOT_RECORDED: Final = (
    "Your login cannot be recorded now. Try again in a minute, or ask an admin to look at the store"
)
RETRY_SECONDS: Final = 15
GROUPS: Final = "groups"


async def log_in(platform: Platform, identity: ProviderIdentity, *, adds: bool = False) -> str:
    """Return the name of the user who has proved an identity.

    With ``adds``, claims that it does not have stay as they were said last.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 403 and why they are not let in, or with 503 if it cannot be recorded.
    """
    database = platform.app.db

    def is_taken(name: str) -> bool:
        return orm.User.find(database, name) is not None

    try:
        name, lost_password = await platform.claimed.log_in(identity, is_taken, adds=adds)
    except ClaimsError as error:
        raise web.HTTPError(403, f"{_title(platform, identity)}: {error}. Ask an admin.") from error
    except StoreError as error:
        platform.runtime.health.mark_down(error)
        raise retry_after(web.HTTPError(503, NOT_RECORDED), RETRY_SECONDS) from error
    if lost_password and (orm_user := orm.User.find(database, name)):
        # Any user who knew it may have opened them.
        end_access(database, [orm_user.id])
    return name


async def refresh(platform: Platform, name: str, identity: ProviderIdentity, log: Any) -> bool:
    """Take what a provider says of a user anew; tell whether they may stay."""
    try:
        return await platform.claimed.refresh(name, identity)
    except ClaimsError as error:
        log.warning("%s is logged out: %s: %s", name, _title(platform, identity), error)
        return False
    except StoreError as error:
        # As it was: what cannot be recorded has not happened.
        platform.runtime.health.mark_down(error)
        return True


def find_vouching(authenticator: Any) -> Provider | None:
    """Return the provider of the policy that stands for a site's own authenticator."""
    if authenticator.local_credentials:
        return None
    return cast("Platform", authenticator.platform).snapshot.policy.identity.authenticator


async def log_in_vouched(authenticator: Any, model: Mapping[str, Any]) -> None:
    """Take what a site's own authenticator says of a user who logs in, if rules may ask for it.

    Raises
    ------
    tornado.web.HTTPError
        Raised as `log_in` does.
    """
    if (provider := find_vouching(authenticator)) is not None:
        identity = read_identity(provider, model, _state_key(authenticator))
        await log_in(authenticator.platform, identity)


async def refresh_vouched(authenticator: Any, model: Mapping[str, Any]) -> bool:
    """Take what a site's own authenticator says of a user anew; tell whether they may stay.

    Users may have logged in before the policy named a provider that stands for it.
    """
    if (provider := find_vouching(authenticator)) is None:
        return True
    key = _state_key(authenticator)
    # One that says groups alone has not taken back the rest.
    adds = not _list_said(model, key)
    try:
        await log_in(authenticator.platform, read_identity(provider, model, key), adds=adds)
    except web.HTTPError as error:
        if error.status_code == 403:
            authenticator.log.warning("%s is logged out: %s", model["name"], error.log_message)
        # What cannot be recorded has not happened.
        return error.status_code != 403
    return True


def read_identity(
    provider: Provider, model: Mapping[str, Any], state_key: str = ""
) -> ProviderIdentity:
    """Return who a user is by the model of an authenticator of the site's own.

    It names its users, so that the name is the subject. What it says of one is its ``groups``, its
    ``user_info``, and what an authenticator of oauthenticator's keeps under ``state_key``; never
    the rest of the state, which has tokens.
    """
    name, sources = model["name"], _list_said(model, state_key)
    if model.get(GROUPS) is not None:
        sources.append({GROUPS: sorted(read_groups(model[GROUPS], name))})
    claims = unite_claims(*sources, {OWN_NAME: name})
    return ProviderIdentity(provider.key, provider.issuer, name, claims)


def _list_said(model: Mapping[str, Any], state_key: str) -> list[Mapping[str, Any]]:
    state = model.get("auth_state")
    of_provider = state.get(state_key) if state_key and isinstance(state, Mapping) else None
    return [each for each in (of_provider, model.get("user_info")) if isinstance(each, Mapping)]


def _state_key(authenticator: Any) -> str:
    """Return where an authenticator of oauthenticator's keeps what its provider says of a user."""
    return str(getattr(authenticator, "user_auth_state_key", ""))


def _title(platform: Platform, identity: ProviderIdentity) -> str:
    provider = platform.snapshot.policy.identity.providers.get(identity.provider)
    return provider.title if provider else identity.provider
