"""What a provider publishes is asked for seldom, by one at a time, and outlasts an outage."""

import asyncio

import pytest

from jupyterhub_platform.hub.auth.providers.cached import (
    FRESH_SECONDS,
    NEWER_SECONDS,
    PAUSE_SECONDS,
    STALE_SECONDS,
    Cached,
)
from jupyterhub_platform.hub.auth.providers.errors import ProviderDownError


class Provider:
    """Counts how often it is asked, and can be down."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_down = False
        self.now = 1_000_000.0
        self.document = Cached(self.answer, lambda: self.now)

    async def answer(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_down:
            raise ProviderDownError("it is down")
        return self.asked


@pytest.fixture
def provider() -> Provider:
    return Provider()


async def test_many_at_once_ask_once(provider: Provider) -> None:
    assert await asyncio.gather(*(provider.document.get() for _ in range(50))) == [1] * 50


async def test_it_is_asked_for_again_after_an_hour_while_no_caller_waits(
    provider: Provider,
) -> None:
    await provider.document.get()
    provider.now += FRESH_SECONDS - 1
    assert await provider.document.get() == 1
    provider.now += 1
    assert await provider.document.get() == 1
    await asyncio.sleep(0.01)
    assert await provider.document.get() == 2
    assert provider.asked == 2


async def test_an_outage_takes_nothing_for_a_day(provider: Provider) -> None:
    await provider.document.get()
    provider.is_down = True
    for _ in range(23):
        provider.now += 3600
        assert await provider.document.get() == 1
        await asyncio.sleep(0.01)
    provider.now += STALE_SECONDS
    with pytest.raises(ProviderDownError, match="it is down"):
        await provider.document.get()


async def test_a_provider_that_is_down_is_not_asked_by_every_caller(provider: Provider) -> None:
    provider.is_down = True
    for _ in range(5):
        with pytest.raises(ProviderDownError):
            await provider.document.get()
    assert provider.asked == 1
    provider.is_down = False
    provider.now += PAUSE_SECONDS
    assert await provider.document.get() == 2


async def test_newer_ones_are_asked_for_at_most_every_half_minute(provider: Provider) -> None:
    await provider.document.get()
    for _ in range(5):
        assert await provider.document.get_newer() == 1
    provider.now += NEWER_SECONDS
    assert [await provider.document.get_newer() for _ in range(3)] == [2, 2, 2]


async def test_a_caller_who_gives_up_does_not_end_it_for_others(provider: Provider) -> None:
    impatient = asyncio.ensure_future(provider.document.get())
    patient = asyncio.ensure_future(provider.document.get())
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 1
