"""Put a guard before each of JupyterHub's own handlers."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

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
    SelfAPIHandler,
    UserAPIHandler,
    UserListAPIHandler,
    UserTokenListAPIHandler,
)
from jupyterhub.handlers import default_handlers as page_routes
from jupyterhub.handlers.base import BaseHandler

from jupyterhub_platform.hub.stock_api.bad_input import refuse_bad_values
from jupyterhub_platform.hub.stock_api.bodies import BodyGuard
from jupyterhub_platform.hub.stock_api.busy_question import BusyQuestionGuard
from jupyterhub_platform.hub.stock_api.fields import (
    ProxyAddressGuard,
    ServiceGuard,
    ShareCodeGuard,
    ShutdownGuard,
)
from jupyterhub_platform.hub.stock_api.policy import AdminGuard, LevelGroupGuard, RenameGuard
from jupyterhub_platform.hub.stock_api.retired_routes import RetiredRouteHandler
from jupyterhub_platform.hub.stock_api.token_login import TokenLoginGuard


def stock_api_handlers() -> list[Any]:
    """Return the routes of the Hub's API behind guards. They go before the Hub's own."""
    return _guard_routes(api_routes, {})


def stock_page_handlers(page_guards: Mapping[type[Any], type[Any]]) -> list[Any]:
    """Return the routes of the Hub's pages, some of them behind ``page_guards``.

    Those of an authenticator go before them.
    """
    return _guard_routes(page_routes, page_guards)


def _guard_routes(routes: Iterable[Any], page_guards: Mapping[type[Any], type[Any]]) -> list[Any]:
    return [
        (pattern, _guard(pattern, handler, page_guards), *more)
        for pattern, handler, *more in routes
        if issubclass(handler, BaseHandler)
    ]


def _guard(
    pattern: str, handler: type[Any], page_guards: Mapping[type[Any], type[Any]]
) -> type[Any]:
    if pattern.startswith("/api/authorizations/"):
        return RetiredRouteHandler
    if issubclass(handler, APIHandler):
        guards = (guard for kind, guard in _API_GUARDS.items() if issubclass(handler, kind))
        guard: type[Any] | None = next(guards, BodyGuard)
    else:
        guard = page_guards.get(handler)
    if guard is not None:
        # Metrics distinguish handlers by these two names.
        handler = type(handler.__name__, (guard, handler), {"__module__": handler.__module__})
    return refuse_bad_values(handler)


_API_GUARDS: Final[dict[type[Any], type[Any]]] = {
    SelfAPIHandler: BusyQuestionGuard,
    UserAPIHandler: RenameGuard,
    UserListAPIHandler: AdminGuard,
    GroupListAPIHandler: LevelGroupGuard,
    GroupAPIHandler: LevelGroupGuard,
    GroupUsersAPIHandler: LevelGroupGuard,
    GroupPropertiesAPIHandler: LevelGroupGuard,
    UserTokenListAPIHandler: TokenLoginGuard,
    ShutdownAPIHandler: ShutdownGuard,
    ProxyAPIHandler: ProxyAddressGuard,
    ServerShareCodeAPIHandler: ShareCodeGuard,
    ServiceAPIHandler: ServiceGuard,
}
