"""Rate limits per caller, for what adds rows that are never deleted."""

import math
import time
from collections.abc import Callable
from typing import Final

from jupyterhub_platform.core.errors import PlatformError

_MAX_CALLERS: Final = 10_000


class RateLimitedError(PlatformError):
    """Raised if a caller is over their rate limit; they may ask again in ``seconds``."""

    code = "platform.too_often"

    def __init__(self, sentence: str, seconds: int) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class RateLimit:
    """Allows each caller some at once, and one more from time to time; forgets who used none."""

    def __init__(
        self, at_once: int, one_more_seconds: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once = float(at_once)
        self._one_more_seconds = one_more_seconds
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def seconds_to_wait(self, caller: str) -> int:
        """Return after how many seconds ``caller`` may have one more; 0 if it is now."""
        return max(0, math.ceil((1 - self._count(caller)) * self._one_more_seconds))

    def use(self, caller: str) -> None:
        """Count one that ``caller`` had."""
        left = self._count(caller) - 1
        if caller not in self._left and len(self._left) >= _MAX_CALLERS:
            self._forget()
        self._left[caller] = (left, self._clock())

    def _count(self, caller: str) -> float:
        left, at = self._left.get(caller, (self._at_once, 0.0))
        return min(self._at_once, left + (self._clock() - at) / self._one_more_seconds)

    def _forget(self) -> None:
        full = [caller for caller in self._left if self._count(caller) >= self._at_once]
        # If none is full again, the oldest goes: memory is bounded for any number of callers.
        for caller in full or [next(iter(self._left))]:
            del self._left[caller]
