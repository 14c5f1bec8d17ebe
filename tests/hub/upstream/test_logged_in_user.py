"""A handler knows the user whom it has just logged in."""

from types import SimpleNamespace
from typing import Any

from jupyterhub_platform.hub.upstream.logged_in_user import note_logged_in
from tests.hub.upstream.conftest import Serve


async def test_the_user_is_the_current_one_from_then_on(serve: Serve) -> None:
    seen: list[Any] = []

    async def log_in(handler: Any) -> None:
        note_logged_in(handler, SimpleNamespace(name="kim"))
        seen.append(handler.current_user.name)

    async with serve(log_in) as client:
        assert (await client.get("/hub/api/asked")).status_code == 200
    assert seen == ["kim"]
