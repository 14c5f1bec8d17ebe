"""Responses with secrets are stored nowhere, and every error says something."""

from http import HTTPStatus
from typing import Any

import pytest
from tornado import web

from jupyterhub_platform.hub.upstream.response_headers import (
    add_no_store_and_messages,
    say_status,
)
from tests.hub.upstream.conftest import Serve


async def succeed(handler: Any) -> None:
    handler.write({"token": "secret"})


async def fail(_handler: Any) -> None:
    raise web.HTTPError(403)


async def test_responses_that_may_hold_a_secret_are_not_stored(serve: Serve) -> None:
    add_no_store_and_messages()
    for answer in (succeed, fail):
        async with serve(answer) as client:
            assert (await client.get("/hub/api/asked")).headers["Cache-Control"] == "no-store"
    async with serve(succeed, "/hub/static/asked") as client:
        assert "Cache-Control" not in (await client.get("/hub/static/asked")).headers


async def test_an_error_without_a_message_gets_one(serve: Serve) -> None:
    add_no_store_and_messages()
    async with serve(fail) as client:
        answer = await client.get("/hub/api/asked")
    assert answer.status_code == 403
    assert answer.json()["message"].startswith("You are not logged in, or your token lacks")


@pytest.mark.parametrize(
    "error",
    [
        web.HTTPError(403, "This server is full."),
        web.HTTPError(403, "This %s is full.", "server"),
    ],
)
async def test_an_error_keeps_its_own_message(serve: Serve, error: web.HTTPError) -> None:
    add_no_store_and_messages()

    async def explain(_handler: Any) -> None:
        raise error

    async with serve(explain) as client:
        assert (await client.get("/hub/api/asked")).json()["message"] == "This server is full."


async def test_headers_are_added_once_when_it_is_called_twice(serve: Serve) -> None:
    add_no_store_and_messages()
    add_no_store_and_messages()
    async with serve(fail) as client:
        answer = await client.get("/hub/api/asked")
    assert answer.headers.get_list("Cache-Control") == ["no-store"]


def test_every_status_has_a_sentence() -> None:
    for status in (*HTTPStatus, 599):
        assert say_status(int(status)).endswith(".")
    assert say_status(418) == "I'm a Teapot. Ask an admin to look at the Hub's log."
    assert say_status(599) == "Unknown error. Ask an admin to look at the Hub's log."
