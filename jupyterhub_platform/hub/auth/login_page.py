"""The login page: a button for each provider, and the form of local accounts."""

from collections.abc import Mapping
from typing import Any

from tornado.httputil import url_concat

from jupyterhub_platform.core.identity_providers import LocalAccounts
from jupyterhub_platform.hub.auth.login import forbid_caching
from jupyterhub_platform.hub.auth.providers.handlers import find_login
from jupyterhub_platform.hub.platform import platform_of
from jupyterhub_platform.hub.upstream.login_handler import NamedLoginHandler


class LoginPage(NamedLoginHandler):
    """The Hub's own login page with the ways to log in that the policy declares."""

    def set_default_headers(self) -> None:
        """Keep it out of caches."""
        super().set_default_headers()
        forbid_caching(self)

    def list_names(self) -> Mapping[str, Any]:
        """Return the buttons of providers, and whether there is a form."""
        local = platform_of(self.settings).snapshot.policy.identity.local
        page = self.get_argument("next", default="")
        asked = {"next": page} if page else {}
        buttons = [
            {"title": each.title, "url": url_concat(find_login(self, each.key), asked)}
            for each in self.authenticator.providers.list_declared()
        ]
        return {
            "platform_providers": buttons,
            "platform_local_accounts": local.value,
            "platform_has_local_accounts": local is not LocalAccounts.OFF,
        }
