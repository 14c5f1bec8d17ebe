"""Ends requests for access that waited too long, or whose user is suspended or gone."""

from datetime import UTC, datetime

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.usecases.notices import Notify
from jupyterhub_platform.usecases.overdue_requests import EndOverdueRequests, is_any_overdue

LOOK_SECONDS = 15.0


class AccessRequestExpiry:
    """Looks for such requests, and ends them. Belongs to the Hub's loop."""

    def __init__(self, runtime: Runtime, notify: Notify) -> None:
        self._runtime = runtime
        self._notify = notify

    async def run(self) -> None:
        """End what has to end, and note what is open; nothing is written if nothing has ended."""
        runtime, now = self._runtime, datetime.now(UTC)
        if runtime.health.reason:
            return
        try:
            snapshot = runtime.in_force.snapshot
            due = await in_store_thread(is_any_overdue, runtime.store, snapshot, now)
            if due:
                await runtime.changes.apply(EndOverdueRequests(self._notify))
            await in_store_thread(runtime.access_requests.note_askers)
        except StoreError as error:
            runtime.health.mark_down(error)
