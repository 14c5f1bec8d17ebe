"""Timers go on when the clock of the machine is set."""

import asyncio
import time

import pytest
from tornado.ioloop import IOLoop, PeriodicCallback

from jupyterhub_platform.hub.upstream.monotonic_timers import use_monotonic_timers


async def test_a_periodic_job_goes_on_when_the_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, real = IOLoop.current(), time.time
    runs: asyncio.Queue[int] = asyncio.Queue()
    use_monotonic_timers(loop)
    assert abs(loop.time() - real()) < 1
    job = PeriodicCallback(lambda: runs.put_nowait(1), 20)
    job.start()
    try:
        monkeypatch.setattr(time, "time", lambda: real() - 3600)
        assert abs(loop.time() - real()) < 1
        async with asyncio.timeout(10):
            for _ in range(3):
                await runs.get()
    finally:
        job.stop()
        del loop.time
