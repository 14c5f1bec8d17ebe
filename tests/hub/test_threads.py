"""What strangers may ask for waits in a queue of its own, and only so long."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tornado import web

from jupyterhub_platform.hub.threads import PasswordThread, in_store_thread


async def test_only_so_many_wait_and_others_are_told_when_to_come_back() -> None:
    thread, gate = PasswordThread(max_waiting=3), threading.Event()
    asked = [asyncio.ensure_future(thread.run(gate.wait)) for _ in range(4)]
    await asyncio.sleep(0.05)
    with pytest.raises(web.HTTPError) as refused:
        await thread.run(gate.wait)
    assert refused.value.status_code == 503
    assert refused.value.headers["Retry-After"]  # type: ignore[attr-defined]
    gate.set()
    assert await asyncio.gather(*asked) == [True] * 4
    assert await thread.run(int, "7") == 7


async def test_other_calls_do_not_wait_for_it() -> None:
    thread, gate = PasswordThread(max_waiting=30), threading.Event()
    asked = [asyncio.ensure_future(thread.run(gate.wait)) for _ in range(31)]
    assert await asyncio.wait_for(in_store_thread(int, "1"), 5) == 1
    assert await asyncio.wait_for(asyncio.to_thread(int, "2"), 5) == 2
    gate.set()
    await asyncio.gather(*asked)


async def test_the_store_does_not_wait_for_the_threads_of_the_loop() -> None:
    loop, gate = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    provider = asyncio.ensure_future(asyncio.to_thread(gate.wait))
    assert await asyncio.wait_for(in_store_thread(int, "11", base=2), 5) == 3
    gate.set()
    assert await provider


async def test_cancelled_call_keeps_its_place_only_until_it_is_done() -> None:
    thread, gate = PasswordThread(max_waiting=0), threading.Event()
    asked = asyncio.ensure_future(thread.run(gate.wait))
    await asyncio.sleep(0.05)
    asked.cancel()
    await asyncio.sleep(0)
    with pytest.raises(web.HTTPError):
        await thread.run(int, "1")
    gate.set()
    for _ in range(100):
        await asyncio.sleep(0.01)
        if thread._asked == 0:
            break
    assert await thread.run(int, "1") == 1


async def test_password_thread_has_the_lowest_priority() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert await PasswordThread().run(priority) > priority()


async def test_failed_call_raises_and_frees_its_place() -> None:
    thread = PasswordThread(max_waiting=0)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"):
            await thread.run(int, "x")
