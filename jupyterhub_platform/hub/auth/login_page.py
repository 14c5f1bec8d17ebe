"""The login page: a button for each provider, and the form of local accounts."""

from collections.abc import Mapping
from typing import Any, Final

from tornado.httputil import url_concat

from jupyterhub_platform.core.identity_providers import LocalAccounts, Provider
from jupyterhub_platform.hub.auth.login import forbid_caching
from jupyterhub_platform.hub.auth.providers.handlers import find_login
from jupyterhub_platform.hub.platform import platform_of
from jupyterhub_platform.hub.upstream.login_handler import NamedLoginHandler

LOCAL: Final = "local"
"""What an address has for the page itself, where users are led on to their provider."""


class LoginPage(NamedLoginHandler):
    """The Hub's own login page with the ways to log in that the policy declares."""

    def set_default_headers(self) -> None:
        """Keep it out of caches."""
        super().set_default_headers()
        forbid_caching(self)

    async def get(self) -> None:
        """Render the page, or lead straight to the only provider where a site wants that."""
        only = self.authenticator.find_only_provider()
        is_asked_for = self.get_argument(LOCAL, default=None) is not None
        if only is None or is_asked_for or self.current_user is not None:
            await super().get()
        else:
            self.redirect(self._find_address(only))

    def _find_address(self, provider: Provider) -> str:
        page = self.get_argument("next", default="")
        return str(url_concat(find_login(self, provider.key), {"next": page} if page else {}))

    def list_names(self) -> Mapping[str, Any]:
        """Return the buttons of providers, and whether there is a form."""
        local = platform_of(self.settings).snapshot.policy.identity.local
        return {
            "platform_providers": [
                {"title": each.title, "url": self._find_address(each)}
                for each in self.authenticator.providers.list_declared()
            ],
            "platform_local_accounts": local.value,
            "platform_has_local_accounts": local is not LocalAccounts.OFF,
        }
