"""The built documentation in a real browser, below the policy of the service's pages.

Nothing is refused by the policy or asked of another host, search works, and no one is kept out.
"""

from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest
from playwright.async_api import Page, Response, async_playwright

from tests.service.conftest import PREFIX, Filled, Running, start_service, stop_service
from tests.service.test_in_a_browser import ColorScheme, picture
from tests.support.axe import RUN, find_axe, list_serious
from tests.support.docs_site import build_site

pytestmark = pytest.mark.browser

LOOKED_AT = ("", "tutorial.html", "policy.html")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tmp_path_factory.mktemp("docs"))


@pytest.fixture
async def served(filled: Filled, site: Path) -> AsyncIterator[Running]:
    running, server = await start_service(filled, documentation=site)
    yield running
    await stop_service(running, server)


async def test_every_page_opens_below_the_policy_and_without_another_host(
    served: Running, site: Path
) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = await browser.new_page()
        heard = listen(page)
        asked: set[str] = set()
        page.on("request", lambda request: asked.add(request.url))
        for address in list_pages(site):
            await page.goto(f"{served.url}{PREFIX}docs/{address}")
            assert heard == [], address
        await browser.close()
    assert {url for url in asked if not url.startswith((served.url, "data:"))} == set()


def list_pages(site: Path) -> list[str]:
    return sorted(str(path.relative_to(site)) for path in site.rglob("*.html"))


async def test_search_finds_a_page_without_another_host(served: Running) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = await browser.new_page()
        heard = listen(page)
        await page.goto(f"{served.url}{PREFIX}docs/tutorial.html")
        await page.keyboard.press("Control+k")
        await page.keyboard.type("laptop stolen")
        await page.keyboard.press("Enter")
        found = page.locator("#search-results li a", has_text="Add, invite and remove people")
        await found.first.click()
        await page.wait_for_url("**/docs/people.html*")
        assert heard == []
        await browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
async def test_nothing_keeps_readers_out(served: Running, scheme: ColorScheme, width: int) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        context = await browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}
        )
        page = await context.new_page()
        for number, address in enumerate(LOOKED_AT):
            await page.goto(f"{served.url}{PREFIX}docs/{address}")
            assert await find_width(page) == width, address
            await page.evaluate(find_axe().read_text())
            assert list_serious(await page.evaluate(RUN)) == [], address
            await page.screenshot(path=picture(f"docs-{number}-{scheme}-{width}"))
        await browser.close()


def listen(page: Page) -> list[str]:
    """Gather what goes wrong: all that the console says, but for what the theme says of itself."""
    heard: list[str] = []

    def hear(text: str) -> None:
        # Which resource that was, the answer says.
        if not text.startswith(("[PST]: ", "Failed to load resource: ")):
            heard.append(text)

    def look(response: Response) -> None:
        # The Hub has an icon, and the one of these tests has none.
        if response.status >= HTTPStatus.BAD_REQUEST and not response.url.endswith("favicon.ico"):
            heard.append(f"{response.status} {response.url}")

    page.on("console", lambda message: hear(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("response", look)
    return heard


async def find_width(page: Page) -> int:
    width: int = await page.evaluate("document.documentElement.scrollWidth")
    return width
