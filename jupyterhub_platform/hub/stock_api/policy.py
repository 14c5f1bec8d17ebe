"""Guards of what only the policy changes: levels, admins, and names of users with servers."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from jupyterhub.apihandlers.groups import GroupAPIHandler, GroupUsersAPIHandler
from tornado import web

from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.hub.platform import platform_of
from jupyterhub_platform.hub.stock_api.bodies import BodyGuard

_MAX_NAMED: Final = 5


class LevelGroupGuard(BodyGuard):
    """Refuses to create, fill, empty or delete groups that carry levels.

    Members that a request adds to other groups are remembered: a login through a provider with
    groups of its own would remove them.
    """

    _changed: dict[str, Any] | None = None

    async def prepare(self) -> None:
        """Refuse to change such a group, even to callers who may change others."""
        await super().prepare()
        if self.request.method not in {"GET", "HEAD"} and self.current_user is not None:
            refuse_levels(self.path_args[:1])

    def get_json_body(self) -> Any:
        """Return the body, unless it creates such a group."""
        body = super().get_json_body()
        self._changed = body or {}
        refuse_levels(self._changed.get("groups") or ())
        return body

    def on_finish(self) -> None:
        """Remember who was added to a group, or removed from it."""
        super().on_finish()
        method = self.request.method
        if method in {"GET", "HEAD"} or self.get_status() >= HTTPStatus.MULTIPLE_CHOICES:
            return
        additions = platform_of(self.settings).runtime.added_memberships
        body, paths = self._changed or {}, self.path_args
        names = list(map(self.authenticator.normalize_username, body.get("users") or ()))
        if method == "POST":
            additions.add(names, body.get("groups") or paths[:1])
        elif isinstance(self, GroupUsersAPIHandler):
            additions.remove(names, paths[0])
        elif isinstance(self, GroupAPIHandler):
            additions.forget(group=paths[0])


def refuse_levels(groups: Iterable[str]) -> None:
    """Refuse groups that carry levels.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 403.
    """
    level = next((group for group in groups if is_level_group(group)), None)
    if level is not None:
        raise web.HTTPError(
            403,
            f"{level!a} carries a level, and only the policy gives levels. "
            "Change the level of the person in platform.yaml.",
        )


class AdminGuard(BodyGuard):
    """Refuses to make users admins, or to end that."""

    def get_json_body(self) -> Any:
        """Return the body, unless it changes an admin status that the policy sets."""
        body = super().get_json_body()
        if not body or (self.request.method != "PATCH" and not body.get("admin")):
            return body
        if body.keys() & {"groups", "roles"}:
            raise web.HTTPError(
                400, "Groups are changed at /hub/api/groups, and roles in the configuration."
            )
        if not isinstance(body.get("admin"), bool | None):
            raise web.HTTPError(400, "admin is true or false.")
        admins = platform_of(self.settings).snapshot.policy.admins()
        for name in body.get("usernames") or self.path_args[:1]:
            name = self.authenticator.normalize_username(name)
            if body.get("admin") not in (None, name in admins):
                raise web.HTTPError(
                    403,
                    f"Only the policy makes users admins, and {name!a} is "
                    f"{'not one' if body['admin'] else 'one'} there. "
                    "Change their level in platform.yaml.",
                )
        return body


class RenameGuard(AdminGuard):
    """Refuses to rename a user while their servers run.

    Reservations are recorded under the name. A rename would orphan the servers: their pods are not
    found under the new name, and their reservations are released while they run.
    """

    _old_name = _new_name = ""

    def get_json_body(self) -> Any:
        """Return the body of a change, unless it renames a user who has servers."""
        body = super().get_json_body()
        if self.request.method == "POST":
            self._refuse_invalid_name(self.path_args[0])
        if self.request.method != "PATCH" or not body:
            return body
        user = self.find_user(self.path_args[0])
        if user is None or body.get("name") in (None, user.name):
            # The Hub would treat an unchanged name as missing.
            return {key: value for key, value in body.items() if key != "name"}
        held = platform_of(self.settings).admission.book.servers_of(user.name)
        if held:
            servers = ", ".join(each.server or "default" for each in held[:_MAX_NAMED])
            raise web.HTTPError(
                409,
                f"{user.name} has servers that have not ended ({servers}), and is charged for them "
                "under that name. Stop them, then change the name, here and in the policy.",
            )
        self._old_name = user.name
        self._new_name = self.authenticator.normalize_username(body["name"])
        return body

    def _refuse_invalid_name(self, name: str) -> None:
        # The Hub refuses it as well, but logs a traceback.
        authenticator = self.authenticator
        if not authenticator.validate_username(authenticator.normalize_username(name)):
            raise web.HTTPError(400, f"{name!a} is not a valid user name.")

    def on_finish(self) -> None:
        """Give a renamed user what the policy gives to the new name."""
        super().on_finish()
        if self.get_status() >= HTTPStatus.MULTIPLE_CHOICES:
            return
        platform = platform_of(self.settings)
        if self.request.method == "DELETE":
            platform.runtime.added_memberships.forget(user=self.path_args[0])
        user = self.find_user(self._new_name) if self._new_name else None
        if user is not None:
            platform.runtime.added_memberships.rename(self._old_name, user.name)
            platform.memberships.settle_user(user)
