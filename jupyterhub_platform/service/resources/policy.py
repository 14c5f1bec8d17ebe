"""The history of the policy: who changed what, when and why; one change, before and after."""

import re
from typing import Any, Final

from jupyterhub_platform.service.errors import beyond, invalid, unknown
from jupyterhub_platform.service.handlers import PART_OF_A_LIST
from jupyterhub_platform.service.pages import AFTER_A_CHANGE
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.paging import Page
from jupyterhub_platform.usecases.reports.policy_differences import (
    PolicyDifference,
    report_difference,
)
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.revisions import (
    Revisions,
    WholeRevision,
    report_revision,
    report_revisions,
)
from jupyterhub_platform.usecases.reports.viewer import Viewer

_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
_WHAT: Final = "the history of the policy"


class Policy(Resource[Revisions]):
    """Revisions of the file and of managed objects, the newest first."""

    TAKES = PART_OF_A_LIST
    PAGE_TAKES = AFTER_A_CHANGE
    TEMPLATE = "policy.html"

    def may(self, *names: str) -> None:
        """Refuse callers who may not see everything."""
        if not self.viewer.reads_all:
            raise beyond(_WHAT)

    async def prepare(self) -> None:
        """Read which revisions are requested, and what is wrong with the file."""
        self.query = self.handler.read_list_query()
        if self.query.sort not in {"", "-number"}:
            raise invalid("Revisions are sorted by -number; leave sort out.")
        self.troubles = await self.handler.find_troubles()

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> Revisions:
        """Report the revisions."""
        store = self.handler.reader.open_store()
        return report_revisions(store, facts, self.query, self.troubles)

    async def add_for_page(self, report: Revisions) -> dict[str, Any]:
        """Add the page's view of the list."""
        return {"page": report.revisions}

    def to_table(self, report: Revisions) -> Page[Any]:
        """Return the lines of the list."""
        return report.revisions


class Difference(Resource[PolicyDifference]):
    """What differs between two revisions, object by object."""

    PAGE_TAKES = frozenset({"from", "to"})
    TEMPLATE = "policy_diff.html"

    def may(self, *names: str) -> None:
        """Refuse callers who may not see everything."""
        if not self.viewer.reads_all:
            raise beyond(_WHAT)

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> PolicyDifference:
        """Report from the first to the second; on the page, the last change if none is named."""
        now = str(facts.revision)
        last = names[1] if names else self.handler.argument("to") or now
        before = str(max(int(last) - 1, 0)) if _NUMBER.fullmatch(last) else now
        first = names[0] if names else self.handler.argument("from") or before
        if not (_NUMBER.fullmatch(first) and _NUMBER.fullmatch(last)):
            raise unknown("revision")
        store = self.handler.reader.open_store()
        return report_difference(store, facts.revision, int(first), int(last))


class Revision(Resource[WholeRevision]):
    """One revision: what it changed, before and after."""

    TEMPLATE = "revision.html"

    def may(self, *names: str) -> None:
        """Refuse callers who may not see everything."""
        if not self.viewer.reads_all:
            raise beyond(_WHAT)

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> WholeRevision:
        """Report the revision with this number."""
        (number,) = names
        if not _NUMBER.fullmatch(number):
            raise unknown("revision")
        return report_revision(self.handler.reader.open_store(), facts, int(number))
