"""Puts the policy file, and what it includes, into force when they change, or on request."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from jupyterhub_platform.core.errors import PolicyError, StoreError
from jupyterhub_platform.core.policy_warnings import list_warnings
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.policy.policy_faults import PolicyFaults
from jupyterhub_platform.hub.upstream.event_loop import freeze_heap, gc_paused
from jupyterhub_platform.origin import OWN
from jupyterhub_platform.usecases.changes import Change
from jupyterhub_platform.usecases.health import PolicyFileReader
from jupyterhub_platform.usecases.policies import PublishPolicy
from jupyterhub_platform.usecases.recorded_requests import REFUSED, RecordedRequest
from jupyterhub_platform.usecases.snapshot import Snapshot

log = logging.getLogger(__name__)


class PolicyWatch:
    """Watches the policy file. Belongs to the Hub's loop.

    ``settle_memberships`` and ``settle_suspensions`` bring the Hub in line with a new policy.
    """

    def __init__(
        self,
        runtime: Runtime,
        settle_memberships: Callable[[], Awaitable[None]],
        settle_suspensions: Callable[[], Awaitable[None]],
    ) -> None:
        self.files = runtime.files
        self.faults = PolicyFaults(self.files)
        self.reader = PolicyFileReader(
            runtime.policies, self.files, lambda: self.faults.since is not None
        )
        self._runtime = runtime
        self._seen = runtime.files_seen
        self._settle_memberships = settle_memberships
        self._settle_suspensions = settle_suspensions
        self._reloading = asyncio.Lock()
        if runtime.fault is not None:
            self.faults.begin(runtime.fault)

    async def reload(self, actor: str) -> Snapshot:
        """Put the current file into force.

        Raises
        ------
        PolicyError
            Raised if it has faults; the policy in force stays.
        StoreUnreachableError
            Raised if it cannot be recorded; the policy in force stays.
        """
        return await self.publish(PublishPolicy(self.files, actor, self._runtime.store))

    async def publish(self, change: Change) -> Snapshot:
        """Put the current file into force by a change that reads it.

        Raises
        ------
        PlatformError
            Raised if it is refused; the policy in force stays.
        StoreUnreachableError
            Raised if it cannot be recorded; the policy in force stays.
        """
        async with self._reloading:
            self._seen = await asyncio.to_thread(self.files.see)
            before = self._runtime.in_force.snapshot.revision
            with gc_paused():
                try:
                    snapshot = await self._runtime.changes.apply(change)
                except PolicyError as error:
                    self.faults.begin(error)
                    raise
                freeze_heap()
            if snapshot.revision != before:
                log.info("The policy is revision %i now: %s", snapshot.revision, self.files.path)
                for warning in await asyncio.to_thread(list_warnings, snapshot.policy):
                    log.warning(warning)
            self.faults.end(snapshot.revision)
        # Outside of the lock: another change of the file does not wait until all users are settled.
        await self._settle_suspensions()
        await self._settle_memberships()
        return snapshot

    async def check(self) -> None:
        """Put the files into force if one has changed since the last check."""
        if await asyncio.to_thread(self.files.see) == self._seen:
            return
        try:
            await self.reload("platform.yaml")
        except PolicyError as error:
            # Said, and the policy in force stays; by REST, the request is on record.
            self._record_refusal(error)
        except StoreError as error:
            self._runtime.health.mark_down(error)
            self._seen = ()

    def _record_refusal(self, error: PolicyError) -> None:
        faults = [str(fault) for fault in error.faults]
        detail = {"reason": faults[0] if faults else str(error), "faults": faults[:20]}
        now, name = datetime.now(UTC), "platform.yaml"
        self._runtime.requests.refuse(
            RecordedRequest(now, name, "policy.published", "", OWN, result=REFUSED, detail=detail)
        )
