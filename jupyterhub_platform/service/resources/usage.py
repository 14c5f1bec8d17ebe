"""Usage: what was used, by person, group, tier and image; as a page, as JSON and as CSV."""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.usage import KINDS, PERIODS
from jupyterhub_platform.service.api import call_of
from jupyterhub_platform.service.errors import RefusalError, beyond, invalid, translate
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.service.usage_charts import draw_charts
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.usage import UsageHistory as UsageReport
from jupyterhub_platform.usecases.reports.usage import (
    UsageLine,
    list_usage,
    render_hours,
    report_usage,
)
from jupyterhub_platform.usecases.reports.usage_arguments import read_usage_arguments
from jupyterhub_platform.usecases.reports.viewer import Viewer

_FILTERS: Final = frozenset(KINDS)
_ARGUMENTS: Final = frozenset({"by", "per", "since", "until"}) | _FILTERS
_LIST: Final = frozenset({"limit", "offset", "cursor", "sort"})
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a cell."""


class UsageHistory(Resource[UsageReport]):
    """What was used, by whom and when."""

    TAKES = _ARGUMENTS | _LIST
    TEMPLATE = "usage.html"

    def may(self, *names: str) -> None:
        """Refuse services, which use nothing themselves."""
        if not (self.viewer.reads_own or self.viewer.reads_others):
            raise beyond("any usage")

    async def prepare(self) -> None:
        """Read which usage is requested."""
        arguments = {name: self.handler.argument(name).strip() for name in sorted(_ARGUMENTS)}
        query = self.handler.read_list_query()
        try:
            self.query = read_usage_arguments(arguments, query)
        except PlatformError as error:
            raise translate(error) from error

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> UsageReport:
        """Report the usage that the caller may see."""
        return report_usage(self.handler.reader, facts, viewer, self.query)

    async def add_for_page(self, report: UsageReport) -> dict[str, Any]:
        """Add pictures, and links to other views of the same."""
        return {
            "page": report.lines,
            "charts": draw_charts(report),
            "kinds": KINDS,
            "spans": PERIODS,
            "asked": self._list_arguments(),
            "hours": render_hours,
            "year_since": _begin_year(report.at),
            "link": lambda _query, **changes: self._link(**changes),
            "narrow": self._link,
        }

    def _list_arguments(self) -> dict[str, str]:
        return {name: self.handler.argument(name).strip() for name in sorted(_ARGUMENTS | _LIST)}

    def _link(self, **changes: Any) -> str:
        values = {**self._list_arguments(), **changes}
        return "?" + urlencode({name: value for name, value in values.items() if value})


class UsageCall(call_of(UsageHistory)):  # type: ignore[misc]  # made by a function
    """What was used, by whom and when; also as CSV, which has all names."""

    TAKES = UsageHistory.TAKES | {"format"}

    async def get(self, *names: str) -> None:
        """Answer the call."""
        if not self._wants_csv():
            await super().get(*names)
            return
        resource = UsageHistory(self)
        resource.may()
        await resource.prepare()
        parts = _render_parts(resource)
        # Made before anything is sent: what is refused is refused in full.
        part = await self.read_in_thread(lambda: next(parts, None))
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="usage.csv"')
        try:
            while part is not None:
                self.write(part)
                await self.flush()
                part = await self.read_in_thread(lambda: next(parts, None))
        except RefusalError:
            # Half a file must not look like a whole one: it has no end.
            self.request.connection.close()
            raise

    def _wants_csv(self) -> bool:
        asked = self.argument("format")
        if asked not in {"", "csv", "json"}:
            raise invalid("format is csv or json; leave it out or correct it.")
        accepts = self.request.headers.get("Accept", "")
        return asked == "csv" or (not asked and accepts.partition(",")[0].strip() == "text/csv")


def _begin_year(now: datetime) -> str:
    """Return the first day of the twelve months of which the last one is now."""
    year, month = divmod(now.year * 12 + now.month - 12, 12)
    return date(year, month + 1, 1).isoformat()


def _render_parts(resource: UsageHistory) -> Iterator[str]:
    """Yield the file: its header with the first names and their periods, then the others."""
    facts, viewer = resource.handler.read_facts()
    query = resource.query
    header = (
        *(query.by, "title", "start", "end", "server_hours", "cpu_hours"),
        *("memory_gib_hours", "accelerator_hours"),
    )
    rows: list[tuple[object, ...]] = [header]
    for lines in list_usage(resource.handler.reader, facts, viewer, query):
        rows += (row for line in lines for row in _list_rows(line))
        yield _render_rows(rows)
        rows = []
    if rows:
        yield _render_rows(rows)


def _list_rows(line: UsageLine) -> Iterator[tuple[object, ...]]:
    for period in line.periods:
        used = period.used
        yield (
            *(_plain(line.name), _plain(line.title)),
            *(period.start.isoformat(), period.end.isoformat()),
            *(used.server_hours, used.cpu_hours, used.memory_gib_hours, used.accelerator_hours),
        )


def _render_rows(rows: list[tuple[object, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _plain(text: str) -> str:
    """Keep a spreadsheet from taking a name for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
