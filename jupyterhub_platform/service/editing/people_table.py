"""The page on which a table of people is uploaded or pasted, previewed, and added as one change."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar, Final
from uuid import uuid4

from jupyterhub_platform.core.bulk_changes import Act
from jupyterhub_platform.core.people_table import (
    PeopleTable,
    TableError,
    TableFault,
    TableRow,
    parse_table,
)
from jupyterhub_platform.service.editing.page import LOOK, EditingPage
from jupyterhub_platform.service.hub_changes import HubAnswer

_SHOWN: Final = 50
_NO_ONE: Final = "The table names no one below its first line."


@dataclass(slots=True)
class _Preview:
    """What the table would do; ``table`` is ``None`` if it has no rows to ask the Hub about."""

    text: str
    table: PeopleTable | None = None
    digest: str = ""
    new: list[TableRow] = field(default_factory=list)
    in_place: list[str] = field(default_factory=list)
    faults: list[TableFault] = field(default_factory=list)
    further: int = 0
    effects: Mapping[str, Any] | None = None
    problem: str = ""
    refused: HubAnswer | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the table can be added as it is."""
        return bool(self.new) and not (self.faults or self.problem or self.refused)


class PeopleTablePage(EditingPage):
    """A table of people: previewed first, and added whole or not at all when it is confirmed."""

    TAKES_FILES: ClassVar[bool] = True

    async def get(self) -> None:
        """Show the empty form."""
        await self.read_policy()
        self.require_change("people", of_managers=True)
        self._show(None)

    async def post(self) -> None:
        """Show what the table would do, or begin it if just that was confirmed."""
        await self.read_policy()
        self.require_change("people", of_managers=True)
        data = self._read_table()
        found = await self._read(data)
        is_asked = self.sent("step") == "run"
        moved = is_asked and self.sent("digest") != found.digest
        if found.table is not None:
            run = is_asked and not (moved or found.faults)
            reason = self.sent("why") if run else LOOK
            answer = await self._ask(found.table, reason, dry_run=not run)
            if run and answer.is_done:
                prefix: str = self.settings["environment"].prefix
                self.redirect(f"{prefix}bulk/{answer.body['id']}", status=303)
                return
            self._take(found, found.table, answer)
        self._show(found, moved=moved)

    def _read_table(self) -> bytes:
        """Return the bytes of the file, or without one of the text, which tornado would tidy."""
        for uploaded in self.request.files.get("file", ()):
            if uploaded.body:
                return uploaded.body
        (*_, text) = self.request.body_arguments.get("table") or [b""]
        return text

    async def _read(self, data: bytes) -> _Preview:
        shown = data.decode("utf-8-sig", "replace").replace("\0", "\ufffd")
        found = _Preview(shown)
        try:
            table = await asyncio.to_thread(parse_table, data)
        except TableError as error:
            where = f"Line {error.line} of the table" if error.line else "The table"
            found.problem = f"{where} {error}"
            return found
        found.faults = list(table.faults)
        if table.rows:
            # Not of the bytes: a browser sends other ends of lines than a file has.
            rows = json.dumps([row.to_json() for row in table.rows])
            found.table, found.digest = table, sha256(rows.encode()).hexdigest()
        elif not table.faults:
            found.problem = _NO_ONE
        return found

    def _take(self, found: _Preview, table: PeopleTable, answer: HubAnswer) -> None:
        """Take what the Hub says of the rows, be it a preview or why it begins nothing."""
        rows, tried = {row.name: row for row in table.rows}, answer.body
        refusals = {str(each["name"]): str(each["reason"]) for each in tried.get("refusals") or ()}
        for name, reason in refusals.items():
            found.faults += table.explain(rows[name], reason)
        found.faults.sort(key=lambda fault: (fault.line, fault.number))
        if not answer.is_done:
            found.refused = None if refusals else answer
            return
        found.further = tried["refused"] - len(refusals)
        found.in_place = list(map(str, tried["in_place"]))
        passed = refusals.keys() | set(found.in_place)
        # With further refusals it is not known who else is new.
        found.new = [] if found.further else [r for r in table.rows if r.name not in passed]
        found.effects = tried["effects"]

    async def _ask(self, table: PeopleTable, reason: str, *, dry_run: bool) -> HubAnswer:
        people = [row.to_json() for row in table.rows]
        body = {"act": str(Act.ADD_PEOPLE), "people": people, "reason": reason}
        if dry_run:
            return await self.ask("POST", "bulk?dry_run=true", body)
        return await self.ask("POST", "bulk", body, {"Idempotency-Key": self.sent("key")})

    def _show(self, preview: _Preview | None, *, moved: bool = False) -> None:
        refused = preview.refused if preview else None
        self.set_status(refused.status if refused else 200)
        prefix: str = self.settings["environment"].prefix
        is_same = preview is not None and self.sent("digest") == preview.digest
        self.write_page(
            "people_table.html",
            path="people",
            found=preview,
            moved=moved,
            shown=_SHOWN,
            reason=self.sent("why") if self.request.method == "POST" else "",
            key=(is_same and self.sent("key")) or uuid4().hex,
            action=f"{prefix}new/people",
            back=f"{prefix}people",
        )
