"""Decisions on starts: a list of all that the caller may see, and a single one."""

from typing import Any

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.service.errors import invalid, translate, unknown
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.cursors import parse_cursor
from jupyterhub_platform.usecases.reports.decisions import (
    Decisions,
    WholeDecision,
    report_decision,
    report_decisions,
)
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer


class DecisionList(Resource[Decisions]):
    """Decisions on starts, newest first; ``before`` continues from an id."""

    TAKES = frozenset({"limit", "cursor", "before", "admitted"})

    async def prepare(self) -> None:
        """Read which decisions are requested."""
        words = {"": None, "true": True, "false": False}
        asked = self.handler.argument("admitted")
        self.query = self.handler.read_list_query()
        if asked not in words:
            raise invalid("admitted is true or false; leave it out or correct it.")
        self.admitted = words[asked]
        self.before = self.handler.argument("before")
        if self.query.cursor:
            if self.before:
                raise invalid("cursor and before both say where to go on; leave one out.")
            self.before = self._read_cursor(self.query.cursor)

    @staticmethod
    def _read_cursor(text: str) -> str:
        try:
            (before,) = parse_cursor(text, (str,))
        except PlatformError as error:
            raise translate(error) from error
        return str(before)

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> Decisions:
        """Report the decisions that the caller may see."""
        return report_decisions(
            self.handler.reader,
            viewer,
            admitted=self.admitted,
            limit=self.query.limit,
            before=self.before or None,
        )


class Decision(Resource[WholeDecision]):
    """The decision on one start, and its reasons."""

    TEMPLATE = "decision.html"

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> WholeDecision:
        """Report the decision with this id, if the caller may see it."""
        (decision_id,) = names
        found = report_decision(self.handler.reader, viewer, decision_id)
        if found is None:
            raise unknown("decision")
        return found

    def to_json(self, report: WholeDecision) -> Any:
        """Return the whole decision."""
        return report.data
