"""Runs bulk changes in the Hub, chunk by chunk, and continues interrupted ones."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from jupyterhub import orm
from jupyterhub.scopes import get_scopes_for

from jupyterhub_platform.core.bulk_changes import Act, BulkJob
from jupyterhub_platform.core.errors import PlatformError, StoreError
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.audit.callers import COMMAND_LINE, is_command_line
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.policy.managed_objects import ManagedObjects
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.hub.upstream.event_loop import Turn, freeze_heap, gc_paused
from jupyterhub_platform.origin import ORIGIN
from jupyterhub_platform.usecases.bulk_changes import origin_of
from jupyterhub_platform.usecases.bulk_chunk import BulkError

LOOK_SECONDS: Final = 5.0
SHARES: Final = (1.0, 0.1, 0.0)
"""Which part of a chunk is tried, after so many failures in a row; the last is one name."""
_AFTER_FAILURE_SECONDS: Final = 1.0
_OF_USERS: Final = frozenset({Act.LEVEL, Act.RETIRE, Act.ADD_PEOPLE})
_BETWEEN_SECONDS: Final = 0.02
"""What other changes and requests have between two chunks."""


class BulkRunner:
    """Runs bulk changes, one at a time, the oldest first. Belongs to the Hub's loop.

    A job that the end of the Hub interrupted goes on when the next Hub looks.
    """

    def __init__(
        self,
        app: Any,
        runtime: Runtime,
        managed: ManagedObjects,
        settle_suspensions: Callable[[], Awaitable[None]],
    ) -> None:
        self._app = app
        self._runtime = runtime
        self._managed = managed
        self._settle_suspensions = settle_suspensions
        self._running: asyncio.Task[None] | None = None
        self._failures: Counter[str] = Counter()

    async def run(self) -> None:
        """Continue the next job, unless one runs."""
        if self._runtime.health.reason or (self._running and not self._running.done()):
            return
        # In a task of its own, whose changes have the origin of the job and not of this call.
        self._running = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        before = ""
        try:
            while (job := await in_store_thread(self._runtime.bulk_changes.find_next)) is not None:
                ORIGIN.set(origin_of(job))
                if job.id != before:
                    # The collector is not to walk through what exists already, chunk after chunk.
                    freeze_heap()
                    before = job.id
                await self._try_chunk(job)
                await asyncio.sleep(_BETWEEN_SECONDS)
        except StoreError as error:
            self._runtime.health.mark_down(error)
        except Exception:
            self._app.log.exception("A bulk change was interrupted; it goes on in a moment")

    async def _try_chunk(self, job: BulkJob) -> None:
        """Take a chunk, or less of it after a failure; one name that fails stops its job.

        Others go on then. While the store is away, a job waits for it as everything else does.
        """
        failures = self._failures[job.id]
        try:
            await self._take_chunk(job, SHARES[failures])
        except Exception as error:
            if isinstance(error, StoreError) and not await self._is_store_up(error):
                raise
            self._app.log.exception("The bulk change %s failed", job.id)
            if failures + 1 < len(SHARES):
                self._failures[job.id] += 1
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)
                return
            await self._stop(job, await self._explain_failure(job, error))
        self._failures.pop(job.id, None)

    async def _is_store_up(self, error: StoreError) -> bool:
        if type(error) is StoreError:
            return True  # it refused what a statement says
        self._runtime.health.mark_down(error)
        return await in_store_thread(self._runtime.health.retry)

    async def _explain_failure(self, job: BulkJob, error: Exception) -> str:
        chunk = await in_store_thread(self._runtime.bulk_changes.read_chunk, job)
        where = f" at {chunk.items[0].name}" if chunk.items else ""
        what = str(error) or type(error).__name__
        return (
            f"It failed{where}: {what}. What it did before stays. Look into the Hub's log, and "
            "resume it once the cause is gone."
        )

    async def _take_chunk(self, job: BulkJob, share: float = 1.0) -> None:
        why_not = self.why_not(job)
        if why_not:
            await self._stop(job, why_not)
            return
        whole = await in_store_thread(self._runtime.bulk_changes.read_chunk, job)
        chunk = whole.take_part(share)
        memberships = await self.read_memberships(job, (each.name for each in chunk.items))
        try:
            # A group of ten thousand is some ten thousand objects, which are gone at once.
            with gc_paused():
                await self._managed.apply(replace(chunk, memberships=memberships))
        except StoreError:
            raise
        except PlatformError as error:
            # No single name is at fault, or it would be an outcome: do not try this for ever.
            await self._stop(job, str(error))
            return
        if not job.act.makes_revisions:
            await self._settle_suspensions()

    async def _stop(self, job: BulkJob, why: str) -> None:
        try:
            now = datetime.now(UTC)
            await in_store_thread(self._runtime.bulk_changes.stop, job.id, "platform", why, now)
        except BulkError:
            return  # the caller stopped it meanwhile

    def why_not(self, job: BulkJob) -> str:
        """Say why a job may not continue; empty if the user who began it still may do it."""
        database, by = self._app.db, job.by
        service = orm.Service.find(database, COMMAND_LINE if is_command_line(by) else by)
        who = service or orm.User.find(database, by)
        scopes = get_scopes_for(who) if who is not None else frozenset()
        needed = roles.MANAGE if job.manager else roles.ADMIN
        if needed not in scopes:
            return f"{by} began it, and has no longer the scope {needed}."
        now = datetime.now(UTC)
        is_out = self._runtime.in_force.snapshot.suspension_of(by, now) is not None
        return f"{by} began it, and is suspended." if is_out and service is None else ""

    async def read_memberships(
        self, job: BulkJob, names: Iterable[str]
    ) -> dict[str, frozenset[str]]:
        """Return the Hub's groups of those whom a manager changes; an admin's are not looked at."""
        found: dict[str, frozenset[str]] = {}
        if not job.manager or job.act not in _OF_USERS:
            return found
        turn = Turn()
        for name in names:
            user = orm.User.find(self._app.db, name)
            found[name] = frozenset(each.name for each in user.groups) if user else frozenset()
            await turn.yield_if_due()
        return found
