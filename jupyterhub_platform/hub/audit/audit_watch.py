"""Verifies the audit record while the Hub runs, and enters the counts of repeated denials."""

import asyncio
import atexit
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Self

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.audit.audit_heads import AuditHeads
from jupyterhub_platform.hub.metrics import platform_metrics
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.usecases.audit_key import PublicKey
from jupyterhub_platform.usecases.audit_verification import (
    VerificationReport,
    find_head,
    render_head,
    verify,
)
from jupyterhub_platform.usecases.denials import ENTER_SECONDS

CHECK_SECONDS: Final = ENTER_SECONDS

REST_FACTOR: Final = 100
"""After a verification of the whole chain, none follows for this multiple of its duration."""

MAX_SHOWN: Final = 5


class AuditWatch:
    """Verifies once a minute, and a long chain more rarely. Belongs to the Hub's loop."""

    def __init__(self, app: Any, runtime: Runtime, key: PublicKey | None = None) -> None:
        self._app = app
        self._key = key
        self._runtime = runtime
        self.heads = AuditHeads(app.log)
        self._verify_again = 0.0
        self._is_ending = False
        self._logged: tuple[str, ...] = ()
        self.report: VerificationReport | None = None
        self.verified_at: datetime | None = None

    @classmethod
    def begin(cls, app: Any, runtime: Runtime, key: PublicKey | None = None) -> Self:
        """Log the head at the start, and have the last one logged at the end."""
        watch = cls(app, runtime, key)
        watch.heads.log(find_head(runtime.store))
        atexit.register(watch.end)
        return watch

    def end(self) -> None:
        """Enter counts, and log the last head; a store that is down keeps neither."""
        try:
            for enter in self._take_counts():
                enter()
            self.heads.log(find_head(self._runtime.store))
        except StoreError as error:
            self._app.log.warning("The audit's last head is not noted. %s", error)

    async def check(self) -> None:
        """Enter counts, verify the record, and log its head when it is due."""
        for enter in self._take_counts():
            await in_store_thread(enter)
        if self._runtime.health.reason:
            return  # nothing waits for a store that is known to be down
        try:
            if time.monotonic() >= self._verify_again:
                await in_store_thread(self._verify)
            head = await in_store_thread(find_head, self._runtime.store)
        except asyncio.CancelledError:
            self._is_ending = True
            raise
        except StoreError as error:
            self._runtime.health.mark_down(error)
            return
        self.heads.see(head)
        self.heads.log_when_due(head)

    def _take_counts(self) -> list[Callable[[], None]]:
        runtime = self._runtime
        return [*runtime.admission.take_repeats(), *runtime.requests.take_counts()]

    def _verify(self) -> None:
        began = time.monotonic()
        known = self.heads.seen[:]
        report = verify(
            self._runtime.store, known, ledger=False, key=self._key, say=self._stop_if_ending
        )
        took = time.monotonic() - began
        if report.is_whole and known:
            # A chain that leads to the last head leads to all before it.
            self.heads.forget_all_but_last_of(len(known))
        self._verify_again = time.monotonic() + took * REST_FACTOR
        self.report, self.verified_at = report, datetime.now(UTC)
        platform_metrics.AUDIT_WHOLE.set(report.is_whole)
        findings = tuple(map(str, report.findings[:MAX_SHOWN]))
        if findings and findings != self._logged:
            self._app.log.error("The record is not what was written: %s", " · ".join(findings))
        self._logged = findings

    def _stop_if_ending(self, _part: str, _rows: int) -> None:
        # A Hub that ends waits for its threads, and a long chain takes half a minute.
        if self._is_ending:
            raise StoreError("the Hub ends")

    def to_json(self) -> dict[str, Any]:
        """Render the last finding, for the health of the platform."""
        report, head = self.report, self.heads.last
        return {
            "whole": report.is_whole if report else None,
            "looked_at": self.verified_at and self.verified_at.isoformat(),
            "rows": report.rows if report else None,
            "head": render_head(head) if head else None,
            "findings": [
                {"part": each.part, "row": each.row, "what": each.what, "fix": each.fix}
                for each in (report.findings[:MAX_SHOWN] if report else ())
            ],
        }
