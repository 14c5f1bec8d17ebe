"""The gate that every authenticator gets: the policy decides who comes in and what they may."""

import inspect
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from jupyterhub import orm
from jupyterhub.auth import Authenticator
from tornado import web

from jupyterhub_platform.core.claimed_people import say_refused
from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import fold_case, normalise_user
from jupyterhub_platform.core.suspensions import say_suspended
from jupyterhub_platform.hub.auth.claimed_logins import (
    find_vouching,
    log_in_vouched,
    refresh_vouched,
)
from jupyterhub_platform.hub.auth.provider_data import (
    provider_errors_as_502,
    read_groups,
    read_managed_roles,
    read_person,
    read_roles_of_person,
)
from jupyterhub_platform.hub.people.privileges import defined_custom_scopes
from jupyterhub_platform.hub.people.roles import level_roles
from jupyterhub_platform.hub.platform import Platform, start_platform
from jupyterhub_platform.hub.servers.inventory import list_active, stop_server
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin
from jupyterhub_platform.hub.upstream.loaded_groups import list_loaded
from jupyterhub_platform.hub.upstream.managed_roles import assign_bearers

NOT_DECLARED = "{name} is not declared on this platform. Ask an admin to add them."


class GovernedAuthenticator(Authenticator):  # type: ignore[misc]
    """Lets the policy decide who comes in and what they may, whatever authenticates them.

    Mix it in before a site's own authenticator. Identity, allowing and blocking stay with that one;
    users whom the policy does not declare are refused in addition.
    """

    platform: Platform
    local_credentials = False
    """Whether users log in with passwords that the platform keeps."""
    surround_routes: ClassVar[Callable[[list[Any]], list[Any]]]
    """Puts an authenticator's own routes among the platform's; ``configure`` sets it."""
    own_pages: ClassVar[tuple[tuple[str, type[Any]], ...]] = ()
    """Pages that go before those of the Hub."""
    _managed: tuple[dict[str, Any], ...] = ()
    _loaded: Mapping[str, frozenset[str]] = {}
    """The groups that the Hub's configuration puts users into."""

    def get_handlers(self, app: Any) -> list[Any]:
        """Start the platform before anything is served, and add its pages and its API."""
        if self._managed and not self.reset_managed_roles_on_startup:
            assign_bearers(app.db, self._managed, self.log)
        self._loaded = list_loaded(app.load_groups, self.normalize_username)
        self.platform = start_platform(app)
        return type(self).surround_routes([*self.own_pages, *super().get_handlers(app)])

    def normalize_username(self, username: str) -> str:
        """Return the one form of a name; an impossible name is left for validation to refuse.

        Only case is folded here: the identity provider may know another user whose name looks the
        same (a ligature, the Kelvin sign, a trailing blank, an accent apart from its letter), and
        that user must not be let in as this one.
        """
        if not isinstance(username, str):
            raise TypeError(f"{username!a} is not a user name: a name is text")
        lowered = fold_case(username)
        mapped = self.username_map.get(lowered, username)
        try:
            form = normalise_user(mapped)
        except IdentityError:
            return str(super().normalize_username(username))
        # Refused when it is validated, as written: it is another name than its normal form.
        return form if fold_case(mapped) == form else mapped

    def validate_username(self, username: str) -> bool:
        """Accept only names in their one form, also where an admin adds a user by hand.

        A name that looks like that of another person is none.
        """
        try:
            normal = normalise_user(username)
        except IdentityError:
            return False
        if normal != username or not super().validate_username(username):
            return False
        alike = hasattr(self, "platform") and self.platform.snapshot.policy.find_look_alike(normal)
        if alike:
            self.log.warning("%a is refused as a user name: it looks like %a", normal, alike)
        return not alike

    def check_blocked_users(self, username: str, authentication: Any = None) -> Any:
        """Refuse users who are not declared or are suspended; always called."""
        if find_vouching(self) is None:  # otherwise its groups decide, which hooks may still add
            self.refuse_undeclared(username)
        self.refuse_suspended(username)
        return super().check_blocked_users(username, authentication)

    async def authenticate(self, handler: Any, data: Any) -> Any:
        """Return the site's authenticator's model of a login, in a usable shape."""
        return await read_person(super().authenticate(handler, data))

    async def get_authenticated_user(self, handler: Any, data: Any) -> Any:
        """Merge what the site's authenticator says of a user with what the policy declares.

        Its hooks have run by now, so that their results are included.
        """
        with provider_errors_as_502():
            model = await read_person(super().get_authenticated_user(handler, data))
            if model is None:
                return None
            await log_in_vouched(self, model)
            self.refuse_undeclared(model["name"])
            self.refuse_suspended(model["name"])
            return self.unite(model, handler.find_user(model["name"]))

    async def refresh_user(self, user: Any, handler: Any = None) -> Any:
        """Bring a user to the current policy; end the session of a user whom it dropped.

        A suspended user is refused rather than logged out: the Hub goes on with a token whose owner
        cannot be refreshed, where a site has set that so.
        """
        self.refuse_suspended(user.name)
        if not self._is_declared(user.name):
            return False
        with provider_errors_as_502():
            refreshed = await super().refresh_user(user, handler)
            # The identity provider may be slow, and the Hub trusts this result for a minute.
            self.refuse_suspended(user.name)
            if not refreshed or not self._is_declared(user.name):
                return False
            if not isinstance(refreshed, dict):
                self.platform.memberships.settle_user(user)
                return True
            model = await read_person({"name": user.name, **refreshed})
            if model is None or self.normalize_username(model["name"]) != user.name:
                self.log.warning("The authenticator has another person for %s", user.name)
                return False
            model["name"] = user.name
            if not await refresh_vouched(self, model):
                return False
            return self.unite(model, user)

    def _is_declared(self, name: str) -> bool:
        is_let_in = self.platform.snapshot.policy.lets_in(name, datetime.now(UTC))
        return is_let_in and name not in self.blocked_users

    def unite(self, model: dict[str, Any], user: Any) -> dict[str, Any]:
        """Return the Hub's model of a user with the groups, the level and roles of the policy.

        ``user`` is the Hub's, if it has them already. What the site's authenticator says counts
        beside the policy where the site lets it manage groups or roles; never for levels, or for
        who is an admin.
        """
        name, provided = model["name"], model.get("groups")
        memberships = self.platform.memberships
        model["admin"] = is_admin = name in self.platform.snapshot.policy.admins()
        if self.manage_groups and provided is not None:
            added = self.platform.runtime.added_memberships.of_user(name)
            others = added | self._loaded.get(name, frozenset())
            model["groups"] = memberships.groups_of(name, read_groups(provided, name) | others)
        else:
            # Nothing tells the Hub to leave groups other than these, and it requires the key.
            model["groups"] = None
            if user is not None:
                memberships.settle_user(user)
        if self.manage_roles and model.get("roles") is not None:
            model["roles"] = read_roles_of_person(
                model["roles"],
                is_admin=is_admin,
                of_the_site=self._names_of_own_roles(),
                scopes_of=self._scopes_of_role,
                custom_scopes=defined_custom_scopes(),
            )
        return model

    def add_user(self, user: Any) -> Any:
        """Give a user who is new to the Hub what the policy gives them."""
        added = super().add_user(user)
        # Users are also added while the Hub starts; all are settled after that.
        if hasattr(self, "platform") and self._is_declared(user.name):
            self.platform.memberships.settle_user(user)
        return added

    async def load_managed_roles(self) -> list[dict[str, Any]]:
        """Have the Hub load the roles of the levels beside those of the site's provider.

        Where an authenticator manages roles, the Hub takes none for users from its configuration.
        """
        if self._managed and not self.reset_managed_roles_on_startup:
            return []  # asked again for who bears them, which the Hub fails at: see assign_bearers
        provided = await super().load_managed_roles()
        ours = [{**role, "users": [], "services": []} for role in level_roles()]
        theirs = read_managed_roles(
            () if provided is None else provided,
            of_the_site=self._names_of_own_roles(),
            custom_scopes=defined_custom_scopes(),
            name_bearer=self._name_bearer,
        )
        self._managed = (*ours, *theirs)
        return [dict(role) for role in self._managed]

    def _name_bearer(self, kind: str, name: str) -> str:
        """Return the Hub's name of a role's bearer; empty if the Hub cannot have it."""
        if kind == "users":
            normal = self.normalize_username(name)
            return normal if self.validate_username(normal) else ""
        defined = {service.get("name") for service in getattr(self.parent, "services", ())}
        return name if kind == "groups" or name in defined else ""

    def _names_of_own_roles(self) -> frozenset[str]:
        """Return the names of the roles that the Hub's configuration defines."""
        return frozenset(role["name"] for role in getattr(self.parent, "load_roles", ()))

    def _scopes_of_role(self, name: str) -> list[str]:
        role = orm.Role.find(self.platform.app.db, name)
        return list(role.scopes or ()) if role else []

    def refuse_undeclared(self, name: str) -> None:
        """Refuse a user whom the policy does not declare.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 403.
        """
        policy, now = self.platform.snapshot.policy, datetime.now(UTC)
        if not policy.lets_in(name, now):
            if name in policy.people:
                why = say_refused(policy.people[name].claimed, now)
                raise web.HTTPError(403, f"{name}: {why}. Ask an admin.")
            raise web.HTTPError(403, NOT_DECLARED.format(name=name))

    def refuse_suspended(self, name: str) -> None:
        """Refuse a user who is suspended now.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 403 and the end of the suspension.
        """
        suspension = self.platform.snapshot.suspension_of(name, datetime.now(UTC))
        if suspension is not None:
            raise web.HTTPError(403, f"{say_suspended(name, suspension.until)} Ask an admin.")

    def pre_spawn_start(self, user: Any, spawner: Any) -> Any:
        """Ask admission, synchronously: only here does a denial always keep its HTTP status."""
        if isinstance(spawner, AdmissionMixin):
            spawner.admit()
        return super().pre_spawn_start(user, spawner)

    async def delete_user(self, user: Any) -> None:
        """Stop all servers of a deleted user; the Hub itself stops only the default one.

        It is called before anything is deleted.
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
        """Delete tokens of the server that the Hub lost track of when it was restarted."""
        note = f"Server at {spawner.server.base_url}" if spawner.server else ""
        note = note or f"Server at {user.base_url}{spawner.name + '/' if spawner.name else ''}"
        stale = user.db.query(orm.APIToken).filter_by(user_id=user.orm_user.id, note=note).all()
        for token in stale:
            user.db.delete(token)
        if stale:
            user.db.commit()
        return super().post_spawn_stop(user, spawner)


def wrap_authenticator(authenticator: type[Authenticator]) -> type[Authenticator]:
    """Return a site's own authenticator with the platform's gate in front of it."""
    if issubclass(authenticator, GovernedAuthenticator):
        return authenticator
    return type(f"Governed{authenticator.__name__}", (GovernedAuthenticator, authenticator), {})
