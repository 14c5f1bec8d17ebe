"""The routes that the platform adds to the Hub."""

from typing import Any

from jupyterhub_platform.hub import api, pages, people_api, server_api, why_api
from jupyterhub_platform.hub.bad_input import refuse_bad_values


def platform_handlers(app: Any) -> list[Any]:
    """Return the routes, relative to the Hub's prefix; they go before the Hub's own."""
    servers = refuse_bad_values(server_api.ServerAPI)
    spawn_page = refuse_bad_values(pages.SpawnPage)
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
        (r"/api/users/([^/]+)/server", servers),
        (r"/api/users/([^/]+)/servers/([^/]*)", servers),
        (r"/api/platform(?:/.*)?", api.UnknownHandler),
        (r"/invite/([^/]*)", pages.InvitePage),
        (r"/password", pages.PasswordPage),
        (r"/spawn", spawn_page),
        (r"/spawn/([^/]+)", spawn_page),
        (r"/spawn/([^/]+)/([^/]+)", spawn_page),
        (
            r"/platform/static/(.*)",
            pages.StaticFiles,
            {"path": str(pages.STATIC_DIRECTORY)},
        ),
    ]
