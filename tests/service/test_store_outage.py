"""What the service says while there is no store, and that it comes back by itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.service.conftest import PREFIX, Filled, Running, start_service, stop_service, xsrf_of


@pytest.fixture
async def storeless(filled: Filled, tmp_path: Path) -> AsyncIterator[Running]:
    """A service whose store is not there yet."""
    running, server = await start_service(filled, f"sqlite:///{tmp_path}/later.sqlite")
    yield running
    await stop_service(running, server)


async def test_pages_and_calls_say_so_until_the_store_is_there(storeless: Running) -> None:
    later = storeless.filled.url.replace("platform.sqlite", "later.sqlite")
    async with storeless.browser("operator") as browser, storeless.program("operator") as program:
        page = await browser.get(PREFIX)
        call = await program.get(PREFIX + "api/v1/me")
        assert page.status_code == call.status_code == 503
        assert "Nothing can be shown now: the store" in page.text
        assert "Try again" in page.text
        assert call.json()["code"] == "platform.store"
        assert "later.sqlite" in page.text
        async with storeless.browser("user") as user:
            # Where the store is concerns those who operate.
            plain = (await user.get(PREFIX)).text
            assert "Nothing can be shown now: the platform&#39;s store does not" in plain
            assert "later.sqlite" not in plain
        assert call.headers["retry-after"] == "5"
        filled = Filled(later)
        filled.publish()
        filled.store.close()
        for _ in range(50):
            page = await browser.get(PREFIX)
            if page.status_code == 200:
                break
            await asyncio.sleep(0.1)
    assert page.status_code == 200


async def test_a_store_without_a_policy_is_said_to_have_none(storeless: Running) -> None:
    later = storeless.filled.url.replace("platform.sqlite", "later.sqlite")
    Filled(later).store.close()
    async with storeless.program("operator") as program:
        call = await program.get(PREFIX + "api/v1/me")
    assert call.status_code == 503
    assert "holds no policy yet" in call.json()["message"]


async def test_a_server_is_stopped_while_the_store_is_gone(storeless: Running) -> None:
    storeless.hub.running.add(("dev1", "train"))
    async with storeless.browser("operator") as browser:
        asked = await browser.get(PREFIX + "servers/stop?user=dev1&server=train")
        form = {"user": "dev1", "server": "train", "confirmed": "yes"}
        form["_xsrf"] = xsrf_of(asked.text)
        browser.follow_redirects = False
        answer = await browser.post(PREFIX + "servers/stop", data=form)
    assert asked.status_code == 200
    assert answer.status_code == 303
    assert storeless.hub.stops == [("operator", "dev1", "train")]
