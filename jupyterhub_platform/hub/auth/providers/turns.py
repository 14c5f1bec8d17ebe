"""How many answers of providers are looked at at once for one address; the others wait their turn.

Until a provider has said that a code is right, it counts as a wrong one. In the morning, a whole
office comes from one address: without turns, its users would be refused for each other's sake.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class _Turn:
    free: asyncio.Semaphore
    waiting: int = 0


class Turns:
    """Gives each source so many turns at once; forgets those that have none."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._of_source: dict[str, _Turn] = {}

    def __len__(self) -> int:
        return len(self._of_source)

    @asynccontextmanager
    async def take(self, source: str) -> AsyncIterator[None]:
        """Wait for a turn of ``source``, and have it until the end of the block."""
        turn = self._of_source.setdefault(source, _Turn(asyncio.Semaphore(self._at_once)))
        turn.waiting += 1
        try:
            async with turn.free:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._of_source[source]
