import asyncio

from jupyterhub_platform.hub.auth.providers.turns import Turns
from jupyterhub_platform.usecases.login_throttle import SourceLimit

BURST = 6


async def test_right_answers_are_never_refused_for_each_others_sake() -> None:
    limit, turns = SourceLimit(lambda: 0.0, BURST), Turns(BURST // 2)
    refused = 0

    async def look_at(number: int) -> None:
        nonlocal refused
        async with turns.take("10.0.0.1"):
            refused += bool(limit.seconds_to_wait("10.0.0.1"))
            limit.acquire("10.0.0.1")
            await asyncio.sleep(0)
            limit.release("10.0.0.1")

    await asyncio.gather(*map(look_at, range(10 * BURST)))
    assert refused == 0
    assert len(turns) == 0


async def test_other_sources_do_not_wait() -> None:
    turns = Turns(1)
    async with turns.take("a"), asyncio.timeout(1), turns.take("b"):
        assert len(turns) == 2


async def test_a_login_that_is_given_up_leaves_the_turn_to_others() -> None:
    turns = Turns(1)
    async with turns.take("a"):
        waiting = asyncio.create_task(_take(turns, "a"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1):
        await _take(turns, "a")
    assert len(turns) == 0


async def _take(turns: Turns, source: str) -> None:
    async with turns.take(source):
        pass
