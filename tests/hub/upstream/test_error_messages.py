"""Every error says something."""

from http import HTTPStatus
from typing import Any

import pytest
from tornado import web

from jupyterhub_platform.hub.upstream.error_messages import give_errors_messages, say_status
from tests.hub.upstream.conftest import Serve


async def fail(_handler: Any) -> None:
    raise web.HTTPError(403)


async def test_an_error_without_a_message_gets_one(serve: Serve) -> None:
    give_errors_messages()
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
    give_errors_messages()

    async def explain(_handler: Any) -> None:
        raise error

    async with serve(explain) as client:
        assert (await client.get("/hub/api/asked")).json()["message"] == "This server is full."


def test_every_status_has_a_sentence() -> None:
    for status in (*HTTPStatus, 599):
        assert say_status(int(status)).endswith(".")
    assert say_status(418) == "I'm a Teapot. Ask an admin to look at the Hub's log."
    assert say_status(599) == "Unknown error. Ask an admin to look at the Hub's log."
