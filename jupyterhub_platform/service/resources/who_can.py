"""Who may start a tier, manage a group or charge servers to one."""

from jupyterhub_platform.core.errors import NotFoundError
from jupyterhub_platform.service.errors import unknown
from jupyterhub_platform.service.handlers import PART_OF_A_LIST
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer
from jupyterhub_platform.usecases.reports.who_can import WhoCan as WhoCanReport
from jupyterhub_platform.usecases.reports.who_can import report_who_can


class WhoCan(Resource[WhoCanReport]):
    """Who may do something, each with the rule that gives it."""

    TAKES = PART_OF_A_LIST

    def may(self, *names: str) -> None:
        """Refuse callers who may not see other users."""
        self.require_others("what other people may do")

    async def prepare(self) -> None:
        """Read which part of the list is requested."""
        self.query = self.handler.read_list_query()

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> WhoCanReport:
        """Report those whom the caller may see."""
        verb, name = names
        try:
            return report_who_can(facts, viewer, verb, name, self.query)
        except NotFoundError:
            raise unknown("tier" if verb == "start" else "group") from None
