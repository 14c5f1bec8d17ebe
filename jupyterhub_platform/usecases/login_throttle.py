"""Throttles guesses of passwords, without letting a stranger lock a user out.

Wrong passwords count against where they come from: a browser in which that person has logged in
before counts alone, and strangers count by their network address. So a stranger slows down only
themselves, and those who share their address and have never logged in from it.

Names are free, and each look at a password costs the Hub time: whatever the names, a source gets
so many wrong ones looked at in a minute.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FREE_TRIES: Final = 5
MAX_WAIT_SECONDS: Final = 300.0
FORGET_AFTER_SECONDS: Final = 3600.0
TRY_BURST: Final = 30
SECONDS_PER_TRY: Final = 2.0
"""What a source gets looked at over all names: so many at once, and then one in so many seconds."""
MAX_SOURCES: Final = 10_000
"""Sources that are remembered; the oldest is forgotten first, so that memory is bounded."""


@dataclass(slots=True)
class _Tries:
    wrong: int = 0
    last: float = 0.0


class Throttle:
    """Counts wrong passwords by name and source, and says how long to wait before the next try."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tries: OrderedDict[tuple[str, str], _Tries] = OrderedDict()

    def seconds_to_wait(self, name: str, source: str) -> int:
        """Return for how many seconds a try for ``name`` from ``source`` is not looked at."""
        tries = self._tries.get((name, source))
        if tries is None:
            return 0
        age = self._clock() - tries.last
        if age > FORGET_AFTER_SECONDS:
            del self._tries[name, source]
            return 0
        extra = tries.wrong - FREE_TRIES
        if extra < 0:
            return 0
        wait = min(2.0 ** min(extra, 30), MAX_WAIT_SECONDS)
        return max(0, math.ceil(wait - age))

    def note_wrong(self, name: str, source: str) -> None:
        """Count a wrong password."""
        key = (name, source)
        tries = self._tries.setdefault(key, _Tries())
        tries.wrong += 1
        tries.last = self._clock()
        self._tries.move_to_end(key)
        while len(self._tries) > MAX_SOURCES:
            self._tries.popitem(last=False)

    def note_right(self, name: str, source: str) -> None:
        """Forget the wrong passwords of a source that knew the right one."""
        self._tries.pop((name, source), None)


class SourceLimit:
    """Counts what is looked at for a source, over all names; what was right is given back."""

    def __init__(self, clock: Callable[[], float], try_burst: int = TRY_BURST) -> None:
        self._clock = clock
        self._burst = try_burst
        # When all tries of a source are free again.
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def seconds_to_wait(self, source: str) -> int:
        """Return for how many seconds nothing from ``source`` is looked at."""
        ahead = self._free_at.get(source, 0.0) - self._clock()
        return max(0, math.ceil(ahead - (self._burst - 1) * SECONDS_PER_TRY))

    def acquire(self, source: str) -> None:
        """Count a try, before it is known whether it is right: many may come at once."""
        now = self._clock()
        self._free_at[source] = max(self._free_at.get(source, now), now) + SECONDS_PER_TRY
        self._free_at.move_to_end(source)
        while len(self._free_at) > MAX_SOURCES:
            self._free_at.popitem(last=False)

    def release(self, source: str) -> None:
        """Take back a try that was right, or that nothing was looked at for."""
        if source in self._free_at:
            self._free_at[source] -= SECONDS_PER_TRY
