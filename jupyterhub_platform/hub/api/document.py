"""Serves the OpenAPI document of the REST API, where clients look for it, and the list of calls."""

from functools import cache
from typing import Any

from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.rest.document import make_document
from jupyterhub_platform.rest.hub_calls import HUB_CALLS
from jupyterhub_platform.rest.index import render_index


class DocumentHandler(PlatformAPIHandler):
    """All calls of the platform, in the Hub and of the service, as OpenAPI 3.1."""

    def get(self) -> None:
        """Answer any logged-in user."""
        self.write(_document(self.settings["base_url"]))


class IndexHandler(PlatformAPIHandler):
    """The calls that are below this address."""

    def get(self) -> None:
        """Answer any logged-in user."""
        service = self.settings["services"].get("platform")
        origin = service.host if service else ""
        self.write(render_index(HUB_CALLS, self.settings["base_url"], service=origin))


@cache
def _document(base: str) -> dict[str, Any]:
    return make_document(base)
