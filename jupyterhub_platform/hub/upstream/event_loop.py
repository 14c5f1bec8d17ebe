"""Keeps threads, the garbage collector and our own long tasks from blocking the Hub's loop.

Our long tasks run in threads. Python switches threads after 5 ms, and a request of the Hub waits
for its turn again after each of some thirty statements. The collector stops all threads, and walks
through a million objects when thousands of servers run.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: JupyterHub freezes its heap once it serves, and shortens the interval of its threads.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

SWITCH_SECONDS: Final = 0.0005
MAX_TURN_SECONDS: Final = 0.003
"""A step that begins just before its end adds to it; together they stay below 20 ms."""
_NAP_SECONDS: Final = 0.004


def shorten_switch_interval() -> None:
    """Have busy threads yield to the Hub's loop ten times sooner."""
    sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))


async def freeze_heap_once_served(app: Any) -> None:
    """Once the Hub serves, have the collector ignore the objects that exist by then."""
    while app.http_server is None:  # noqa: ASYNC110 - the Hub has no event for its start
        await asyncio.sleep(1)
    freeze_heap()


def freeze_heap() -> None:
    """Have the collector ignore the objects that exist now; most live as long as the Hub."""
    gc.freeze()


_gc_paused: Final[list[object]] = []
"""One entry for each running block that pauses the collector."""


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the collector for work that creates many objects and keeps or drops them together.

    Several such blocks may overlap; the loop's thread enters and leaves.
    """
    work = object()
    _gc_paused.append(work)
    gc.disable()
    try:
        yield
    finally:
        _gc_paused.remove(work)
        if not _gc_paused:
            gc.enable()


async def wait_for_quiet_loop(seconds: float) -> None:
    """Wait until the loop wakes a sleeper in time, but no longer than so many seconds."""
    ends = time.monotonic() + seconds
    while (began := time.monotonic()) < ends:
        await asyncio.sleep(_NAP_SECONDS)
        if time.monotonic() - began < 2 * _NAP_SECONDS:
            return


class Turn:
    """Used between the steps of long work: goes on at once, or lets other tasks run first."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether this turn has lasted long enough."""
        return time.monotonic() - self._began >= MAX_TURN_SECONDS

    async def yield_if_due(self) -> None:
        """If this turn is over, give other tasks a turn of the same length.

        One round of the loop would not do: a request in progress waits in line several times.
        """
        if self.is_over:
            await asyncio.sleep(MAX_TURN_SECONDS)
            self._began = time.monotonic()
