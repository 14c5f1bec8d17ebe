"""The Hub's routes: the platform's own before those of JupyterHub, which are guarded."""

from typing import Any, Final

from jupyterhub.handlers.base import UserRedirectHandler
from jupyterhub.handlers.login import LogoutHandler
from jupyterhub.handlers.pages import SpawnHandler, SpawnPendingHandler

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.hub.api.access_requests import (
    ApproveHandler,
    RefuseHandler,
    RequestsHandler,
    WithdrawHandler,
)
from jupyterhub_platform.hub.api.admission import DecideHandler, DecisionHandler, UsageHandler
from jupyterhub_platform.hub.api.adoption import AdoptHandler, ReleaseHandler
from jupyterhub_platform.hub.api.bulk_changes import (
    BulkListHandler,
    OneBulkHandler,
    ResumeBulkHandler,
    UndoBulkHandler,
)
from jupyterhub_platform.hub.api.document import DocumentHandler, IndexHandler
from jupyterhub_platform.hub.api.handler import UnknownHandler
from jupyterhub_platform.hub.api.health import HealthHandler, ProxiesHandler, SettingsHandler
from jupyterhub_platform.hub.api.identity_providers import ExamineProvidersHandler
from jupyterhub_platform.hub.api.managed import GrantsHandler, ObjectHandler, RollBackHandler
from jupyterhub_platform.hub.api.notices import (
    NoticesHandler,
    RetryNoticeHandler,
    TryNoticesHandler,
)
from jupyterhub_platform.hub.api.own_servers import OwnServersHandler
from jupyterhub_platform.hub.api.people import InviteHandler, ResumeHandler, SuspendHandler
from jupyterhub_platform.hub.api.policy import ReloadHandler
from jupyterhub_platform.hub.api.policy_plans import PlanHandler
from jupyterhub_platform.hub.api.provider_logins import ForgetLoginHandler
from jupyterhub_platform.hub.api.refused_requests import RefusedRequestHandler
from jupyterhub_platform.hub.api.terminal_login import TerminalLoginHandler
from jupyterhub_platform.hub.api.undeclared_users import (
    UndeclaredUserHandler,
    UndeclaredUsersHandler,
)
from jupyterhub_platform.hub.api.why import WhyHandler
from jupyterhub_platform.hub.auth.pages import InvitePage, PasswordPage
from jupyterhub_platform.hub.auth.terminal_login import PAGE, LogoutGuard, TerminalLoginPage
from jupyterhub_platform.hub.branding import (
    BrandingStyle,
    PlatformDarkLogo,
    PlatformLogo,
)
from jupyterhub_platform.hub.landing import PAGE_GUARDS
from jupyterhub_platform.hub.pages.files import STATIC_DIRECTORY, StaticFiles
from jupyterhub_platform.hub.request_audit import audit_routes
from jupyterhub_platform.hub.spawn_page.already_running import UserRedirect
from jupyterhub_platform.hub.spawn_page.handler import SpawnPageHandler
from jupyterhub_platform.hub.spawn_page.starting import PendingSpawn
from jupyterhub_platform.hub.stock_api.bad_input import refuse_bad_values
from jupyterhub_platform.hub.stock_api.routes import stock_api_handlers, stock_page_handlers
from jupyterhub_platform.hub.stock_api.servers import ServerAPI, SingleStart


class PlatformSpawnHandler(SpawnPageHandler, SingleStart, SpawnHandler):  # type: ignore[misc]
    """The spawn page, which starts a server as the Hub's REST API does."""


_WITH_VERBS_OF_JUPYTERHUB: Final = frozenset({ServerAPI, PlatformSpawnHandler})
_PAGE_GUARDS: Final[dict[type[Any], type[Any]]] = {
    **PAGE_GUARDS,
    SpawnPendingHandler: PendingSpawn,
    UserRedirectHandler: UserRedirect,
}


def surround_routes(of_authenticator: list[Any]) -> list[Any]:
    """Return all routes: an authenticator's go before the Hub's pages, not before its API."""
    own = [
        (pattern, refuse_bad_values(kind) if kind in _WITH_VERBS_OF_JUPYTERHUB else kind, *more)
        for pattern, kind, *more in platform_handlers()
    ]
    pages = [*of_authenticator, *stock_page_handlers(_PAGE_GUARDS)]
    return audit_routes([*own, *stock_api_handlers(), *map(_guard_logout, pages)])


