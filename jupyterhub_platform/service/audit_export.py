"""Sends the audit as a table for spreadsheets, however long it is, a part at a time."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from tornado.iostream import StreamClosedError

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.service.errors import beyond, translate
from jupyterhub_platform.service.handlers import AuthenticatedHandler
from jupyterhub_platform.usecases.reports.audit import (
    FILTERS,
    AuditEvent,
    AuditEvents,
    AuditPart,
    read_part,
    report_audit,
)

ROW_BATCH: Final = 500
COLUMNS: Final = (
    *("number", "at", "actor", "action", "subject", "result", "reason"),
    *("via", "address", "sentence", "detail", "hash"),
)
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula."""


class AuditExport(AuthenticatedHandler):
    """The audit as CSV, newest first, with the same filters as the page."""

    TAKES = FILTERS

    async def get(self) -> None:
        """Send the rows."""
        if self.current_user is None:
            return
        if not self.viewer.reads_audit:
            raise beyond("the audit")
        arguments = {name: self.argument(name) for name in FILTERS}
        try:
            part = replace(read_part(arguments, datetime.now(UTC)), limit=ROW_BATCH)
        except PlatformError as error:
            raise translate(error) from error
        found = await self._read(part)
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="audit.csv"')
        self.write(render_lines([COLUMNS]))
        while self.request.method != "HEAD":
            self.write(render_lines(map(list_cells, found.items)))
            try:
                await self.flush()
            except StreamClosedError:
                return
            if found.go_on is None:
                return
            part = replace(part, before=found.go_on)
            found = await self._read(part)

    async def _read(self, part: AuditPart) -> AuditEvents:
        return await self.read_in_thread(lambda: report_audit(self.reader.open_store(), part))


def list_cells(event: AuditEvent) -> list[str]:
    """Return the cells of a row; none of them is a formula."""
    detail = json.dumps(event.detail, ensure_ascii=False, separators=(",", ":"))
    values = [getattr(event, name) for name in COLUMNS if name != "detail"]
    values.insert(COLUMNS.index("detail"), detail)
    texts = [each.isoformat() if isinstance(each, datetime) else str(each) for each in values]
    return [f"'{text}" if text.startswith(_FORMULAS) else text for text in texts]


def render_lines(rows: Iterable[Sequence[str]]) -> str:
    """Render rows as CSV (RFC 4180)."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
