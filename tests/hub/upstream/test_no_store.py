"""Answers with secrets are stored nowhere."""

from typing import Any

from tornado import web

from jupyterhub_platform.hub.upstream.no_store import keep_secrets_out_of_caches
from tests.hub.upstream.conftest import Serve


async def succeed(handler: Any) -> None:
    handler.write({"token": "secret"})


async def fail(_handler: Any) -> None:
    raise web.HTTPError(403)


async def test_responses_that_may_hold_a_secret_are_not_stored(serve: Serve) -> None:
    keep_secrets_out_of_caches()
    for answer in (succeed, fail):
        async with serve(answer) as client:
            assert (await client.get("/hub/api/asked")).headers["Cache-Control"] == "no-store"
    async with serve(succeed, "/hub/static/asked") as client:
        assert "Cache-Control" not in (await client.get("/hub/static/asked")).headers


async def test_headers_are_added_once_when_it_is_called_twice(serve: Serve) -> None:
    keep_secrets_out_of_caches()
    keep_secrets_out_of_caches()
    async with serve(fail) as client:
        answer = await client.get("/hub/api/asked")
    assert answer.headers.get_list("Cache-Control") == ["no-store"]