def _guard_logout(route: Any) -> Any:
    """Guard a route if it is a logout, also of an authenticator."""
    pattern, kind, *more = route
    if not issubclass(kind, LogoutHandler):
        return route
    # Metrics distinguish handlers by these two names.
    guarded = type(kind.__name__, (LogoutGuard, kind), {"__module__": kind.__module__})
    return (pattern, guarded, *more)


def platform_handlers() -> list[Any]:
    """Return the routes that the platform adds, relative to the Hub's prefix."""
    return [*_api_handlers(), *_page_handlers()]


def _api_handlers() -> list[Any]:
    return [
        (r"/api/platform/?", IndexHandler),
        (r"/api/platform/usage", UsageHandler),
        (r"/api/platform/decide", DecideHandler),
        (r"/api/platform/decisions/([^/]+)", DecisionHandler),
        (r"/api/platform/reload", ReloadHandler),
        (r"/api/platform/settings", SettingsHandler),
        (r"/api/platform/identity", ExamineProvidersHandler),
        (r"/api/platform/health", HealthHandler),
        (r"/api/platform/proxies", ProxiesHandler),
        (r"/api/platform/refused", RefusedRequestHandler),
        (r"/api/platform/undeclared", UndeclaredUsersHandler),
        (r"/api/platform/undeclared/([^/]+)", UndeclaredUserHandler),
        (r"/api/platform/why", WhyHandler),
        (r"/api/platform/servers", OwnServersHandler),
        (r"/api/platform/login", TerminalLoginHandler),
        (r"/api/platform/openapi\.json", DocumentHandler),
        (r"/api/platform/users/([^/]+)/invite", InviteHandler),
        (r"/api/platform/users/([^/]+)/suspend", SuspendHandler),
        (r"/api/platform/users/([^/]+)/resume", ResumeHandler),
        (r"/api/platform/users/([^/]+)/forget-login", ForgetLoginHandler),
        *(
            (rf"/api/platform/{kind.section}/([^/]+)", ObjectHandler, {"kind": kind})
            for kind in Kind
        ),
        (r"/api/platform/grants", GrantsHandler),
        (r"/api/platform/policy/rollback", RollBackHandler),
        (r"/api/platform/bulk", BulkListHandler),
        (r"/api/platform/bulk/([^/]+)", OneBulkHandler),
        (r"/api/platform/bulk/([^/]+)/resume", ResumeBulkHandler),
        (r"/api/platform/bulk/([^/]+)/undo", UndoBulkHandler),
        (r"/api/platform/requests", RequestsHandler),
        (r"/api/platform/requests/([^/]+)/approve", ApproveHandler),
        (r"/api/platform/requests/([^/]+)/refuse", RefuseHandler),
        (r"/api/platform/requests/([^/]+)/withdraw", WithdrawHandler),
        (r"/api/platform/notices", NoticesHandler),
        (r"/api/platform/notices/test", TryNoticesHandler),
        (r"/api/platform/notices/([^/]+)/retry", RetryNoticeHandler),
        (r"/api/platform/policy/plan", PlanHandler),
        (r"/api/platform/policy/adopt", AdoptHandler),
        (r"/api/platform/policy/release", ReleaseHandler),
        (r"/api/users/([^/]+)/server", ServerAPI),
        (r"/api/users/([^/]+)/servers/([^/]*)", ServerAPI),
        (r"/api/platform(?:/.*)?", UnknownHandler),
    ]


def _page_handlers() -> list[Any]:
    return [
        (r"/logo", PlatformLogo),
        (r"/platform/logo-dark", PlatformDarkLogo),
        (r"/platform/branding\.css", BrandingStyle),
        (r"/invite/([^/]*)", InvitePage),
        (r"/password", PasswordPage),
        (rf"/{PAGE}", TerminalLoginPage),
        (r"/spawn", PlatformSpawnHandler),
        (r"/spawn/([^/]+)", PlatformSpawnHandler),
        (r"/spawn/([^/]+)/([^/]+)", PlatformSpawnHandler),
        (
            r"/platform/static/(.*)",
            StaticFiles,
            {"path": str(STATIC_DIRECTORY)},
        ),
    ]
