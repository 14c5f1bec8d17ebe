"""The Hub's own REST API and pages, guarded against bad input that would be an internal error."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from jupyterhub.apihandlers import default_handlers as api_routes
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.apihandlers.groups import (
    GroupAPIHandler,
    GroupListAPIHandler,
    GroupPropertiesAPIHandler,
    GroupUsersAPIHandler,
)
from jupyterhub.apihandlers.hub import ShutdownAPIHandler
from jupyterhub.apihandlers.proxy import ProxyAPIHandler
from jupyterhub.apihandlers.services import ServiceAPIHandler
from jupyterhub.apihandlers.shares import ServerShareCodeAPIHandler
from jupyterhub.apihandlers.users import (
    UserAPIHandler,
    UserListAPIHandler,
    UserTokenListAPIHandler,
)
from jupyterhub.handlers import default_handlers as page_routes
from jupyterhub.handlers.base import BaseHandler
from tornado import web

from jupyterhub_platform.hub.stock_api.bad_input import refuse_bad_values
from jupyterhub_platform.hub.stock_api.bodies import ObjectBody
from jupyterhub_platform.hub.stock_api.policy import KeptAdmins, KeptLevels, KeptName

WRONG_LOGIN: Final = (
    "Invalid username or password. Send others, or a token of a user who may make tokens."
)
NO_LOGIN: Final = "Log in, or send a token of a user who may make tokens."


class Shutdown(ObjectBody):
    """Refuses to shut down the Hub with values other than true and false."""

    def get_json_body(self) -> Any:
        """Return the body, with only true or false."""
        body = super().get_json_body()
        for key in ("proxy", "servers"):
            if not isinstance((body or {}).get(key, False), bool):
                raise web.HTTPError(400, f"{key} is true or false.")
        return body


class ProxyAddress(ObjectBody):
    """Checks the fields of a new proxy, which the Hub reads by itself and in parts."""

    async def patch(self) -> None:
        """Switch to another proxy."""
        handler: Any = self
        # The Hub refuses other callers before it looks at the body.
        body = (self.get_json_body() or {}) if "proxy" in handler.expanded_scopes else {}
        if "api_url" in body and not is_web_address(body["api_url"]):
            raise web.HTTPError(400, "api_url is an address, such as http://proxy:8001.")
        if "auth_token" in body and not body["auth_token"]:
            raise web.HTTPError(400, "auth_token is text.")
        await super().patch()  # type: ignore[misc]


def is_web_address(text: Any) -> bool:
    """Tell whether a text is the address of a web server."""
    if not isinstance(text, str):
        return False
    try:
        url = urlsplit(text)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        return False


class Services(ObjectBody):
    """Refuses a service with an invalid address, which the Hub would create in part."""

    def get_json_body(self) -> Any:
        """Return the body, with a valid address."""
        body = super().get_json_body()
        if (body or {}).get("url") and not is_web_address(body["url"]):
            raise web.HTTPError(400, "url is an address, such as http://service:8080.")
        return body


class ShareCodes(ObjectBody):
    """Refuses to delete an unnamed code; the Hub would delete them all."""

    def delete(self, *path: str) -> Any:
        """Delete one code, or all if the request has neither code nor id."""
        handler: Any = self
        for key in ("code", "id"):
            if key in handler.request.arguments and not handler.get_argument(key, ""):
                raise web.HTTPError(400, f"{key} is empty. Leave it out to delete every code.")
        return super().delete(*path)  # type: ignore[misc]


class TokenList(ObjectBody):
    """Explains why the login in a token request was refused; the Hub says only 403."""

    _refusal: web.HTTPError | None = None

    async def authenticate(self, data: Any) -> Any:
        """Check a login, and keep its refusal."""
        if data is None:
            # An authenticator with external login would still look for them.
            self._refusal = web.HTTPError(403, NO_LOGIN)
            return None
        try:
            known = await super().authenticate(data)  # type: ignore[misc]
        except web.HTTPError as refusal:
            self._refusal = refusal
            raise
        if not known:
            self._refusal = web.HTTPError(403, WRONG_LOGIN)
        return known

    async def post(self, user_name: str) -> None:
        """Create a token."""
        try:
            await super().post(user_name)  # type: ignore[misc]
        except web.HTTPError as error:
            raise self._refusal or error from None


class RetiredHandler(APIHandler):  # type: ignore[misc]
    """What the Hub replaced long ago; it answers even anonymous callers with an internal error."""

    def prepare(self) -> None:
        """Name the replacement, to any caller."""
        raise web.HTTPError(
            410, "Tokens are not looked up here any more. Ask /hub/api/user with the token."
        )


def stock_api_handlers() -> list[Any]:
    """Return the Hub's own API, guarded; it goes before the Hub's own."""
    return _guarded(api_routes, {})


def stock_page_handlers(guards: Mapping[type[Any], type[Any]]) -> list[Any]:
    """Return the Hub's own pages, guarded, some by ``guards`` of their own.

    An authenticator's own go before them.
    """
    return _guarded(page_routes, guards)


def _guarded(routes: Iterable[Any], guards: Mapping[type[Any], type[Any]]) -> list[Any]:
    return [
        (pattern, _guard(pattern, handler, guards), *more)
        for pattern, handler, *more in routes
        if issubclass(handler, BaseHandler)
    ]


def _guard(
    pattern: str, handler: type[Any], page_guards: Mapping[type[Any], type[Any]]
) -> type[Any]:
    if pattern.startswith("/api/authorizations/"):
        return RetiredHandler
    # Metrics distinguish handlers by these two names.
    names = {"__module__": handler.__module__}
    if issubclass(handler, APIHandler):
        guard = next((_GUARDS[kind] for kind in _GUARDS if issubclass(handler, kind)), ObjectBody)
        handler = type(handler.__name__, (guard, handler), names)
    elif handler in page_guards:
        handler = type(handler.__name__, (page_guards[handler], handler), names)
    return refuse_bad_values(handler)


_GUARDS: Final[dict[type[Any], type[Any]]] = {
    UserAPIHandler: KeptName,
    UserListAPIHandler: KeptAdmins,
    GroupListAPIHandler: KeptLevels,
    GroupAPIHandler: KeptLevels,
    GroupUsersAPIHandler: KeptLevels,
    GroupPropertiesAPIHandler: KeptLevels,
    UserTokenListAPIHandler: TokenList,
    ShutdownAPIHandler: Shutdown,
    ProxyAPIHandler: ProxyAddress,
    ServerShareCodeAPIHandler: ShareCodes,
    ServiceAPIHandler: Services,
}
