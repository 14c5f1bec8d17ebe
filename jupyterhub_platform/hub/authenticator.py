"""Who is let in: the platform's authenticator, and the gate that any other one gets too."""

import inspect
from datetime import UTC, datetime
from typing import Any

from jupyterhub import orm
from jupyterhub.auth import Authenticator
from tornado import web
from traitlets import Bool, Float

from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import normalise_user
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.suspensions import say_suspended
from jupyterhub_platform.hub.admission import AdmissionMixin
from jupyterhub_platform.hub.handlers import platform_handlers
from jupyterhub_platform.hub.login import LocalLogin, LoginPage
from jupyterhub_platform.hub.platform import Platform, start_platform
from jupyterhub_platform.hub.servers import list_active, stop_server
from jupyterhub_platform.hub.stock_api import stock_api_handlers, stock_page_handlers
from jupyterhub_platform.usecases.memberships import settle_memberships

NOT_DECLARED = "{name} is not declared on this platform. Ask an admin to add them."


class GovernedAuthenticator(Authenticator):  # type: ignore[misc]
    """Whatever proves who somebody is: the policy says whether they come in and what they may.

    Mix it in before a site's own authenticator. Identity, allowing and blocking stay with that one;
    a person whom the policy does not declare is refused in addition.
    """

    platform: Platform
    local_accounts = False
    """Whether people log in with passwords that the platform keeps."""

    def get_handlers(self, app: Any) -> list[Any]:
        """Start the platform, before anything is served, and add its pages and its API."""
        self.platform = start_platform(app)
        own = [*platform_handlers(app), *stock_api_handlers()]
        return [*own, *super().get_handlers(app), *stock_page_handlers()]

    def normalize_username(self, username: str) -> str:
        """Return the one form of a name; one that is no name is left for validation to refuse.

        Only case is folded here: what proved who somebody is may know another person whose name
        looks the same (a ligature, the Kelvin sign), and that one is not let in as this one.
        """
        lowered = username.lower()
        if lowered.isascii() and not username.isascii():
            return username
        mapped = self.username_map.get(lowered, username)
        try:
            form = normalise_user(mapped)
        except IdentityError:
            return str(super().normalize_username(username))
        return form if mapped.isascii() else mapped

    def validate_username(self, username: str) -> bool:
        """Accept only names in their one form, also where an admin adds somebody by hand."""
        try:
            normal = normalise_user(username)
        except IdentityError:
            return False
        return normal == username and bool(super().validate_username(username))

    def check_blocked_users(self, username: str, authentication: Any = None) -> Any:
        """Refuse whom the policy does not declare, or who is suspended; always asked."""
        if username not in self.platform.snapshot.policy.people:
            raise web.HTTPError(403, NOT_DECLARED.format(name=username))
        self.refuse_suspended(username)
        return super().check_blocked_users(username, authentication)

    async def refresh_user(self, user: Any, handler: Any = None) -> Any:
        """End the session of somebody whom the policy dropped, or who is suspended.

        A suspended person is refused rather than logged out: the Hub goes on with a token whose
        owner cannot be refreshed, where a site has set that so.
        """
        self.refuse_suspended(user.name)
        if user.name not in self.platform.snapshot.policy.people:
            return False
        refreshed = await super().refresh_user(user, handler)
        # The identity provider may take long to answer, and the Hub believes this for a minute.
        self.refuse_suspended(user.name)
        return refreshed

    def refuse_suspended(self, name: str) -> None:
        """Refuse somebody who is suspended now.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 403 and until when.
        """
        suspension = self.platform.snapshot.suspension_of(name, datetime.now(UTC))
        if suspension is not None:
            raise web.HTTPError(403, f"{say_suspended(name, suspension.until)} Ask an admin.")

    def pre_spawn_start(self, user: Any, spawner: Any) -> Any:
        """Ask admission, synchronously: only here a denial always keeps its HTTP status."""
        if isinstance(spawner, AdmissionMixin):
            spawner.admit()
        return super().pre_spawn_start(user, spawner)

    async def delete_user(self, user: Any) -> None:
        """Stop what still runs of somebody who is deleted; the Hub stops the default server alone.

        It is asked before anything is deleted.
        """
        for name in list_active(user):
            await stop_server(self.platform.app, user, name, reason="stopped")
        left = [name or "default" for name in list_active(user)]
        if left:
            raise web.HTTPError(
                409,
                f"{user.name} has servers that have not ended ({', '.join(left)}). Nothing is "
                "deleted. Stop them, or try again in a moment.",
            )
        deleted = super().delete_user(user)
        if inspect.isawaitable(deleted):
            await deleted

    def post_spawn_stop(self, user: Any, spawner: Any) -> Any:
        """Delete tokens of the server that the Hub lost sight of when it was restarted."""
        note = f"Server at {spawner.server.base_url}" if spawner.server else ""
        note = note or f"Server at {user.base_url}{spawner.name + '/' if spawner.name else ''}"
        stale = user.db.query(orm.APIToken).filter_by(user_id=user.orm_user.id, note=note).all()
        for token in stale:
            user.db.delete(token)
        if stale:
            user.db.commit()
        return super().post_spawn_stop(user, spawner)


