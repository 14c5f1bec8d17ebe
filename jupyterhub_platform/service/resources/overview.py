"""Overview: what needs attention first, what runs, what is nearly full, recent denials."""

import asyncio
from typing import Any, Final

from jupyterhub_platform.service.errors import invalid
from jupyterhub_platform.service.handlers import PART_OF_A_LIST
from jupyterhub_platform.service.hub_api import read_weakened
from jupyterhub_platform.service.overview_charts import draw_tiles, spark_of
from jupyterhub_platform.service.pages import AFTER_A_STOP
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.attention import KINDS, find_concerns
from jupyterhub_platform.usecases.reports.decisions import read_visible_denials
from jupyterhub_platform.usecases.reports.ended import read_ended
from jupyterhub_platform.usecases.reports.last_day import read_days_of_groups
from jupyterhub_platform.usecases.reports.overview import Beside, report_overview
from jupyterhub_platform.usecases.reports.overview import Overview as OverviewReport
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

_SHOWN_DENIALS: Final = 20


class Overview(Resource[OverviewReport]):
    """What needs attention, what runs, what is nearly full, what was denied."""

    TAKES = PART_OF_A_LIST | {"show"}
    PAGE_TAKES = AFTER_A_STOP | {"part"}
    TEMPLATE = "overview.html"
    LIVE = "overview_live.html"

    def may(self, *names: str) -> None:
        """Refuse callers who may not see other users."""
        self.require_others("what others run")

    async def prepare(self) -> None:
        """Read what is requested, and ask the Hub what is wrong with it, and what is weakened."""
        self.query = self.handler.read_list_query()
        self.show = self.handler.argument("show")
        if self.show and self.show not in KINDS:
            raise invalid(f"show is one of {', '.join(KINDS)}; leave it out or correct it.")
        self.weakened: tuple[str, ...] = ()
        if not self.viewer.reads_all:
            return
        _, self.weakened = await asyncio.gather(
            self.handler.find_troubles(),
            read_weakened(self.handler.hub_auth.api_url, self.handler.token),
        )

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> OverviewReport:
        """Report the platform, as far as the caller may see it."""
        reader = self.handler.reader
        denials = read_visible_denials(reader, viewer, self.query.limit)
        with reader.transaction() as transaction:
            ended = read_ended(transaction, facts, viewer)
            beside = Beside(
                self.handler.troubles,
                self.weakened,
                find_concerns(transaction, facts, viewer, ended.failed, self.show),
                ended,
                self.handler.settings["last_days"].read(transaction, viewer, facts.at),
                lambda names: read_days_of_groups(transaction, facts.book, names, facts.at),
            )
            return report_overview(facts, viewer, self.query, denials, beside)

    async def add_for_page(self, report: OverviewReport) -> dict[str, Any]:
        """Add the page's view of the lists, and the pictures of the last day."""
        return {
            "page": report.servers,
            "denials": report.denials[:_SHOWN_DENIALS],
            "show": self.show,
            "tiles": draw_tiles(report),
            "spark": spark_of,
        }
