"""Changes managed objects, and brings the Hub in line with them."""

import asyncio
from collections.abc import Awaitable, Callable

from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.people.membership_sync import MembershipSync
from jupyterhub_platform.usecases.changes import Change
from jupyterhub_platform.usecases.claimed_people import LogIn
from jupyterhub_platform.usecases.snapshot import Snapshot


class ManagedObjects:
    """Makes changes of what is managed. Belongs to the Hub's loop.

    ``settle_suspensions`` enforces what a change says about them.
    """

    def __init__(
        self,
        runtime: Runtime,
        memberships: MembershipSync,
        settle_suspensions: Callable[[], Awaitable[None]],
    ) -> None:
        self._runtime = runtime
        self._memberships = memberships
        self._settle_suspensions = settle_suspensions
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
        after, moved = await self._replace_by(change)
        if moved:
            await self._settle_suspensions()
        return after

    async def log_in(self, change: LogIn) -> Snapshot:
        """Put what a provider says of a user into force: it suspends nobody, and resumes nobody.

        Raises
        ------
        PlatformError, StoreUnreachableError
            Raised as by :meth:`apply`.
        """
        after, _ = await self._replace_by(change)
        return after

    async def _replace_by(self, change: Change) -> tuple[Snapshot, frozenset[str]]:
        async with self._changing:
            before, after = await self._runtime.changes.replace_by(change)
            return after, await self._memberships.settle_moved(before.policy)

    async def follow_clock(self) -> None:
        """Have levels begin and end with the grants that give them."""
        async with self._changing:
            before, after = await self._runtime.changes.follow_clock()
            if after is not before:
                await self._memberships.settle_moved(before.policy)

    async def preview(self, change: Change) -> Snapshot:
        """Return what a change would put into force; nothing is changed.

        Raises
        ------
        PlatformError
            Raised if it would be refused.
        """
        return await self._runtime.changes.preview(change)
