"""Compares book, servers and ledger while the Hub runs, and reports drift."""

from datetime import UTC, datetime
from typing import Any

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.metrics import platform_metrics
from jupyterhub_platform.hub.servers.inventory import live_servers
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.hub.upstream.event_loop import gc_paused
from jupyterhub_platform.hub.upstream.server_counts import correct_counts
from jupyterhub_platform.usecases.consistency import Drift, compare


class DriftChecker:
    """Checks regularly. Servers are listed in the Hub's loop, and compared in a thread."""

    def __init__(self, app: Any, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime
        self._suspected: frozenset[Drift] = frozenset()
        self.drifts: tuple[Drift, ...] = ()
        self.looked_at: datetime | None = None

    async def check(self) -> None:
        """Compare once; what differs for the second time in a row is drift."""
        if self._runtime.health.reason or not self._app.db.is_active:
            return  # nothing waits for a database that is known to be down
        try:
            with gc_paused():
                await self._correct_counts()
                live = await live_servers(self._app.users.values())
                book = self._runtime.admission.book.copy()
                differences = await in_store_thread(compare, book, self._runtime.store, live)
        except StoreError as error:
            self._runtime.health.mark_down(error)
            return
        # A start or stop may be half-way through: only lasting differences count.
        found = frozenset(differences)
        drifts = found & self._suspected
        self._suspected = found
        self.drifts, self.looked_at = tuple(sorted(drifts, key=str)), datetime.now(UTC)
        platform_metrics.report_drift(drifts)
        platform_metrics.COMPARISONS.inc()
        for drift in self.drifts:
            self._app.log.error("Drift (%s): %s", drift.kind, drift.detail)

    async def _correct_counts(self) -> None:
        if wrong := await correct_counts(self._app.users):
            self._app.log.error(
                "The Hub counted the servers of %i users wrongly, such as %s, and has recounted "
                "them. This is a fault of the platform: please report it.",
                len(wrong),
                wrong[0],
            )
