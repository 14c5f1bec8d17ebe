"""Groups: all that the caller may see, and a single one."""

from typing import Any

from jupyterhub_platform.service.errors import beyond, unknown
from jupyterhub_platform.service.handlers import PART_OF_A_LIST
from jupyterhub_platform.service.pages import AFTER_A_CHANGE
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.groups import (
    GroupReport,
    report_group,
    report_groups,
    sees_group,
)
from jupyterhub_platform.usecases.reports.groups import Groups as GroupsReport
from jupyterhub_platform.usecases.reports.paging import Page
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer


class Groups(Resource[GroupsReport]):
    """The groups, who is in charge of them, and what is held in them."""

    TAKES = PART_OF_A_LIST
    PAGE_TAKES = AFTER_A_CHANGE
    TEMPLATE = "groups.html"

    def may(self, *names: str) -> None:
        """Refuse services, which are in no group."""
        if not (self.viewer.reads_own or self.viewer.reads_others):
            raise beyond("groups")

    async def prepare(self) -> None:
        """Read which groups are requested."""
        self.query = self.handler.read_list_query()

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> GroupsReport:
        """Report the groups that the caller may see."""
        return report_groups(facts, viewer, self.query)

    async def add_for_page(self, report: GroupsReport) -> dict[str, Any]:
        """Add the page's view of the list."""
        return {"page": report.groups}

    def to_table(self, report: GroupsReport) -> Page[Any]:
        """Return the lines of the list."""
        return report.groups


class Group(Resource[GroupReport]):
    """One group: members, managers, quotas and grants."""

    PAGE_TAKES = AFTER_A_CHANGE
    TEMPLATE = "group.html"

    def may(self, *names: str) -> None:
        """Refuse services, which are in no group."""
        if not (self.viewer.reads_own or self.viewer.reads_others):
            raise beyond("groups")

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> GroupReport:
        """Report the group with this name, if the caller may see it."""
        (name,) = names
        if name not in facts.policy.groups or not sees_group(facts, viewer, name):
            raise unknown("group")
        return report_group(facts, viewer, name)
