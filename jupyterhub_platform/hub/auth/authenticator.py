"""The platform's own authenticator: passwords that it keeps, and the providers of the policy."""

import time
from collections.abc import Mapping
from typing import Any

from tornado import web
from traitlets import Bool, Float, Int, validate

from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.core.identity_providers import LocalAccounts, Provider
from jupyterhub_platform.core.local_accounts import OFF, why_no_password
from jupyterhub_platform.hub.auth.auth_state_key import keep_auth_state
from jupyterhub_platform.hub.auth.claimed_logins import log_in, refresh
from jupyterhub_platform.hub.auth.governed_authenticator import GovernedAuthenticator
from jupyterhub_platform.hub.auth.login import LocalLogin
from jupyterhub_platform.hub.auth.login_page import LoginPage
from jupyterhub_platform.hub.auth.providers.attempts import Attempts
from jupyterhub_platform.hub.auth.providers.handlers import (
    CALLBACK,
    LOGIN,
    PROVEN,
    ProviderCallback,
    ProviderLogin,
    ProviderLogout,
)
from jupyterhub_platform.hub.auth.providers.kept_logins import KeptLogins
from jupyterhub_platform.hub.auth.providers.proven import Proven
from jupyterhub_platform.hub.auth.providers.registry import Providers
from jupyterhub_platform.hub.auth.providers.turns import Turns
from jupyterhub_platform.usecases.login_throttle import TRY_BURST, SourceLimit


class PlatformAuthenticator(GovernedAuthenticator):
    """Users with a local account, who are invited and choose a password, or of a provider.

    The policy says which providers there are, and who may have a local account. Another way to
    authenticate by a form overrides :meth:`identify` alone.
    """

    local_credentials = True

    auth_refresh_age = Float(
        60.0, help="Seconds until a person's declared memberships are looked at again."
    ).tag(config=True)
    tries_per_source = Int(
        TRY_BURST,
        help="""
        Wrong passwords, invites and codes of providers that are looked at for one network address
        at once; after that it is one every two seconds. Raise it where many people come from one
        address.
        """,
    ).tag(config=True)
    allow_all = Bool(True, help="All declared users may log in, and only they.").tag(config=True)

    auto_login = Bool(
        False,
        help="""
        Lead users straight to the provider, where the policy declares only one. The login page
        itself is then at ``/hub/login?local``.
        """,
    ).tag(config=True)

    _leads_on = False
    kept_logins: KeptLogins | None = None
    own_pages = (
        ("/login", LoginPage),
        ("/logout", ProviderLogout),
        (rf"/{LOGIN}/([^/]+)", ProviderLogin),
        (rf"/{CALLBACK}/([^/]+)", ProviderCallback),
    )

    def get_handlers(self, app: Any) -> list[Any]:
        """Add login with local accounts to the platform's pages."""
        handlers = super().get_handlers(app)
        self.login = LocalLogin(self.platform.runtime.credentials, self.tries_per_source)
        self.attempts = Attempts()
        self.answers = SourceLimit(time.monotonic, self.tries_per_source)
        # Half of them, so that wrong ones are still refused while right ones are looked at.
        self.turns = Turns(max(1, self.tries_per_source // 2))
        self.providers = Providers(
            lambda: self.platform.snapshot.policy.identity,
            self,
            lambda: keep_auth_state(app, self.platform.settings.state_dir),
        )
        self.kept_logins = KeptLogins(self.providers, self._take)
        if self.providers.list_declared():
            # Not at the first login, which would hold the Hub's loop meanwhile.
            self.providers.prepare()
        return handlers

    @validate("auto_login")
    def _keep_login_page(self, proposal: Mapping[str, Any]) -> bool:
        # JupyterHub would take the request itself for a login, and refuse everybody.
        self._leads_on = bool(proposal["value"])
        return False

    def find_only_provider(self) -> Provider | None:
        """Return the provider to which the site has users led at once; ``None`` if to none."""
        declared = self.providers.list_declared() if self._leads_on else ()
        return declared[0] if len(declared) == 1 else None

    async def authenticate(self, handler: Any, data: Any) -> dict[str, Any] | None:
        """Take what a provider has proved, or check a login form."""
        fields = data if isinstance(data, dict) else {}
        proven = fields.get(PROVEN)
        if isinstance(proven, Proven):
            name = await log_in(self.platform, proven.identity)
            return {"name": name, "auth_state": proven.render_state()}
        known = await self.identify(handler, fields)
        return None if known is None else {"name": known}

    async def identify(self, handler: Any, data: dict[str, str]) -> str | None:
        """Return who logs in by a form, or ``None``."""
        policy = self.platform.snapshot.policy
        if policy.identity.local is LocalAccounts.OFF:
            raise web.HTTPError(403, OFF)
        if "username" not in data:
            # Without one, the Hub's page for a failed login is a server error.
            raise web.HTTPError(403, "Invalid username or password")
        name, password = data["username"], data.get("password", "")
        if not isinstance(name, str) or not isinstance(password, str):
            raise web.HTTPError(403, "Invalid username or password")
        known = await self.login.check(handler, name, password)
        # Only to a user who knows the password: strangers are not told who is an admin.
        if known is not None and (why_not := why_no_password(policy, known)):
            raise web.HTTPError(403, why_not)
        return known

    async def refresh_user(self, user: Any, handler: Any = None) -> Any:
        """Ask a user's provider about them again, then bring them to the current policy."""
        self.refuse_suspended(user.name)
        kept = self.kept_logins
        if kept is not None and not await kept.refresh(user, handler):
            return False
        return await super().refresh_user(user, handler)

    async def _take(self, name: str, identity: ProviderIdentity) -> bool:
        return await refresh(self.platform, name, identity, self.log)
