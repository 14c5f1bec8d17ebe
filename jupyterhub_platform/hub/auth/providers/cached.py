"""What a provider publishes, kept for a while: asked for by one at a time, and not too often."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from jupyterhub_platform.hub.auth.providers.errors import ProviderDownError, ProviderError

T = TypeVar("T")

FRESH_SECONDS: Final = 3600.0
STALE_SECONDS: Final = 24 * 3600.0
PAUSE_SECONDS: Final = 15.0
NEWER_SECONDS: Final = 30.0


class Cached(Generic[T]):
    """One document of a provider. Belongs to the Hub's loop.

    It is asked for again after an hour. While that fails, the one of before counts for a day: a
    provider that is down takes nothing back. Failures are not repeated for some seconds.
    """

    def __init__(
        self, read: Callable[[], Awaitable[T]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._value: T | None = None
        self._read_at = -STALE_SECONDS
        self._asked_at = -STALE_SECONDS
        self._error: ProviderError | None = None
        self._asking: asyncio.Task[None] | None = None

    async def get(self) -> T:
        """Return it.

        Raises
        ------
        ProviderError
            Raised if there is none.
        """
        now = self._clock()
        if now - self._read_at >= FRESH_SECONDS and now - self._asked_at >= PAUSE_SECONDS:
            self._ask(now)
        if self._value is not None and now - self._read_at < STALE_SECONDS:
            return self._value
        await self._wait()
        if self._value is None or self._clock() - self._read_at >= STALE_SECONDS:
            raise self._error or ProviderDownError("it does not answer")
        return self._value

    async def get_newer(self) -> T:
        """Return it as it is now, unless that was asked for just before.

        Raises
        ------
        ProviderError
            Raised if there is none.
        """
        now = self._clock()
        if now - self._asked_at >= NEWER_SECONDS:
            self._ask(now)
        await self._wait()
        return await self.get()

    def _ask(self, now: float) -> None:
        if self._asking is None:
            self._asked_at = now
            self._asking = asyncio.ensure_future(self._read_once())

    async def _wait(self) -> None:
        if self._asking is not None:
            # A caller who gives up does not end it for the others.
            await asyncio.shield(self._asking)

    async def _read_once(self) -> None:
        try:
            self._value = await self._read()
            self._read_at, self._error = self._clock(), None
        except ProviderError as error:
            self._error = error
        finally:
            self._asking = None
