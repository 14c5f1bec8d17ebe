"""Requests of known callers go first, and strangers are answered, too."""

import asyncio
from functools import partial
from typing import Any

from tornado.httputil import HTTPHeaders

from jupyterhub_platform.hub.upstream.request_priority import RequestPriority


async def test_a_known_caller_goes_ahead_of_strangers() -> None:
    priority = RequestPriority()
    begun: list[int | str] = []
    known = HTTPHeaders({"Authorization": "token known"})
    priority.note_known(type("Request", (), {"headers": known})())
    for number in range(5):
        forged = HTTPHeaders({"Authorization": f"token {number}"})
        priority.begin(forged, ahead=False, begin=partial(begun.append, number))
    priority.begin(HTTPHeaders(), ahead=False, begin=lambda: begun.append("nobody"))
    priority.begin(known, ahead=False, begin=lambda: begun.append("known"))
    priority.begin(HTTPHeaders(), ahead=True, begin=lambda: begun.append("health"))
    assert begun == ["known", "health"]
    # These two are never said to be answered.
    await asyncio.sleep(0.2)
    assert begun == ["known", "health", *range(5), "nobody"]


async def test_strangers_wait_while_one_who_is_known_is_on_its_way() -> None:
    priority = RequestPriority()
    begun: list[str] = []
    request: Any = type("Request", (), {"headers": HTTPHeaders({"Cookie": "known"})})()
    priority.note_known(request)
    priority.begin(request.headers, ahead=False, begin=partial(begun.append, "known"))
    priority.begin(HTTPHeaders(), ahead=False, begin=partial(begun.append, "stranger"))
    await asyncio.sleep(0.03)
    assert begun == ["known"]
    priority.note_answered(request)
    await asyncio.sleep(0.03)
    assert begun == ["known", "stranger"]


async def test_one_who_is_known_and_takes_long_keeps_strangers_for_a_moment_only() -> None:
    priority = RequestPriority()
    begun: list[str] = []
    for number in range(3):
        priority.begin(HTTPHeaders(), ahead=True, begin=partial(begun.append, f"ahead {number}"))
    priority.begin(HTTPHeaders(), ahead=False, begin=partial(begun.append, "stranger"))
    async with asyncio.timeout(5):
        while "stranger" not in begun:
            priority.begin(HTTPHeaders(), ahead=True, begin=lambda: None)
            await asyncio.sleep(0.01)
    assert len(begun) == 4


async def test_request_that_fails_to_begin_blocks_no_other() -> None:
    priority, begun = RequestPriority(), []

    def fail() -> None:
        raise RuntimeError

    priority.begin(HTTPHeaders(), ahead=False, begin=fail)
    priority.begin(HTTPHeaders(), ahead=False, begin=lambda: begun.append(1))
    await asyncio.sleep(0.05)
    priority.begin(HTTPHeaders(), ahead=False, begin=lambda: begun.append(2))
    await asyncio.sleep(0.05)
    assert begun == [1, 2]