def governed(authenticator: type[Authenticator]) -> type[Authenticator]:
    """Return a site's own authenticator with the platform's gate in front of it."""
    if issubclass(authenticator, GovernedAuthenticator):
        return authenticator
    return type(f"Governed{authenticator.__name__}", (GovernedAuthenticator, authenticator), {})


class PlatformAuthenticator(GovernedAuthenticator):
    """Local accounts: people are declared in the policy, invited, and choose their own password.

    Another way to prove who somebody is (OpenID Connect) overrides :meth:`identify` alone.
    """

    local_accounts = True

    manage_groups = Bool(True, help="Memberships come with each login and refresh.").tag(
        config=True
    )
    auth_refresh_age = Float(
        60.0, help="Seconds until a person's declared memberships are looked at again."
    ).tag(config=True)
    allow_all = Bool(True, help="Everybody who is declared may log in; nobody else may.").tag(
        config=True
    )

    def get_handlers(self, app: Any) -> list[Any]:
        """Add login with local accounts to the platform's pages."""
        handlers = super().get_handlers(app)
        self.login = LocalLogin(self.platform.runtime.accounts)
        return [("/login", LoginPage), *handlers]

    async def authenticate(self, handler: Any, data: Any) -> dict[str, Any] | None:
        """Check a login form, and say what the policy makes of the person."""
        name = await self.identify(handler, data if isinstance(data, dict) else {})
        return None if name is None else self.describe(name, handler.find_user(name))

    async def identify(self, handler: Any, data: dict[str, str]) -> str | None:
        """Return who it is that logs in, or ``None``."""
        if "username" not in data:
            # The Hub's page for a failed login is a server error without one.
            raise web.HTTPError(403, "Invalid username or password")
        name, password = data["username"], data.get("password", "")
        if not isinstance(name, str) or not isinstance(password, str):
            raise web.HTTPError(403, "Invalid username or password")
        return await self.login.check(handler, name, password)

    async def refresh_user(self, user: Any, handler: Any = None) -> bool | dict[str, Any]:
        """Bring a person to what the policy says now; one who was dropped is logged out."""
        if not await super().refresh_user(user, handler):
            return False
        model = self.describe(user.name, user)
        is_current = model["admin"] == bool(user.admin) and model["groups"] == sorted(
            group.name for group in user.groups
        )
        # Nothing is written to the Hub's database where nothing has changed.
        return True if is_current else model

    def describe(self, name: str, user: Any) -> dict[str, Any]:
        """Return the Hub's model of a person: groups and whether they are an admin.

        Memberships that were added on the Hub's own pages are kept beside the declared ones.
        """
        policy = self.platform.snapshot.policy
        person = policy.people.get(name)
        current = frozenset(group.name for group in user.groups) if user else frozenset()
        groups = settle_memberships(policy, name, current, frozenset())
        return {
            "name": name,
            "admin": person is not None and person.level is Level.ADMIN,
            "groups": sorted(groups),
        }
