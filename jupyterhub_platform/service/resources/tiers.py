"""Tiers: what they give, who may use them, and how they are used."""

from typing import Any

from jupyterhub_platform.service.pages import AFTER_A_CHANGE
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.decisions import read_visible_denials
from jupyterhub_platform.usecases.reports.paging import Page, Query
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.tiers import Tiers as TiersReport
from jupyterhub_platform.usecases.reports.tiers import report_tiers
from jupyterhub_platform.usecases.reports.viewer import Viewer


class Tiers(Resource[TiersReport]):
    """What the tiers give, and how they are used."""

    PAGE_TAKES = AFTER_A_CHANGE
    TEMPLATE = "tiers.html"

    def may(self, *names: str) -> None:
        """Refuse callers who may not see other users."""
        self.require_others("how the tiers are used")

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> TiersReport:
        """Report the tiers, with the use of them that the caller may see."""
        return report_tiers(facts, viewer, read_visible_denials(self.handler.reader, viewer))

    def to_table(self, report: TiersReport) -> Page[Any]:
        """Return all tiers."""
        return Page(report.tiers, len(report.tiers), Query())
