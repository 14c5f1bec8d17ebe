"""The base of all resources: one noun, its page and its API call."""

from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, Generic, TypeVar

from jupyterhub_platform.service.errors import beyond
from jupyterhub_platform.service.handlers import AuthenticatedHandler
from jupyterhub_platform.usecases.reports.as_json import render_json
from jupyterhub_platform.usecases.reports.paging import Page
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

_Report = TypeVar("_Report")


def _names(report: object) -> tuple[str, ...]:
    return tuple(each.name for each in fields(report)) if is_dataclass(report) else ()


class Resource(Generic[_Report]):
    """One noun: who may see it, and how it is read. Its page and its API call share this class.

    One is created for each request, by the ``handler`` that answers it, at either address.
    ``TAKES`` are the arguments of both addresses, ``PAGE_TAKES`` those of the page alone;
    ``TEMPLATE`` shows the page, and ``LIVE`` its part that refreshes itself.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset()
    PAGE_TAKES: ClassVar[frozenset[str]] = frozenset()
    TEMPLATE: ClassVar[str] = ""
    LIVE: ClassVar[str] = ""

    def __init__(self, handler: AuthenticatedHandler) -> None:
        self.handler = handler

    @property
    def viewer(self) -> Viewer:
        """The caller, and what they may see."""
        return self.handler.viewer

    def may(self, *names: str) -> None:
        """Refuse callers who may not see it; :meth:`read` refuses what depends on the facts.

        Raises
        ------
        RefusalError
            Raised if the caller may not.
        """

    async def prepare(self) -> None:
        """Read the query, and ask the Hub for what is needed first."""

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> _Report:
        """Return the report; blocks, and runs in a thread."""
        raise NotImplementedError

    async def add_for_page(self, report: _Report) -> dict[str, Any]:
        """Return what the page shows beside the report."""
        return {}

    def to_json(self, report: _Report) -> Any:
        """Return the report as the API answers it."""
        return render_json(report)

    def find_next(self, report: _Report) -> str | None:
        """Return the cursor of the next part of the list that a report has, if it has more."""
        for part in (report, *(getattr(report, name, None) for name in _names(report))):
            found = getattr(part, "next", None)
            if isinstance(found, str):
                return found
        return None

    def to_table(self, report: _Report) -> Page[Any]:
        """Return the lines that its page lists, for a spreadsheet."""
        raise NotImplementedError

    async def answer(self, *names: str) -> tuple[ReportFacts, _Report]:
        """Return the report with the facts behind it, if the caller may see it."""
        self.may(*names)
        await self.prepare()

        def read() -> tuple[ReportFacts, _Report]:
            facts, viewer = self.handler.read_facts()
            return facts, self.read(facts, viewer, *names)

        return await self.handler.read_in_thread(read)

    def require_auditor(self) -> None:
        """Refuse callers who may not read the audit.

        Raises
        ------
        RefusalError
            Raised if the caller may not.
        """
        if not self.viewer.reads_audit:
            raise beyond("the audit")

    def require_others(self, what: str) -> None:
        """Refuse callers who may not see other users.

        Raises
        ------
        RefusalError
            Raised if the caller may not.
        """
        if not self.viewer.reads_others:
            raise beyond(what)
