"""Servers: a list of what runs."""

from jupyterhub_platform.service.handlers import PART_OF_A_LIST
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.lines import ServerLine
from jupyterhub_platform.usecases.reports.overview import list_servers
from jupyterhub_platform.usecases.reports.paging import Page
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer


class ServerList(Resource[Page[ServerLine]]):
    """What runs, as far as the caller may see it."""

    TAKES = PART_OF_A_LIST

    async def prepare(self) -> None:
        """Read which servers are requested."""
        self.query = self.handler.read_list_query()

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> Page[ServerLine]:
        """Report the servers that the caller may see."""
        return list_servers(facts, viewer, self.query)

    def to_table(self, report: Page[ServerLine]) -> Page[ServerLine]:
        """Return the lines of the list."""
        return report
