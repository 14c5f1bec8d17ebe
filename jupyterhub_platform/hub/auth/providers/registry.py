"""The providers that the policy in force declares, each with what speaks to it.

They follow the policy: a changed file changes the login page at once, and what is known of a
provider that did not change is kept.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, Protocol

from jupyterhub_platform.core.identity_providers import (
    AUTHENTICATOR,
    BASIC,
    GITHUB,
    HEADER,
    POST,
    Identity,
    Provider,
)
from jupyterhub_platform.hub.auth.providers.attempts import Attempt
from jupyterhub_platform.hub.auth.providers.errors import ProviderSettingError
from jupyterhub_platform.hub.auth.providers.front_end import FrontEndClient, find_front_end
from jupyterhub_platform.hub.auth.providers.proven import Proven, Tokens
from jupyterhub_platform.hub.auth.providers.secrets import read_secret

log = logging.getLogger(__name__)


class RedirectingClient(Protocol):
    """What speaks to a provider that users are sent to, and come back from."""

    provider: Provider

    async def begin(self, attempt: Attempt, callback: str) -> str:
        """Return the provider's address at which a user logs in."""

    async def check_issuer(self, named: str) -> None:
        """Refuse an answer that another provider gave in this one's place."""

    async def finish(self, attempt: Attempt, code: str, callback: str) -> Proven:
        """Return who has logged in."""

    async def renew(self, known: Proven) -> Tokens:
        """Return newer tokens of a user, if there can be newer ones."""

    async def ask_again(self, known: Proven, tokens: Tokens) -> Proven | None:
        """Return who a user is now; ``None`` if that cannot be asked."""

    async def find_logout(self, known: Proven, page: str) -> str:
        """Return where a user logs out at the provider; may be empty."""


AnyClient = RedirectingClient | FrontEndClient


class Providers:
    """The providers of the policy in force. Belongs to the Hub's loop.

    ``begin`` is called once, before the first of them is used.
    """

    def __init__(
        self, get_identity: Callable[[], Identity], parent: Any, begin: Callable[[], None]
    ) -> None:
        self._get_identity = get_identity
        self._parent = parent
        self._begin: Callable[[], None] | None = begin
        self._seen: Mapping[str, Provider] = {}
        self._clients: dict[str, AnyClient] = {}

    def list_declared(self) -> tuple[Provider, ...]:
        """Return the providers, in their order on the login page."""
        declared = self._get_identity().providers
        if declared is not self._seen:
            self._forget_changed(declared)
        return tuple(each for each in declared.values() if each.kind != AUTHENTICATOR)

    def prepare(self) -> None:
        """Have the Hub keep what they give, and load what speaks to them."""
        if self._begin is not None:
            import_module("jupyterhub_platform.hub.auth.providers.oidc")
            self._begin()
            self._begin = None

    def find(self, key: str) -> AnyClient | None:
        """Return what speaks to a provider; ``None`` if the policy has none of this key.

        Raises
        ------
        ProviderSettingError
            Raised if it cannot be used as it is declared.
        """
        declared = self._get_identity().providers
        if declared is not self._seen:
            self._forget_changed(declared)
        provider = declared.get(key)
        if provider is None or provider.kind == AUTHENTICATOR:
            return None
        if key not in self._clients:
            self.prepare()
            self._clients[key] = make_client(provider, self._parent)
        return self._clients[key]

    def _forget_changed(self, declared: Mapping[str, Provider]) -> None:
        self._clients = {
            key: client
            for key, client in self._clients.items()
            if declared.get(key) == client.provider
        }
        changed = [each for key, each in declared.items() if self._seen.get(key) != each]
        self._seen = declared
        for each in changed:
            if why_not := find_missing(each):
                log.error("Nobody can log in by the identity provider %s: %s", each.key, why_not)


def find_missing(provider: Provider) -> str:
    """Say what a provider lacks, such as a secret that cannot be read; empty if nothing."""
    if provider.kind == AUTHENTICATOR:
        return "it stands for an authenticator of the site's own, and this Hub has the platform's"
    client, front_end = provider.client, provider.front_end
    places = [
        *((client.secret, client.key) if client else ()),
        *((front_end.secret,) if front_end else ()),
    ]
    try:
        for place in places:
            if place is not None:
                read_secret(place)
    except ProviderSettingError as error:
        return str(error)
    return ""


def make_client(provider: Provider, parent: Any) -> AnyClient:
    """Return what speaks to a provider.

    Raises
    ------
    ProviderSettingError
        Raised if it cannot be used as it is declared.
    """
    if provider.kind == HEADER:
        return FrontEndClient(provider, find_front_end(provider))
    client = provider.client
    if client is None:
        raise ProviderSettingError("the policy does not say which client this platform is")
    # Not above: a Hub without providers starts sooner without what they need.
    if provider.kind == GITHUB:
        from jupyterhub_platform.hub.auth.providers.github import GitHubClient

        # It takes a secret in no other way.
        by_form = replace(client, auth=POST) if client.auth == BASIC else client
        return GitHubClient(provider, by_form, parent=parent)
    from jupyterhub_platform.hub.auth.providers.oidc import OidcClient

    return OidcClient(provider, client, parent=parent)
