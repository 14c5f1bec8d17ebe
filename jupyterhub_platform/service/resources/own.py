"""My resources: what the caller holds."""

from typing import Any, Final
from urllib.parse import quote

from jupyterhub_platform.service.errors import beyond
from jupyterhub_platform.service.hub_api import read_own_servers
from jupyterhub_platform.service.own_servers import make_table
from jupyterhub_platform.service.pages import AFTER_A_STOP
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.decisions import read_own_denials
from jupyterhub_platform.usecases.reports.grants import list_grants_of
from jupyterhub_platform.usecases.reports.own import PersonReport, report_own
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

_SHOWN_DENIALS: Final = 5


class Own(Resource[PersonReport]):
    """My resources: what I hold, may hold and have left."""

    PAGE_TAKES = AFTER_A_STOP | {"removed"}
    TEMPLATE = "own.html"

    def may(self, *names: str) -> None:
        """Refuse services, which hold nothing themselves."""
        if not self.viewer.reads_own:
            raise beyond("resources of your own")

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> PersonReport:
        """Report what the caller holds, and read their grants."""
        self.grants = list_grants_of(facts, viewer, viewer.name)
        return report_own(facts, viewer)

    async def add_for_page(self, report: PersonReport) -> dict[str, Any]:
        """Add the caller's servers as the Hub has them, their grants, last denials and invite."""
        handler = self.handler
        told = await read_own_servers(handler.hub_auth.api_url, handler.token)
        hub = handler.settings["environment"]
        own_url = f"{hub.hub_host}{hub.hub_prefix.removesuffix('hub/')}user/{quote(report.name)}/"
        reader = handler.reader
        beside: dict[str, Any] = await handler.read_in_thread(
            lambda: {
                "denials": read_own_denials(reader, report.name, _SHOWN_DENIALS),
                "invited": reader.say_invite(report.name),
            }
        )
        return beside | {"table": make_table(report.servers, told, own_url), "grants": self.grants}
