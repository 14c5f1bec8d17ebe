"""The documentation is served to everyone, kept by browsers while it is current, and nothing else.

``tests/test_docs_site.py`` opens the real one in a browser.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from jupyterhub_platform.service.documentation import find_site
from tests.service.conftest import PREFIX, Filled, Running, start_service, stop_service

FIRST = "<!doctype html><title>Documentation</title>"
SECRET = "what lies beside it"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A built site, with a file beside it that nobody may read, by whatever way."""
    site = tmp_path / "docs"
    (site / "reference").mkdir(parents=True)
    (site / "index.html").write_text(FIRST)
    (site / "reference" / "cli.html").write_text("0123456789")
    (site / "search.js").write_text("// found")
    for folder in (tmp_path, tmp_path / "docs-of-others"):
        folder.mkdir(exist_ok=True)
        (folder / "secret.txt").write_text(SECRET)
    (site / "link.txt").symlink_to(tmp_path / "secret.txt")
    (site / "linked").symlink_to(tmp_path / "docs-of-others")
    return site


@pytest.fixture
async def served(filled: Filled, site: Path) -> AsyncIterator[Running]:
    running, server = await start_service(filled, documentation=site)
    yield running
    await stop_service(running, server)


async def test_a_stranger_reads_it_and_the_hub_is_not_asked_who_that_is(served: Running) -> None:
    async with served.program("") as stranger:
        answer = await stranger.get(f"{PREFIX}docs/")
        assert (answer.status_code, answer.text) == (200, FIRST)
        assert "script-src 'self' 'nonce-" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
        assert "Server" not in answer.headers
        moved = await stranger.get(f"{PREFIX}docs")
        assert (moved.status_code, moved.headers["Location"]) == (301, f"{PREFIX}docs/")
        script = await stranger.get(f"{PREFIX}docs/search.js")
        assert script.headers["Content-Type"].startswith("text/javascript")
        head = await stranger.head(f"{PREFIX}docs/reference/cli.html")
        assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", "10")


async def test_every_page_leads_there(served: Running) -> None:
    async with served.browser("viewer") as browser:
        page = await browser.get(PREFIX)
    menu, _, rest = page.text.partition("</details>")
    link = f'<a href="{PREFIX}docs/">Documentation</a>'
    assert link in menu[menu.index("platform-account") :]
    assert link in rest[rest.index("foot-links") :]


async def test_a_browser_keeps_what_is_current(served: Running) -> None:
    async with served.program("") as stranger:
        page = f"{PREFIX}docs/reference/cli.html"
        first = await stranger.get(page)
        assert first.headers["Cache-Control"] == "no-cache"
        again = await stranger.get(page, headers={"If-None-Match": first.headers["Etag"]})
        assert (again.status_code, again.content) == (304, b"")
        other = await stranger.get(page, headers={"If-None-Match": '"another"'})
        assert other.status_code == 200
        # What is named with its version never changes.
        versioned = await stranger.get(f"{page}?v=1")
        assert versioned.headers["Cache-Control"].startswith("max-age=")
        part = await stranger.get(page, headers={"Range": "bytes=2-4"})
        assert (part.status_code, part.text) == (206, "234")
        beyond = await stranger.get(page, headers={"Range": "bytes=20-30"})
        assert beyond.status_code == 416


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "reference/../../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "%2e%2e%2fsecret.txt",
        "..%5csecret.txt",
        "%252e%252e/secret.txt",
        "../docs-of-others/secret.txt",
        "link.txt",
        "linked/secret.txt",
        "/secret.txt",
        "%2fetc/passwd",
        "secret.txt%00.html",
        "reference",
        "reference/",
        "a" * 5000,
        "\u00ad",
        "%ff",
    ],
)
async def test_no_path_leads_out_of_it(served: Running, path: str) -> None:
    """As it is sent: a client that tidies addresses up would hide what is asked."""
    status, body = await ask(served.url, f"{PREFIX}docs/{path}")
    assert status in {301, 400, 403, 404}, body
    assert SECRET not in body
    assert "root:" not in body


async def ask(url: str, target: str) -> tuple[int, str]:
    """Send one request with exactly this target, and read the answer."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    request = f"GET {target} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n"
    writer.write(request.encode())
    answer = (await reader.read()).decode(errors="replace")
    writer.close()
    return int(answer.split(maxsplit=2)[1]), answer


async def test_a_style_sheet_that_no_file_can_be_is_not_there(served: Running) -> None:
    assert (await ask(served.url, f"{PREFIX}static/platform.css%00"))[0] == 404


async def test_nothing_is_written_there(served: Running, site: Path) -> None:
    async with served.program("admin") as admin:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = await admin.request(method, f"{PREFIX}docs/index.html", json={})
            assert answer.status_code in {403, 405}, method
    assert (site / "index.html").read_text() == FIRST


async def test_where_none_was_built_a_page_says_how(filled: Filled, tmp_path: Path) -> None:
    running, server = await start_service(filled, documentation=tmp_path / "nothing")
    async with running.program("") as stranger:
        answer = await stranger.get(f"{PREFIX}docs/")
    await stop_service(running, server)
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert "make docs" in answer.text


def test_a_wheel_has_its_own_and_a_checkout_what_make_docs_built(tmp_path: Path) -> None:
    package = tmp_path / "jupyterhub_platform"
    assert find_site(package) == tmp_path / "build" / "docs"
    (package / "bundled" / "docs").mkdir(parents=True)
    assert find_site(package) == package / "bundled" / "docs"
