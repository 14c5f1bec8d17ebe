"""Has old rows of the audit removed while the Hub runs, without slowing it down."""

from datetime import UTC, datetime, timedelta
from typing import Final

from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.background_steps import take_steps
from jupyterhub_platform.usecases.audit_key import SigningKey
from jupyterhub_platform.usecases.audit_retention import AuditRetention

TRIM_SECONDS: Final = 600.0
"""The interval at which it is checked whether a row is too old."""


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
        try:
            await take_steps(self._runtime, self._retention.trim(datetime.now(UTC)))
        finally:
            self._is_busy = False
