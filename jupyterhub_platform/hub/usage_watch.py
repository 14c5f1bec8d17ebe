"""Has the usage of each day added up while the Hub runs, without slowing it down."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.usecases.usage_sums import UsageSums

SETTLE_SECONDS: Final = 60.0
"""The interval at which it is checked whether a day is over."""

REST_FACTOR: Final = 2
"""The pause after each step, as a multiple of its duration, since others use the store too."""


class UsageWatch:
    """Settles days, a step at a time. Belongs to the Hub's loop."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._is_busy = False

    async def check(self) -> None:
        """Settle all days that are over, unless the store is down or behind with its entries."""
        if self._is_busy:
            return
        self._is_busy = True
        steps = UsageSums(self._runtime.store).settle(datetime.now(UTC))
        try:
            while self._may_continue():
                began = time.monotonic()
                if not await in_store_thread(_take_step, steps):
                    return
                await asyncio.sleep((time.monotonic() - began) * REST_FACTOR)
        except StoreError as error:
            self._runtime.health.mark_down(error)
        finally:
            self._is_busy = False

    def _may_continue(self) -> bool:
        # While the store was down, servers may have ended whose rows are still open.
        health = self._runtime.health
        return not health.reason and not health.waiting


def _take_step(steps: Iterator[None]) -> bool:
    """Run up to the next pause; return ``False`` at the end."""
    return next(steps, steps) is None
