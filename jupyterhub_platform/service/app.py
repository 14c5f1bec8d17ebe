"""The application: what answers where."""

import re
from typing import Any

from jupyterhub.services.auth import HubOAuth
from tornado.web import Application, url

from jupyterhub_platform.service import api, pages
from jupyterhub_platform.service.environment import Environment
from jupyterhub_platform.service.handlers import Callback, Static
from jupyterhub_platform.service.rendering import STATIC, make_environment
from jupyterhub_platform.service.stop_page import StopPage
from jupyterhub_platform.usecases.reports.reader import StoreReader

_NAME = r"([^/]+)"
_MAY_BE_EMPTY = r"([^/]*)"

ROUTES: tuple[tuple[str, type[Any]], ...] = (
    ("", pages.OwnPage),
    ("oauth_callback", Callback),
    ("overview", pages.OverviewPage),
    ("people", pages.PeoplePage),
    (f"people/{_NAME}", pages.PersonPage),
    ("tiers", pages.TiersPage),
    (f"decisions/{_NAME}", pages.DecisionPage),
    ("servers/stop", StopPage),
    ("servers/why", pages.WhyPage),
    ("api/v1/me", api.MeCall),
    ("api/v1/overview", api.OverviewCall),
    ("api/v1/people", api.PeopleCall),
    (f"api/v1/people/{_NAME}", api.PersonCall),
    ("api/v1/tiers", api.TiersCall),
    ("api/v1/servers", api.ServersCall),
    (f"api/v1/servers/{_NAME}/{_MAY_BE_EMPTY}", api.ServerCall),
    ("api/v1/decisions", api.DecisionsCall),
    (f"api/v1/decisions/{_NAME}", api.DecisionCall),
    ("api/.*", api.NotFoundCall),
)
"""What answers, by the path below the prefix of the service."""


def make_app(environment: Environment, hub_auth: HubOAuth, reader: StoreReader) -> Application:
    """Make the application that answers below the prefix of the service."""
    prefix = environment.prefix
    return Application(
        [url(f"{re.escape(prefix)}{path}", handler) for path, handler in ROUTES],
        default_handler_class=pages.NotFoundPage,
        environment=environment,
        hub_auth=hub_auth,
        reader=reader,
        templates=make_environment(environment.template_paths),
        cookie_secret=environment.cookie_secret,
        static_path=str(STATIC),
        static_url_prefix=f"{prefix}static/",
        static_handler_class=Static,
    )
