"""Changes of managed objects, and the Hub brought in line with them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.people.memberships import apply_to_moved
from jupyterhub_platform.usecases.changes import Change
from jupyterhub_platform.usecases.snapshot import Snapshot


class ManagedObjects:
    """Makes changes of what is managed. Belongs to the Hub's loop.

    ``settle_suspensions`` enforces what a change says about them.
    """

    def __init__(
        self,
        app: Any,
        runtime: Runtime,
        settle_suspensions: Callable[[], Awaitable[None]],
        manage_memberships: bool,
    ) -> None:
        self._app = app
        self._runtime = runtime
        self._settle_suspensions = settle_suspensions
        self._levels_only = not manage_memberships
        self._changing = asyncio.Lock()

    async def apply(self, change: Change) -> Snapshot:
        """Put a change into force, and bring the Hub's users and groups in line with it.

        Raises
        ------
        PlatformError
            Raised if it is refused; then nothing has changed.
        StoreUnreachableError
            Raised if it cannot be recorded; then nothing has changed.
        """
        async with self._changing:
            before = self._runtime.in_force.snapshot
            after = await self._runtime.changes.apply(change)
            try:
                moved = await apply_to_moved(
                    self._app,
                    before.policy,
                    self._runtime.in_force,
                    self._runtime.policies,
                    levels_only=self._levels_only,
                )
            except StoreError as error:
                # It is in force; those who moved are settled once the store is back.
                self._runtime.health.mark_down(error)
                moved = frozenset()
        if moved:
            await self._settle_suspensions()
        return after

    async def preview(self, change: Change) -> Snapshot:
        """Return what a change would put into force; nothing is changed.

        Raises
        ------
        PlatformError
            Raised if it would be refused.
        """
        return await self._runtime.changes.preview(change)
