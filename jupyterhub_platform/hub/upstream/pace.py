"""How long work of ours may hold the Hub's loop before others get a turn."""

import asyncio
import time
from typing import Final

LONGEST_TURN_SECONDS: Final = 0.003
"""A step that begins just before its end comes on top; together they stay below 20 ms."""


class Pace:
    """Asked between the steps of long work: goes on at once, or lets everybody else run first."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether this turn has been long enough."""
        return time.monotonic() - self._began >= LONGEST_TURN_SECONDS

    async def keep(self) -> None:
        """Give others a turn as long as this one, if it is over.

        One round of the loop would not do: whoever answers a request waits in line several times.
        """
        if self.is_over:
            await asyncio.sleep(LONGEST_TURN_SECONDS)
            self._began = time.monotonic()
