"""Has the usage of each day added up while the Hub runs, without slowing it down."""

from datetime import UTC, datetime
from typing import Final

from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.background_steps import take_steps
from jupyterhub_platform.usecases.usage_sums import UsageSums

SETTLE_SECONDS: Final = 60.0
"""The interval at which it is checked whether a day is over."""


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
            await take_steps(self._runtime, steps)
        finally:
            self._is_busy = False
