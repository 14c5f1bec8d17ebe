"""Bulk changes: a list of them, and one with the outcomes of its names."""

from typing import Any

from jupyterhub_platform.core.bulk_changes import Result
from jupyterhub_platform.service.errors import beyond, invalid
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.bulk_changes import (
    BulkLines,
    BulkReport,
    report_bulk,
    report_bulk_list,
)
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

_WHAT = "bulk changes"


class BulkList(Resource[BulkLines]):
    """Bulk changes, the newest first."""

    TAKES = frozenset({"limit", "cursor"})
    TEMPLATE = "bulk_list.html"

    def may(self, *names: str) -> None:
        """Refuse callers who may change nothing and may not see everything."""
        if not self.viewer.reads_others:
            raise beyond(_WHAT)

    async def prepare(self) -> None:
        """Read which part is requested."""
        self.query = self.handler.read_list_query()

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> BulkLines:
        """Report the bulk changes that the caller may see."""
        return report_bulk_list(self.handler.reader.open_store(), viewer, self.query)


class Bulk(BulkList):
    """One bulk change, its progress, and the outcomes of its names."""

    TAKES = frozenset({"limit", "cursor", "result"})
    PAGE_TAKES = frozenset({"part"})
    TEMPLATE = "bulk.html"
    LIVE = "bulk_live.html"

    async def prepare(self) -> None:
        """Read which names are requested; a page shows those that were refused."""
        await super().prepare()
        asked = self.handler.argument("result")
        if asked and asked not in set(Result):
            raise invalid(f"result is one of {', '.join(Result)}; leave it out or correct it.")
        self.result = Result(asked) if asked else None

    def read(  # type: ignore[override]  # one of them is not a list of them
        self, facts: ReportFacts, viewer: Viewer, *names: str
    ) -> BulkReport:
        """Report the bulk change with this id."""
        (id_,) = names
        store = self.handler.reader.open_store()
        return report_bulk(store, viewer, id_, self.query, self.result)

    async def add_for_page(self, report: Any) -> dict[str, Any]:
        """Add which names are shown."""
        return {"result": self.result or ""}
