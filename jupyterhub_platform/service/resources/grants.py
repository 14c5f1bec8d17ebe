"""Grants: who has what on top, until when, by whom and why."""

from typing import Any

from jupyterhub_platform.service.errors import beyond
from jupyterhub_platform.service.handlers import PART_OF_A_LIST
from jupyterhub_platform.service.pages import AFTER_A_CHANGE
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.grants import Grants as GrantsReport
from jupyterhub_platform.usecases.reports.grants import report_grants
from jupyterhub_platform.usecases.reports.paging import Page
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer


class Grants(Resource[GrantsReport]):
    """The grants, those that end soon first."""

    TAKES = PART_OF_A_LIST
    PAGE_TAKES = AFTER_A_CHANGE
    TEMPLATE = "grants.html"

    def may(self, *names: str) -> None:
        """Refuse services, which are granted nothing."""
        if not (self.viewer.reads_own or self.viewer.reads_others):
            raise beyond("grants")

    async def prepare(self) -> None:
        """Read which grants are requested."""
        self.query = self.handler.read_list_query()

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> GrantsReport:
        """Report the grants that the caller may see."""
        return report_grants(facts, viewer, self.query)

    async def add_for_page(self, report: GrantsReport) -> dict[str, Any]:
        """Add the page's view of the list."""
        return {"page": report.grants}

    def to_table(self, report: GrantsReport) -> Page[Any]:
        """Return the lines of the list."""
        return report.grants
