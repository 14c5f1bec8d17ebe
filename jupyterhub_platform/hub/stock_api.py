"""The Hub's own REST API and pages, where bad input would otherwise be an error of the Hub."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from jupyterhub.apihandlers import default_handlers as api_routes
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.apihandlers.hub import ShutdownAPIHandler
from jupyterhub.apihandlers.proxy import ProxyAPIHandler
from jupyterhub.apihandlers.services import ServiceAPIHandler
from jupyterhub.apihandlers.shares import ServerShareCodeAPIHandler
from jupyterhub.apihandlers.users import UserAPIHandler, UserTokenListAPIHandler
from jupyterhub.handlers import default_handlers as page_routes
from jupyterhub.handlers.base import BaseHandler
from tornado import web

from jupyterhub_platform.hub.bad_input import refusing_bad_values
from jupyterhub_platform.hub.json_bodies import read_body
from jupyterhub_platform.hub.platform import platform_of

TEXTS: Final = ("name", "note", "user", "group", "api_url", "auth_token")
NAMES: Final = ("user", "group")
LISTS_OF_TEXTS: Final = (
    *("usernames", "users", "groups", "scopes", "roles", "oauth_client_allowed_scopes"),
)
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
        handler: Any = self
        body = read_body(handler.request.body, is_stranger=handler.current_user is None)
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
    """Refuse fields that are not what they are everywhere in the Hub's API.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 400.
    """
    for key in TEXTS:
        if not isinstance(body.get(key), str | None):
            raise web.HTTPError(400, f"{key} is text.")
    for key in NAMES:
        if body.get(key) == "":
            raise web.HTTPError(400, f"{key} is a name, and this text is empty.")
    for key in LISTS_OF_TEXTS:
        value = body.get(key)
        if value is None:
            continue
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise web.HTTPError(400, f"{key} is a list of texts.")


class KeptName(ObjectBody):
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
        return body


class Shutdown(ObjectBody):
    """Refuses to end the Hub with what is neither true nor false."""

    def get_json_body(self) -> Any:
        """Return the body, with true or false alone."""
        body = super().get_json_body()
        for key in ("proxy", "servers"):
            if not isinstance((body or {}).get(key, False), bool):
                raise web.HTTPError(400, f"{key} is true or false.")
        return body


class ProxyAddress(ObjectBody):
    """Looks at what is said of a new proxy, which the Hub reads by itself and in parts."""

    async def patch(self) -> None:
        """Take over another proxy."""
        body = self.get_json_body() or {}
        if "api_url" in body and not is_web_address(body["api_url"]):
            raise web.HTTPError(400, "api_url is an address, such as http://proxy:8001.")
        if "auth_token" in body and not body["auth_token"]:
            raise web.HTTPError(400, "auth_token is text.")
        await super().patch()  # type: ignore[misc]


def is_web_address(text: Any) -> bool:
    """Tell whether a text is the address of a web server."""
    try:
        url = urlsplit(text)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except (TypeError, ValueError):
        return False


class Services(ObjectBody):
    """Refuses a service at no address, which the Hub would make by halves."""

    def get_json_body(self) -> Any:
        """Return the body, with an address that is one."""
        body = super().get_json_body()
        if (body or {}).get("url") and not is_web_address(body["url"]):
            raise web.HTTPError(400, "url is an address, such as http://service:8080.")
        return body


class ShareCodes(ObjectBody):
    """Refuses to delete a code that is not named; the Hub deletes them all then."""

    def delete(self, *path: str) -> Any:
        """Delete one code, or all if neither code nor id is asked for."""
        handler: Any = self
        for key in ("code", "id"):
            if key in handler.request.arguments and not handler.get_argument(key, ""):
                raise web.HTTPError(400, f"{key} is empty. Leave it out to delete every code.")
        return super().delete(*path)  # type: ignore[misc]


class TokenList(ObjectBody):
    """Says why a login that came with a request for a token was refused; the Hub says 403 alone."""

    _refusal: web.HTTPError | None = None

    async def authenticate(self, data: Any) -> Any:
        """Check a login, and keep what is said against it."""
        try:
            return await super().authenticate(data)  # type: ignore[misc]
        except web.HTTPError as refusal:
            self._refusal = refusal
            raise

    async def post(self, user_name: str) -> None:
        """Make a token."""
        try:
            await super().post(user_name)  # type: ignore[misc]
        except web.HTTPError as error:
            raise self._refusal or error from None


class RetiredHandler(APIHandler):  # type: ignore[misc]
    """What the Hub replaced long ago; it answers even strangers with an error of its own."""

    def prepare(self) -> None:
        """Say what there is instead, to everybody."""
        raise web.HTTPError(
            410, "Tokens are not looked up here any more. Ask /hub/api/user with the token."
        )


def stock_api_handlers() -> list[Any]:
    """Return the Hub's own API, guarded; it goes before the Hub's own."""
    return _guarded(api_routes)


def stock_page_handlers() -> list[Any]:
    """Return the Hub's own pages, guarded; an authenticator's own go before them."""
    return _guarded(page_routes)


def _guarded(routes: Iterable[Any]) -> list[Any]:
    return [
        (pattern, _guard(pattern, handler), *more)
        for pattern, handler, *more in routes
        if issubclass(handler, BaseHandler)
    ]


def _guard(pattern: str, handler: type[Any]) -> type[Any]:
    if pattern.startswith("/api/authorizations/"):
        return RetiredHandler
    # Metrics tell handlers apart by these two names.
    names = {"__module__": handler.__module__}
    if issubclass(handler, APIHandler):
        guard = next((_GUARDS[kind] for kind in _GUARDS if issubclass(handler, kind)), ObjectBody)
        handler = type(handler.__name__, (guard, handler), names)
    return type(handler.__name__, (handler,), names | refusing_bad_values(handler))


_GUARDS: Final[dict[type[Any], type[Any]]] = {
    UserAPIHandler: KeptName,
    UserTokenListAPIHandler: TokenList,
    ShutdownAPIHandler: Shutdown,
    ProxyAPIHandler: ProxyAddress,
    ServerShareCodeAPIHandler: ShareCodes,
    ServiceAPIHandler: Services,
}
