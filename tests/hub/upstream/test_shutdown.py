"""A request that the Hub's shutdown interrupts gets 503 and a sentence."""

import asyncio
from typing import Any

from tornado import web

from jupyterhub_platform.hub.upstream.shutdown import SENTENCE, answer_while_shutting_down
from tests.hub.upstream.conftest import Serve


async def test_a_cancelled_request_says_that_the_hub_is_being_stopped(serve: Serve) -> None:
    answer_while_shutting_down()
    answer_while_shutting_down()
    waits: asyncio.Queue[asyncio.Task[Any] | None] = asyncio.Queue()

    async def wait(_handler: Any) -> None:
        waits.put_nowait(asyncio.current_task())
        await asyncio.Event().wait()

    async with serve(wait) as client:
        asking = asyncio.create_task(client.get("/hub/api/asked"))
        task = await asyncio.wait_for(waits.get(), 10)
        assert task is not None
        task.cancel()
        answer = await asking
    assert (answer.status_code, answer.json()["message"]) == (503, SENTENCE)
    assert answer.headers["Retry-After"] == "30"


async def test_other_errors_are_unchanged_during_shutdown(serve: Serve) -> None:
    answer_while_shutting_down()

    async def fail(handler: Any) -> None:
        if handler.get_argument("how") == "error":
            raise RuntimeError
        if handler.get_argument("how") == "cancelled":
            raise asyncio.CancelledError
        raise web.HTTPError(404, "not here")

    async with serve(fail) as client:
        said = [await client.get(f"/hub/api/asked?how={how}") for how in ("error", "none")]
        assert [each.status_code for each in said] == [500, 404]
        # By something else: a client of the handler's own, for example.
        assert (await client.get("/hub/api/asked?how=cancelled")).status_code == 500
