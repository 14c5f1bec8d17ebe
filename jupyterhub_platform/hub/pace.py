"""How long work of ours may hold the Hub's loop before others get a turn."""

import asyncio
import time
from typing import Final

LONGEST_TURN_SECONDS: Final = 0.005
"""A step that begins just before its end comes on top; together they stay below 20 ms."""


class Pace:
    """Asked between the steps of long work: goes on at once, or lets everybody else run first."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    async def keep(self) -> None:
        """Give others a turn, if this one has been long enough."""
        if time.monotonic() - self._began >= LONGEST_TURN_SECONDS:
            await asyncio.sleep(0)
            self._began = time.monotonic()
