"""Python's collector waits for work of ours, and goes on afterwards."""

import asyncio
import gc
import time

from jupyterhub_platform.hub.upstream.event_loop import gc_paused, wait_for_quiet_loop


def test_nothing_is_collected_until_the_last_work_has_ended():
    first, second = gc_paused(), gc_paused()
    with first:
        second.__enter__()
        assert not gc.isenabled()
    assert not gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()


async def hold_the_loop(seconds: float) -> None:
    """Hold the loop again and again, so that no nap ends in time."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(0.02)  # noqa: ASYNC251 - that is what holds it
        await asyncio.sleep(0)


async def test_a_busy_loop_is_waited_for_but_not_for_ever() -> None:
    busy = asyncio.ensure_future(hold_the_loop(0.3))
    began = time.monotonic()
    await wait_for_quiet_loop(10.0)
    assert time.monotonic() - began >= 0.25
    await busy
    busy = asyncio.ensure_future(hold_the_loop(2.0))
    await wait_for_quiet_loop(0.1)
    assert not busy.done()
    busy.cancel()
