"""Watches the audit record while the Hub runs: enters counts, verifies it, logs its head.

The head goes into the Hub's log, which usually leaves the machine: anyone who can write the
database can rewrite a whole chain, and only a head that was noted elsewhere shows it.
"""

import asyncio
import atexit
import time
from datetime import UTC, datetime
from typing import Any, Final, Self

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub import metrics
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.usecases.audit_verification import (
    Head,
    VerificationReport,
    find_head,
    render_head,
    say_head,
    verify,
)
from jupyterhub_platform.usecases.denials import ENTER_SECONDS

LOOK_SECONDS: Final = ENTER_SECONDS
NOTE_SECONDS: Final = 3600.0
"""How often the head is logged, if it has changed."""

REST_FACTOR: Final = 100
"""After a check of the whole chain, none follows for this multiple of its duration."""

MAX_SHOWN: Final = 5
MAX_SEEN: Final = 1000
"""Heads kept while the record is not intact: one a minute, for most of a day."""


class AuditWatch:
    """Checks once a minute, and a long chain more rarely. Belongs to the Hub's loop."""

    def __init__(self, app: Any, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime
        self._head: Head | None = None
        # Heads seen since the chain last led to all of them. A rewritten chain does not, and is
        # reported until the Hub ends: the log has the heads after that.
        self._seen: list[Head] = []
        self._noted: Head | None = None
        self._note_again = 0.0
        self._look_again = 0.0
        self._is_ending = False
        self._said: tuple[str, ...] = ()
        self.report: VerificationReport | None = None
        self.looked_at: datetime | None = None

    @classmethod
    def begin(cls, app: Any, runtime: Runtime) -> Self:
        """Log the head at the start, and have the last one logged at the end."""
        watch = cls(app, runtime)
        watch._note(find_head(runtime.store))
        atexit.register(watch.end)
        return watch

    def end(self) -> None:
        """Enter counts, and log the last head; a store that is down keeps neither."""
        try:
            for enter in self._runtime.admission.take_repeats():
                enter()
            self._note(find_head(self._runtime.store))
        except StoreError as error:
            self._app.log.warning("The audit's last head is not noted. %s", error)

    async def look(self) -> None:
        """Enter counts, check the record, and log its head when it is due."""
        for enter in self._runtime.admission.take_repeats():
            await in_store_thread(enter)
        if self._runtime.health.reason:
            return  # nothing waits for a store that is known to be down
        try:
            if time.monotonic() >= self._look_again:
                await in_store_thread(self._prove)
            head = await in_store_thread(find_head, self._runtime.store)
        except asyncio.CancelledError:
            self._is_ending = True
            raise
        except StoreError as error:
            self._runtime.health.mark_down(error)
            return
        self._take_head(head)
        if time.monotonic() >= self._note_again and head != self._noted:
            self._note(head)

    def _prove(self) -> None:
        began = time.monotonic()
        known = len(self._seen)
        report = verify(self._runtime.store, self._seen[:known], ledger=False, say=self._go_on)
        took = time.monotonic() - began
        if report.is_whole and known:
            # A chain that leads to the last head leads to all before it.
            self._seen = self._seen[known - 1 :]
        self._look_again = time.monotonic() + took * REST_FACTOR
        self.report, self.looked_at = report, datetime.now(UTC)
        metrics.AUDIT_WHOLE.set(report.is_whole)
        said = tuple(map(str, report.findings[:MAX_SHOWN]))
        if said and said != self._said:
            self._app.log.error("The record is not what was written: %s", " · ".join(said))
        self._said = said

    def _go_on(self, _part: str, _rows: int) -> None:
        # A Hub that ends waits for its threads, and a long chain takes half a minute.
        if self._is_ending:
            raise StoreError("the Hub ends")

    def _take_head(self, head: Head | None) -> None:
        if head is not None and head not in self._seen[-1:] and len(self._seen) < MAX_SEEN:
            self._seen.append(head)
        # A head that was seen stays seen: a truncated chain remains shorter than that.
        if head is not None and (self._head is None or head.seq >= self._head.seq):
            self._head = head
            metrics.AUDIT_SEQUENCE.set(head.seq)

    def _note(self, head: Head | None) -> None:
        self._take_head(head)
        if head is None:
            return
        self._app.log.info(say_head(head))
        metrics.report_head(*head)
        self._noted, self._note_again = head, time.monotonic() + NOTE_SECONDS

    def to_json(self) -> dict[str, Any]:
        """Render the last finding, for the health of the platform."""
        report = self.report
        return {
            "whole": report.is_whole if report else None,
            "looked_at": self.looked_at and self.looked_at.isoformat(),
            "rows": report.rows if report else None,
            "head": render_head(self._head) if self._head else None,
            "findings": [
                {"part": each.part, "row": each.row, "what": each.what, "fix": each.fix}
                for each in (report.findings[:MAX_SHOWN] if report else ())
            ],
        }
