"""Has the usage of each day added up while the Hub runs, and never gets in its way."""

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
"""How often it is seen whether a day is over."""

REST_FACTOR: Final = 2
"""After each step nothing is done for this multiple of its duration: others use the store, too."""


class UsageWatch:
    """Settles days, a step at a time. Belongs to the Hub's loop."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._is_busy = False

    async def check(self) -> None:
        """Settle whatever days are over, unless the store is down or has entries to catch up."""
        if self._is_busy:
            return
        self._is_busy = True
        steps = UsageSums(self._runtime.store).settle(datetime.now(UTC))
        try:
            while self._may_go_on():
                began = time.monotonic()
                if not await in_store_thread(_take_step, steps):
                    return
                await asyncio.sleep((time.monotonic() - began) * REST_FACTOR)
        except StoreError as error:
            self._runtime.health.mark_down(error)
        finally:
            self._is_busy = False

    def _may_go_on(self) -> bool:
        # A server that ended while the store was down has ended before its row is closed.
        health = self._runtime.health
        return not health.reason and not health.waiting


def _take_step(steps: Iterator[None]) -> bool:
    """Go on to the next pause; False at the end."""
    return next(steps, steps) is None
