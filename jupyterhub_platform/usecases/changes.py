"""The one way to change what is in force: checked, recorded with its audit, then put into force.

One change at a time: the next one is checked against what the last one left. A change that cannot
be recorded has not happened.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple, ParamSpec, Protocol, TypeVar

from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.snapshot import InForce, Snapshot

P = ParamSpec("P")
T = TypeVar("T")

Record = Callable[[Transaction], Snapshot]
"""Writes the rows of a change and of its audit, and returns what is in force with them."""


class Replaced(NamedTuple):
    """What one change replaced: a caller may have waited for others, who replaced more."""

    before: Snapshot
    after: Snapshot


class Change(Protocol):
    """Something that may be done to what is in force."""

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Refuse a forbidden change, and return what records an allowed one."""
        ...


class RunInThread(Protocol):
    """Runs a call outside the loop, as :func:`asyncio.to_thread` does."""

    async def __call__(self, call: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
        """Run ``call``, and return what it returns."""
        ...


def _now() -> datetime:
    return datetime.now(UTC)


class Changes:
    """Makes changes. Belongs to the Hub's loop; checks and records run in a thread."""

    def __init__(
        self,
        store: Store,
        in_force: InForce,
        in_thread: RunInThread = asyncio.to_thread,
        *,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._store = store
        self._in_force = in_force
        self._in_thread = in_thread
        self._clock = clock
        self._changing = asyncio.Lock()

    async def apply(self, change: Change) -> Snapshot:
        """Make a change, and return what is in force then.

        Raises
        ------
        PlatformError
            Raised by the change if it is refused; then nothing has changed.
        StoreUnreachableError
            Raised if it cannot be recorded; then nothing has changed.
        """
        return (await self.replace_by(change)).after

    async def replace_by(self, change: Change) -> Replaced:
        """Make a change as :meth:`apply` does, and return what was in force before it, too."""
        async with self._changing:
            before = self._in_force.snapshot
            after = await self._in_thread(record, self._store, change, before, self._clock())
            self._in_force.replace(after)
            return Replaced(before, after)

    async def follow_clock(self) -> Replaced:
        """Put the levels that grants give now into force; return what was and is in force.

        Nothing is recorded, since the grants are: a level ends although the store is gone.
        """
        async with self._changing:
            before = self._in_force.snapshot
            policy = before.policy.with_levels(self._clock())
            if policy is not before.policy:
                self._in_force.replace(replace(before, policy=policy))
            return Replaced(before, self._in_force.snapshot)

    async def preview(self, change: Change) -> Snapshot:
        """Return what would be in force after a change; nothing is recorded or put into force.

        Raises
        ------
        PlatformError
            Raised by the change if it would be refused.
        StoreUnreachableError
            Raised if it could not be recorded.
        """
        async with self._changing:
            before = self._in_force.snapshot
            return await self._in_thread(try_out, self._store, change, before, self._clock())


def record(store: Store, change: Change, snapshot: Snapshot, now: datetime) -> Snapshot:
    """Check and record a change of ``snapshot``, in one transaction; return what follows.

    It takes as long as the store does: call it in a thread, or before anything is served.
    """
    write = change.check(snapshot, now)
    with store.begin() as transaction:
        return write(transaction)


class _UndoneError(Exception):
    """Rolls the transaction of a preview back."""


def try_out(store: Store, change: Change, snapshot: Snapshot, now: datetime) -> Snapshot:
    """Check and record a change as :func:`record` does, and undo it; return what would follow."""
    write = change.check(snapshot, now)
    after = snapshot
    with contextlib.suppress(_UndoneError), store.begin() as transaction:
        after = write(transaction)
        raise _UndoneError
    return after
