"""Long work on the store while the Hub runs: a step at a time, without slowing it down."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.threads import in_store_thread

REST_FACTOR: Final = 2
"""The pause after each step, as a multiple of its duration, since others use the store too."""


async def take_steps(runtime: Runtime, steps: Iterator[None]) -> None:
    """Take steps until the last one, or until the store is down or behind with its entries.

    While the store was down, servers may have ended whose rows are still open.
    """
    health = runtime.health
    try:
        while not health.reason and not health.waiting:
            began = time.monotonic()
            if not await in_store_thread(_take_step, steps):
                return
            await asyncio.sleep((time.monotonic() - began) * REST_FACTOR)
    except StoreError as error:
        health.mark_down(error)


def _take_step(steps: Iterator[None]) -> bool:
    """Run up to the next pause; return ``False`` at the end."""
    return next(steps, steps) is None
