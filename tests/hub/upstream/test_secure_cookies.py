"""Cookies are marked Secure where the browser uses TLS, and only there."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from jupyterhub_platform.hub.upstream.secure_cookies import (
    keep_cookies_secure,
    keep_server_cookies_secure,
)
from tests.hub.upstream.conftest import Serve


async def set_both(handler: Any) -> None:
    handler.set_cookie("_xsrf", "x", path="/hub/")
    handler.set_cookie("other", "y", secure=False)


@pytest.mark.parametrize(("public", "marked"), [("https://hub.example/", 2), ("http://x/", 0)])
async def test_each_cookie_is_secure_where_the_hub_is(
    serve: Serve, public: str, marked: int
) -> None:
    keep_cookies_secure()
    keep_cookies_secure()
    async with serve(set_both, public_url=urlsplit(public)) as client:
        cookies = (await client.get("/hub/api/asked")).headers.get_list("Set-Cookie")
    assert len(cookies) == 2
    assert sum("; Secure" in each for each in cookies) == marked


async def test_without_a_public_address_the_request_decides(serve: Serve) -> None:
    keep_cookies_secure()
    async with serve(set_both) as client:
        cookies = (await client.get("/hub/api/asked")).headers.get_list("Set-Cookie")
    assert "; Secure" not in "".join(cookies)


@pytest.mark.parametrize(
    ("public", "site", "options"),
    [
        ("https://hub.example/", {}, {"secure": True}),
        ("https://hub.example/", {"samesite": "Lax"}, {"secure": True, "samesite": "Lax"}),
        ("http://x/", {}, {}),
        ("", {}, {}),
    ],
)
def test_servers_are_told_by_the_public_address(
    public: str, site: dict[str, Any], options: dict[str, Any]
) -> None:
    settings = {"cookie_options": site} if site else {}
    app = SimpleNamespace(public_url=public, tornado_settings=settings)
    keep_server_cookies_secure(app)
    assert settings.get("cookie_options", {}) == options
