"""Has old rows of the audit removed while the Hub runs, without slowing it down."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.usecases.audit_key import SigningKey
from jupyterhub_platform.usecases.audit_retention import AuditRetention

TRIM_SECONDS: Final = 600.0
"""The interval at which it is checked whether a row is too old."""

REST_FACTOR: Final = 2
"""The pause after each step, as a multiple of its duration, since others use the store too."""


class AuditTrim:
    """Removes rows, a step at a time. Belongs to the Hub's loop."""

    def __init__(self, runtime: Runtime, key: SigningKey, keep: timedelta) -> None:
        self._runtime = runtime
        self._retention = AuditRetention(runtime.store, key, keep)
        self._is_busy = False

    async def check(self) -> None:
        """Remove rows that are too old, unless the store is down or behind with its entries."""
        if self._is_busy:
            return
        self._is_busy = True
        steps = self._retention.trim(datetime.now(UTC))
        try:
            while not self._runtime.health.reason and not self._runtime.health.waiting:
                began = time.monotonic()
                if not await in_store_thread(_take_step, steps):
                    return
                await asyncio.sleep((time.monotonic() - began) * REST_FACTOR)
        except StoreError as error:
            self._runtime.health.mark_down(error)
        finally:
            self._is_busy = False


def _take_step(steps: Iterator[None]) -> bool:
    """Run up to the next pause; return ``False`` at the end."""
    return next(steps, steps) is None
