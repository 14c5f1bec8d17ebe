"""What Python itself would hold up the Hub's loop with: other threads, and its garbage collector.

Work of ours that takes long runs in threads. Python hands over between threads after 5 ms, and a
request of the Hub asks for its turn again after each of some thirty statements. The collector
stops all threads, and walks through a million objects where thousands of servers run.
"""

import asyncio
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

HAND_OVER_SECONDS: Final = 0.0005


def hand_over_quickly() -> None:
    """Have threads that compute give way to the Hub's loop ten times sooner."""
    sys.setswitchinterval(min(sys.getswitchinterval(), HAND_OVER_SECONDS))


async def spare_what_stays(app: Any) -> None:
    """Once the Hub serves, have the collector leave alone what it has by then."""
    while app.http_server is None:  # noqa: ASYNC110 - the Hub tells nobody when it begins
        await asyncio.sleep(1)
    keep_what_is()


def keep_what_is() -> None:
    """Have the collector leave alone what there is now; most of it stays as long as the Hub."""
    gc.freeze()


_uncollected: Final[list[object]] = []
"""One entry for each work under way that wants no collection."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect nothing meanwhile: work that makes many objects and keeps or drops them together.

    Several such works may overlap; the loop's thread enters and leaves.
    """
    work = object()
    _uncollected.append(work)
    gc.disable()
    try:
        yield
    finally:
        _uncollected.remove(work)
        if not _uncollected:
            gc.enable()
