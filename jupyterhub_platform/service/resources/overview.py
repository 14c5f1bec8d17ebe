"""What runs now, what is nearly full, and what was denied lately."""

from typing import Any, Final

from jupyterhub_platform.service.handlers import PART_OF_A_LIST
from jupyterhub_platform.service.hub_api import read_weakened
from jupyterhub_platform.service.pages import AFTER_A_STOP
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.decisions import read_visible_denials
from jupyterhub_platform.usecases.reports.overview import Overview as OverviewReport
from jupyterhub_platform.usecases.reports.overview import report_overview
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

_SHOWN_DENIALS: Final = 20


class Overview(Resource[OverviewReport]):
    """What runs, what is nearly full, what was denied."""

    TAKES = PART_OF_A_LIST
    PAGE_TAKES = AFTER_A_STOP | {"part"}
    TEMPLATE = "overview.html"
    LIVE = "overview_live.html"

    def may(self, *names: str) -> None:
        """Refuse callers who may not see other users."""
        self.require_others("what others run")

    async def prepare(self) -> None:
        """Read which servers are requested, and what is wrong with the Hub."""
        self.query = self.handler.read_list_query()
        self.troubles = await self.handler.find_troubles()

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> OverviewReport:
        """Report the platform, as far as the caller may see it."""
        denials = read_visible_denials(self.handler.reader, viewer, self.query.limit)
        return report_overview(facts, viewer, self.query, denials, self.troubles)

    async def add_for_page(self, report: OverviewReport) -> dict[str, Any]:
        """Add the page's view of the lists, and the settings that a site weakened."""
        weakened: tuple[str, ...] = ()
        if self.viewer.reads_all and self.handler.argument("part") != "live":
            weakened = await read_weakened(self.handler.hub_auth.api_url, self.handler.token)
        denials = report.denials[:_SHOWN_DENIALS]
        return {"page": report.servers, "denials": denials, "weakened": weakened}
