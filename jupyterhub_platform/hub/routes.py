"""The routes of the Hub: the platform's own before those of JupyterHub, which are guarded."""

from typing import Any, Final

from jupyterhub_platform.hub.api import handler as api
from jupyterhub_platform.hub.api import people as people_api
from jupyterhub_platform.hub.api import servers as server_api
from jupyterhub_platform.hub.api import why as why_api
from jupyterhub_platform.hub.api.bad_input import refuse_bad_values
from jupyterhub_platform.hub.pages import spawn as pages
from jupyterhub_platform.hub.stock_handlers import stock_api_handlers, stock_page_handlers

_WITH_VERBS_OF_JUPYTERHUB: Final = frozenset({server_api.ServerAPI, pages.SpawnPage})


def surround_routes(of_authenticator: list[Any]) -> list[Any]:
    """Return all routes: an authenticator's own go before the Hub's pages, not before its API."""
    own = [
        (pattern, refuse_bad_values(kind) if kind in _WITH_VERBS_OF_JUPYTERHUB else kind, *more)
        for pattern, kind, *more in platform_handlers()
    ]
    return [*own, *stock_api_handlers(), *of_authenticator, *stock_page_handlers()]


def platform_handlers() -> list[Any]:
    """Return the routes that the platform adds, relative to the Hub's prefix."""
    return [
        (r"/api/platform/usage", api.UsageHandler),
        (r"/api/platform/decide", api.DecideHandler),
        (r"/api/platform/decisions/([^/]+)", api.DecisionHandler),
        (r"/api/platform/reload", api.ReloadHandler),
        (r"/api/platform/settings", api.SettingsHandler),
        (r"/api/platform/health", api.HealthHandler),
        (r"/api/platform/proxies", api.ProxiesHandler),
        (r"/api/platform/why", why_api.WhyHandler),
        (r"/api/platform/users/([^/]+)/invite", people_api.InviteHandler),
        (r"/api/platform/users/([^/]+)/suspend", people_api.SuspendHandler),
        (r"/api/platform/users/([^/]+)/resume", people_api.ResumeHandler),
        (r"/api/users/([^/]+)/server", server_api.ServerAPI),
        (r"/api/users/([^/]+)/servers/([^/]*)", server_api.ServerAPI),
        (r"/api/platform(?:/.*)?", api.UnknownHandler),
        (r"/invite/([^/]*)", pages.InvitePage),
        (r"/password", pages.PasswordPage),
        (r"/spawn", pages.SpawnPage),
        (r"/spawn/([^/]+)", pages.SpawnPage),
        (r"/spawn/([^/]+)/([^/]+)", pages.SpawnPage),
        (
            r"/platform/static/(.*)",
            pages.StaticFiles,
            {"path": str(pages.STATIC_DIRECTORY)},
        ),
    ]
