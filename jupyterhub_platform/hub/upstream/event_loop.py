"""What would hold up the Hub's loop: threads, the garbage collector, and long work of ours.

Work of ours that takes long runs in threads. Python hands over between threads after 5 ms, and a
request of the Hub asks for its turn again after each of some thirty statements. The collector
stops all threads, and walks through a million objects where thousands of servers run.
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
"""A step that begins just before its end comes on top; together they stay below 20 ms."""


def shorten_switch_interval() -> None:
    """Have threads that compute give way to the Hub's loop ten times sooner."""
    sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))


async def freeze_heap_once_served(app: Any) -> None:
    """Once the Hub serves, have the collector leave alone what it has by then."""
    while app.http_server is None:  # noqa: ASYNC110 - the Hub tells nobody when it begins
        await asyncio.sleep(1)
    freeze_heap()


def freeze_heap() -> None:
    """Have the collector leave alone what there is now; most of it stays as long as the Hub."""
    gc.freeze()


_gc_paused: Final[list[object]] = []
"""One entry for each work under way that wants no collection."""


@contextmanager
def gc_paused() -> Iterator[None]:
    """Collect nothing meanwhile: work that makes many objects and keeps or drops them together.

    Several such works may overlap; the loop's thread enters and leaves.
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


class Turn:
    """Asked between the steps of long work: goes on at once, or lets everybody else run first."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether this turn has been long enough."""
        return time.monotonic() - self._began >= MAX_TURN_SECONDS

    async def yield_if_due(self) -> None:
        """Give others a turn as long as this one, if it is over.

        One round of the loop would not do: whoever answers a request waits in line several times.
        """
        if self.is_over:
            await asyncio.sleep(MAX_TURN_SECONDS)
            self._began = time.monotonic()
