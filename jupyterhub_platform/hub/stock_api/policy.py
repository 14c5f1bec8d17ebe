"""What requests to the Hub's own API may not change: levels, admins, and names in use."""

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
    """Keeps requests from creating, filling, emptying or deleting groups that carry levels.

    Members that requests add to other groups are remembered, for logins where a provider has
    groups.
    """

    _changed: dict[str, Any] | None = None

    async def prepare(self) -> None:
        """Refuse to change such a group, even to callers who may change others."""
        await super().prepare()  # type: ignore[misc]
        handler: Any = self
        if handler.request.method not in {"GET", "HEAD"} and handler.current_user is not None:
            refuse_levels(handler.path_args[:1])

    def get_json_body(self) -> Any:
        """Return the body, unless it creates such a group."""
        body = super().get_json_body()
        self._changed = body or {}
        refuse_levels(self._changed.get("groups") or ())
        return body

    def on_finish(self) -> None:
        """Remember who was added to a group, or removed from it."""
        super().on_finish()
        handler: Any = self
        method = handler.request.method
        if method in {"GET", "HEAD"} or handler.get_status() >= HTTPStatus.MULTIPLE_CHOICES:
            return
        paths = handler.path_args
        additions = platform_of(handler.settings).runtime.added_memberships
        body = self._changed or {}
        names = list(map(handler.authenticator.normalize_username, body.get("users") or ()))
        if method == "POST":
            additions.add(names, body.get("groups") or paths[:1])
        elif isinstance(handler, GroupUsersAPIHandler):
            additions.remove(names, paths[0])
        elif isinstance(handler, GroupAPIHandler):
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
            f"{level!a} carries a level, and levels are given by the policy alone. "
            "Change the level of the person in platform.yaml.",
        )


class AdminGuard(BodyGuard):
    """Keeps requests from making users admins, or ending it."""

    def get_json_body(self) -> Any:
        """Return the body, unless it changes an admin status that the policy sets."""
        body = super().get_json_body()
        handler: Any = self
        if not body or (handler.request.method != "PATCH" and not body.get("admin")):
            return body
        if body.keys() & {"groups", "roles"}:
            raise web.HTTPError(
                400, "Groups are changed at /hub/api/groups, and roles in the configuration."
            )
        if not isinstance(body.get("admin"), bool | None):
            raise web.HTTPError(400, "admin is true or false.")
        platform = platform_of(handler.settings)
        for name in body.get("usernames") or handler.path_args[:1]:
            name = handler.authenticator.normalize_username(name)
            if body.get("admin") not in (None, platform.declared.is_admin(name)):
                raise web.HTTPError(
                    403,
                    f"Who is an admin is said by the policy alone, and there {name!a} is "
                    f"{'none' if body['admin'] else 'one'}. Change their level in platform.yaml.",
                )
        return body


class RenameGuard(AdminGuard):
    """Keeps a user's name while their servers run: what these hold is recorded under that name.

    Otherwise the Hub would orphan the servers: their pods are not found under the new name, and
    what they hold is released while they run.
    """

    _old_name = _new_name = ""

    def get_json_body(self) -> Any:
        """Return the body of a change, unless it changes a name that has to stay now."""
        body = super().get_json_body()
        handler: Any = self
        if handler.request.method == "POST":
            self._refuse_no_name(handler.path_args[0])
        if handler.request.method != "PATCH" or not body:
            return body
        user = handler.find_user(handler.path_args[0])
        if user is None or body.get("name") in (None, user.name):
            # The Hub would treat an unchanged name as missing.
            return {key: value for key, value in body.items() if key != "name"}
        held = platform_of(handler.settings).admission.book.of_user(user.name)
        if held:
            servers = ", ".join(each.server or "default" for each in held[:_MAX_NAMED])
            raise web.HTTPError(
                409,
                f"{user.name} has servers that have not ended ({servers}), and is charged for them "
                "under that name. Stop them, then change the name, here and in the policy.",
            )
        self._old_name = user.name
        self._new_name = handler.authenticator.normalize_username(body["name"])
        return body

    def _refuse_no_name(self, name: str) -> None:
        # The Hub refuses it as well, but logs a traceback.
        authenticator = self.authenticator  # type: ignore[attr-defined]
        if not authenticator.validate_username(authenticator.normalize_username(name)):
            raise web.HTTPError(400, f"{name!a} is not a valid user name.")

    def on_finish(self) -> None:
        """Give a renamed user what the policy gives to the new name."""
        super().on_finish()
        handler: Any = self
        if handler.get_status() >= HTTPStatus.MULTIPLE_CHOICES:
            return
        if handler.request.method == "DELETE":
            platform_of(handler.settings).runtime.added_memberships.forget(
                user=handler.path_args[0]
            )
        user = handler.find_user(self._new_name) if self._new_name else None
        if user is not None:
            platform_of(handler.settings).runtime.added_memberships.rename(
                self._old_name, user.name
            )
            platform_of(handler.settings).declared.settle(user)
