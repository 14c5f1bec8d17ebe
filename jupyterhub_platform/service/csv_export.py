"""Sends the table of a resource for spreadsheets: the lines that its page lists, as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from jupyterhub_platform.service.handlers import AuthenticatedHandler
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.as_json import render_json
from jupyterhub_platform.usecases.reports.paging import Query

MAX_ROWS: Final = 10_000
"""What one answer holds at most; ``offset`` continues."""
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula."""


class Table(AuthenticatedHandler):
    """A resource as CSV, with the search, sort and offset of its page."""

    RESOURCE: ClassVar[type[Resource[Any]]]
    NAME: ClassVar[str] = ""

    async def get(self) -> None:
        """Send the lines."""
        if self.current_user is None:
            return
        resource = self.RESOURCE(self)
        _, report = await resource.answer()
        page = resource.to_table(report)
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="{self.NAME}.csv"')
        left = page.total - page.query.offset - len(page.items)
        if left > 0:
            self.set_header("X-Platform-Rows-Left", str(left))
        self.finish(render_table(map(render_json, page.items)))

    def read_list_query(self) -> Query:
        """Read which part of the list is requested: all of it, as far as it fits one answer."""
        query = super().read_list_query()
        return query if self.argument("limit") else replace(query, limit=MAX_ROWS)


def table_of(name: str, resource: type[Resource[Any]]) -> type[Table]:
    """Return the handler of a resource's table."""
    members = {
        "__doc__": resource.__doc__,
        "__module__": resource.__module__,
        "RESOURCE": resource,
        "NAME": name,
        "TAKES": resource.TAKES,
    }
    return type(f"{resource.__name__}Table", (Table,), members)


def render_table(lines: Iterable[Mapping[str, Any]]) -> str:
    """Render lines as CSV (RFC 4180), with the keys of the API as names of the columns."""
    rows = [dict(_flatten("", line)) for line in lines]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_say(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _flatten(prefix: str, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, each in value.items():
        if isinstance(each, Mapping):
            yield from _flatten(f"{prefix}{key}.", each)
        else:
            yield f"{prefix}{key}", each


def _say(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            text = " ".join(_say(each) for each in value)
        case Mapping():
            text = " ".join(f"{key}={_say(each)}" for key, each in value.items())
        case _:
            text = str(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text
