"""The platform's own authenticator: users of the policy with passwords that the platform keeps."""

from typing import Any

from tornado import web
from traitlets import Bool, Float, Int

from jupyterhub_platform.hub.auth.governed_authenticator import GovernedAuthenticator
from jupyterhub_platform.hub.auth.login import LocalLogin, LoginPage
from jupyterhub_platform.usecases.login_throttle import TRY_BURST


class PlatformAuthenticator(GovernedAuthenticator):
    """Local accounts: users are declared in the policy, invited, and choose their own password.

    Another way to authenticate (OpenID Connect) overrides :meth:`identify` alone.
    """

    local_credentials = True

    auth_refresh_age = Float(
        60.0, help="Seconds until a person's declared memberships are looked at again."
    ).tag(config=True)
    tries_per_source = Int(
        TRY_BURST,
        help="""
        Wrong passwords and invites that are looked at for one network address at once; after that
        it is one every two seconds. Raise it where many people come from one address.
        """,
    ).tag(config=True)
    allow_all = Bool(True, help="All declared users may log in, and only they.").tag(config=True)

    own_pages = (("/login", LoginPage),)

    def get_handlers(self, app: Any) -> list[Any]:
        """Add login with local accounts to the platform's pages."""
        handlers = super().get_handlers(app)
        self.login = LocalLogin(self.platform.runtime.credentials, self.tries_per_source)
        return handlers

    async def authenticate(self, handler: Any, data: Any) -> dict[str, Any] | None:
        """Check a login form."""
        name = await self.identify(handler, data if isinstance(data, dict) else {})
        return None if name is None else {"name": name}

    async def identify(self, handler: Any, data: dict[str, str]) -> str | None:
        """Return who logs in, or ``None``."""
        if "username" not in data:
            # Without one, the Hub's page for a failed login is a server error.
            raise web.HTTPError(403, "Invalid username or password")
        name, password = data["username"], data.get("password", "")
        if not isinstance(name, str) or not isinstance(password, str):
            raise web.HTTPError(403, "Invalid username or password")
        return await self.login.check(handler, name, password)
