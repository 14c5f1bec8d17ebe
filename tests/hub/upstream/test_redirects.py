"""What is not an address is rejected before the Hub does anything with it."""

from typing import Any

import pytest

from jupyterhub_platform.hub.upstream.redirects import is_address, reject_invalid_redirects
from tests.hub.upstream.conftest import Serve


@pytest.mark.parametrize(
    "text", ["", "/hub/home", "//other.example/x", "https://[::1]:80/", "/a?b=%0d%0a", "/ü", "a b"]
)
def test_valid_address_is_accepted(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text", ["http://[", "//x:port/", "//x:99999/", "/a\r\nSet-Cookie: b", "/\t", "/\x7f", "\0"]
)
def test_redirect_without_a_readable_host_or_with_several_lines_is_invalid(text: str) -> None:
    assert not is_address(text)


@pytest.mark.parametrize("next_page", ["http://[", "//x:port/", "/a\nb"])
async def test_an_invalid_next_page_is_rejected_before_anything_is_done(
    serve: Serve, next_page: str
) -> None:
    reject_invalid_redirects()
    done = []

    async def note(_handler: Any) -> None:
        done.append(1)

    async with serve(note) as client:
        answer = await client.get("/hub/api/asked", params={"next": ["/fine", next_page]})
        assert answer.status_code == 400
        assert "Open the page that you want again" in answer.json()["message"]
        assert done == []
        assert (await client.get("/hub/api/asked", params={"next": "/fine"})).status_code == 200
    assert done == [1]


async def test_the_hub_itself_redirects_to_no_invalid_address(serve: Serve) -> None:
    reject_invalid_redirects()
    reject_invalid_redirects()

    async def redirect(handler: Any) -> None:
        handler.redirect(handler.get_argument("to"))

    async with serve(redirect) as client:
        assert (await client.get("/hub/api/asked?to=http://[")).status_code == 400
        answer = await client.get("/hub/api/asked?to=/hub/home")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/home")
