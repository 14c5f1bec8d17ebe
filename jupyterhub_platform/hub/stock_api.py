"""The Hub's own REST API, where a faulty request would otherwise be an error of the Hub."""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from jupyterhub.apihandlers import default_handlers
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.apihandlers.groups import (
    GroupAPIHandler,
    GroupListAPIHandler,
    GroupPropertiesAPIHandler,
    GroupUsersAPIHandler,
)
from jupyterhub.apihandlers.users import UserAPIHandler, UserListAPIHandler
from tornado import web

from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.hub.platform import platform_of

TEXTS: Final = ("name", "note", "user", "group")
LISTS_OF_TEXTS: Final = ("usernames", "users", "scopes", "roles", "groups")
"""Fields that the Hub's handlers take for granted to be what they are everywhere in its API."""

MOST_ROWS: Final = 2**31
_MOST_NAMED: Final = 5


class ObjectBody:
    """Refuses a body that the Hub's handlers would fail on, and tidies up if they do all the same.

    A failure within a statement leaves the Hub's session unusable: the next request, of whoever it
    is, would be answered as that of a stranger.
    """

    def get_json_body(self) -> Any:
        """Return the body, or nothing if there is none."""
        body = super().get_json_body()  # type: ignore[misc]  # of the handler that this is mixed into
        if body is None:
            return None
        if not isinstance(body, dict):
            raise web.HTTPError(400, "The body is a JSON object.")
        check_fields(body)
        return body

    def get_api_pagination(self) -> tuple[int, int]:
        """Return where a page begins and how long it is, if a database can count so far."""
        offset, limit = super().get_api_pagination()  # type: ignore[misc]
        if offset > MOST_ROWS:
            raise web.HTTPError(400, f"offset is {MOST_ROWS} at most.")
        return offset, limit

    def on_finish(self) -> None:
        """Give the Hub's session back in a state in which others can use it."""
        database = self.db  # type: ignore[attr-defined]
        if not database.is_active:
            database.rollback()
        super().on_finish()  # type: ignore[misc]


def check_fields(body: Mapping[str, Any]) -> None:
    """Refuse text that no database stores, and fields that are not what they are everywhere.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 400.
    """
    if not all(map(is_storable, list_texts(body))):
        raise web.HTTPError(400, "The body has text that is not valid Unicode.")
    for key in TEXTS:
        if not isinstance(body.get(key), str | None):
            raise web.HTTPError(400, f"{key} is text.")
    for key in LISTS_OF_TEXTS:
        value = body.get(key)
        if value is None:
            continue
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise web.HTTPError(400, f"{key} is a list of texts.")


def list_texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from list_texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from list_texts(each)


def is_storable(text: str) -> bool:
    """Tell whether databases take a text: no half of a surrogate pair, and no NUL."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


class KeptLevels(ObjectBody):
    """Keeps groups that carry levels from being made, filled, emptied or deleted by requests.

    What requests add to other groups is remembered, for logins where a provider has its own.
    """

    _changed: dict[str, Any] | None = None

    async def prepare(self) -> None:
        """Refuse to change such a group, to whoever might change others."""
        await super().prepare()  # type: ignore[misc]
        handler: Any = self
        if handler.request.method not in {"GET", "HEAD"} and handler.current_user is not None:
            refuse_levels(handler.path_args[:1])

    def get_json_body(self) -> Any:
        """Return the body, unless it makes such a group."""
        body = super().get_json_body()
        self._changed = body or {}
        refuse_levels(self._changed.get("groups") or ())
        return body

    def on_finish(self) -> None:
        """Remember who was added to which group, or is not in it any more."""
        super().on_finish()
        handler: Any = self
        method, paths = handler.request.method, handler.path_args
        if method in {"GET", "HEAD"} or handler.get_status() >= HTTPStatus.MULTIPLE_CHOICES:
            return
        additions = platform_of(handler.settings).runtime.additions
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


class KeptAdmins(ObjectBody):
    """Keeps people from being made an admin, or none, by a request."""

    def get_json_body(self) -> Any:
        """Return the body, unless it makes another admin than the policy does."""
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


class KeptName(KeptAdmins):
    """Keeps the name of somebody while servers of theirs run: what these hold is under that name.

    A Hub would go on with servers that are nobody's: their pods are not found under the new name,
    and what they hold is released while they run.
    """

    def get_json_body(self) -> Any:
        """Return the body of a change, unless it is one of the name that cannot be made now."""
        body = super().get_json_body()
        handler: Any = self
        if handler.request.method != "PATCH" or not body:
            return body
        user = handler.find_user(handler.path_args[0])
        if user is None or body.get("name") in (None, user.name):
            # The Hub would take a name that is as it was for none.
            return {key: value for key, value in body.items() if key != "name"}
        held = platform_of(handler.settings).admission.book.of_user(user.name)
        if held:
            servers = ", ".join(each.server or "default" for each in held[:_MOST_NAMED])
            raise web.HTTPError(
                409,
                f"{user.name} has servers that have not ended ({servers}), and is charged for them "
                "under that name. Stop them, then change the name, here and in the policy.",
            )
        self._old_name = user.name
        self._new_name = handler.authenticator.normalize_username(body["name"])
        return body

    def on_finish(self) -> None:
        """Give somebody who has another name now what the policy gives to that."""
        super().on_finish()
        handler: Any = self
        if handler.get_status() >= HTTPStatus.MULTIPLE_CHOICES:
            return
        if handler.request.method == "DELETE":
            platform_of(handler.settings).runtime.additions.forget(user=handler.path_args[0])
        user = handler.find_user(self._new_name) if self._new_name else None
        if user is not None:
            platform_of(handler.settings).runtime.additions.rename(self._old_name, user.name)
            platform_of(handler.settings).declared.settle(user)


class RetiredHandler(APIHandler):  # type: ignore[misc]
    """What the Hub replaced long ago; it answers even strangers with an error of its own."""

    def prepare(self) -> None:
        """Say what there is instead, to everybody."""
        raise web.HTTPError(
            410, "Tokens are not looked up here any more. Ask /hub/api/user with the token."
        )


def stock_api_handlers() -> list[Any]:
    """Return the Hub's own routes, guarded; they go before the Hub's own."""
    return [
        (pattern, _guard(pattern, handler))
        for pattern, handler in default_handlers
        if issubclass(handler, APIHandler)
    ]


_GUARDS: Final[tuple[tuple[type[Any], type[ObjectBody]], ...]] = (
    (UserAPIHandler, KeptName),
    (UserListAPIHandler, KeptAdmins),
    (GroupListAPIHandler, KeptLevels),
    (GroupAPIHandler, KeptLevels),
    (GroupUsersAPIHandler, KeptLevels),
    (GroupPropertiesAPIHandler, KeptLevels),
)


def _guard(pattern: str, handler: type[Any]) -> type[Any]:
    if pattern.startswith("/api/authorizations/"):
        return RetiredHandler
    guards = (guard for kind, guard in _GUARDS if issubclass(handler, kind))
    guard = next(guards, ObjectBody)
    # Metrics tell handlers apart by these two names.
    return type(handler.__name__, (guard, handler), {"__module__": handler.__module__})
