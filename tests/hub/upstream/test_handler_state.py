"""Which methods a handler has, and whether its answer has begun."""

from typing import Any

from tornado import web

from jupyterhub_platform.hub.upstream.handler_state import has_sent_headers, is_implemented
from tests.hub.upstream.conftest import Serve


class Reads(web.RequestHandler):
    """Has one method."""

    def get(self) -> None:
        """Answer nothing."""


def test_only_what_a_handler_defines_is_implemented() -> None:
    assert is_implemented(Reads.get)
    assert not is_implemented(Reads.post)


async def test_headers_are_sent_with_the_first_part_of_an_answer(serve: Serve) -> None:
    seen = []

    async def answer(handler: Any) -> None:
        seen.append(has_sent_headers(handler))
        handler.write("x")
        seen.append(has_sent_headers(handler))
        await handler.flush()
        seen.append(has_sent_headers(handler))

    async with serve(answer) as client:
        await client.get("/hub/api/asked")
    assert seen == [False, False, True]
