"""The pages in a real browser: no fault in its console, no sideways scrolling, live updates."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, Request, async_playwright

from tests.service.conftest import PREFIX, Filled, Running, start_service, stop_service
from tests.support.axe import RUN, find_axe, list_serious

pytestmark = pytest.mark.browser

ColorScheme = Literal["light", "dark"]
SCREENSHOTS = Path("tests/screenshots")
LONG = "a-very-long-name-of-a-server-x"


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield browser
        await browser.close()


def picture(name: str) -> Path:
    """Return where a screenshot goes."""
    SCREENSHOTS.mkdir(exist_ok=True)
    return SCREENSHOTS / f"{name}.png"


def _complaints(page: Page) -> list[str]:
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("requestfailed", lambda request: heard.extend(_say_failed(request)))
    return heard


def _say_failed(request: Request) -> list[str]:
    # The next page is gone to while the icon of this one is on its way.
    left = request.failure == "net::ERR_ABORTED" and "favicon" in request.url
    return [] if left else [request.url]


async def test_every_page_fits_400_pixels_and_leaves_the_console_empty(
    running: Running, chromium: Browser
) -> None:
    filled = running.filled
    filled.start("dev1", LONG, "large", "vision")
    denied = filled.start("dev1", "no", "gpu", "vision")
    running.hub.logged_in = "admin"
    pages = ("", "overview", "people", "people/dev1", "tiers", "usage", f"decisions/{denied}")
    for scheme in ("light", "dark"):
        context = await chromium.new_context(
            color_scheme=scheme, viewport={"width": 400, "height": 800}
        )
        page = await context.new_page()
        heard = _complaints(page)
        for address in (*pages, f"servers/stop?user=dev1&server={LONG}"):
            await page.goto(running.url + PREFIX + address)
            width = await page.evaluate("document.documentElement.scrollWidth")
            theme = await page.evaluate("document.documentElement.dataset.bsTheme")
            assert (width, theme, heard) == (400, scheme, []), address
        await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
async def test_nothing_on_any_page_keeps_people_out(
    filled: Filled, chromium: Browser, scheme: ColorScheme, width: int
) -> None:
    running, server = await start_service(filled, local_credentials=True)
    filled.start("dev1", LONG, "large", "vision")
    denied = filled.start("dev1", "no", "gpu", "vision")
    running.hub.logged_in = "admin"
    running.hub.explain("dev1", LONG)
    assert running.hub.health
    running.hub.health["policy"]["faults"] = ["platform.yaml:3: tiers: no; name one"]
    named = f"user=dev1&server={LONG}"
    pages = (
        *("", "overview", "people", "people/dev1", "tiers", f"decisions/{denied}", "nothing"),
        "usage",
        *(f"servers/stop?{named}", f"servers/why?{named}", "?stopped=dev1&state=done"),
    )
    context = await chromium.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    page = await context.new_page()
    for number, address in enumerate(pages):
        await page.goto(running.url + PREFIX + address)
        # The page's policy lets no script in that it does not know; this one comes with the tool.
        await page.evaluate(find_axe().read_text())
        assert list_serious(await page.evaluate(RUN)) == [], address
        shot = picture(f"service-{number}-{scheme}-{width}")
        await page.screenshot(path=shot, full_page=True)
    await context.close()
    await stop_service(running, server)


_CROWDED = """() => {
  const pen = document.createElement("canvas").getContext("2d");
  const cells = [...document.querySelectorAll("td[data-label]")].filter(each => each.innerText);
  const isShown = cell => getComputedStyle(cell, "::before").display !== "none";
  return cells.filter(isShown).map(cell => {
    const label = getComputedStyle(cell, "::before");
    pen.font = `${label.fontSize} ${label.fontFamily}`;
    const words = document.createRange();
    words.selectNodeContents(cell);
    const lefts = [...words.getClientRects()].map(each => each.left);
    const room = Math.min(...lefts) - cell.getBoundingClientRect().left;
    return [cell.dataset.label, cell.innerText, room - pen.measureText(cell.dataset.label).width];
  }).filter(([, , gap]) => gap < 8);
}"""


async def test_labels_keep_away_from_their_values_at_400_pixels(
    running: Running, chromium: Browser
) -> None:
    running.filled.start("dev1", "train", "large", "vision")
    running.hub.logged_in = "admin"
    page = await chromium.new_page(viewport={"width": 400, "height": 800})
    for address in ("", "overview", "people", "people/dev1", "tiers", "usage"):
        await page.goto(running.url + PREFIX + address)
        assert await page.evaluate(_CROWDED) == [], address


async def test_buttons_and_links_are_large_enough(running: Running, chromium: Browser) -> None:
    running.filled.start("dev1", "train", "large", "vision")
    running.hub.logged_in = "admin"
    page = await chromium.new_page()
    for address in ("", "overview", "people", "people/dev1", "tiers", "usage"):
        await page.goto(running.url + PREFIX + address)
        small = await page.evaluate(
            """[...document.querySelectorAll("main button, main td a, main th a, main .btn, nav a")]
            .filter(each => each.getClientRects().length)
            .filter(each => each.getBoundingClientRect().height < 24)
            .map(each => each.outerHTML)"""
        )
        assert small == [], address


async def test_the_overview_keeps_itself_fresh_and_says_when_it_cannot(
    running: Running, chromium: Browser
) -> None:
    running.hub.logged_in = "operator"
    page = await chromium.new_page()
    await page.clock.install()
    await page.goto(running.url + PREFIX + "overview")
    assert "No server runs; nothing needs attention." in await page.inner_text("#live")
    running.filled.start("dev1", "train", "large", "vision")
    await page.clock.run_for(16_000)
    await page.locator("#live", has_text="train").wait_for()
    assert "as of 0 s ago" in await page.inner_text("#age")
    assert "1 server runs" in await page.inner_text("#news")
    running.hub.is_down = True
    await asyncio.sleep(1.1)  # until the service has forgotten who asks
    await page.clock.run_for(16_000)
    await page.locator("#age", has_text="stale").wait_for()
    said = await page.inner_text("#age")
    assert "The Hub does not answer, so the service cannot identify you." in said
    assert said.endswith("This page is tried again every 15 s.")
    assert "The Hub does not answer" in await page.inner_text("#news")
    running.hub.is_down = False
    await page.clock.run_for(16_000)
    await page.locator("#age", has_text="as of 0 s ago").wait_for()
    assert "stale" not in await page.inner_text("#age")
    assert "1 server runs" in await page.inner_text("#news")


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_page_that_says_not_now_comes_by_itself_later(
    running: Running, chromium: Browser, scripts: bool
) -> None:
    running.hub.logged_in = "admin"
    context = await chromium.new_context(java_script_enabled=scripts)
    page = await context.new_page()
    await page.goto(running.url + PREFIX)
    running.hub.is_down = True
    await asyncio.sleep(1.1)  # until the service has forgotten who asks
    await page.goto(running.url + PREFIX + "people")
    assert "tried again every five seconds" in await page.inner_text("main")
    running.hub.is_down = False
    await page.get_by_role("heading", name="People").wait_for(timeout=15_000)
    await context.close()


async def test_a_form_that_meets_no_hub_is_sent_again_by_a_reload_alone(
    running: Running, chromium: Browser
) -> None:
    running.hub.logged_in = "admin"
    page = await chromium.new_page()
    await page.goto(running.url + PREFIX + "new/group")
    await page.get_by_label("Name", exact=True).fill("speech")
    await page.get_by_label("Why").fill("a course")
    running.hub.is_down = True
    await asyncio.sleep(1.1)  # until the service has forgotten who asks
    await page.locator("main form button").last.click()
    await page.get_by_text("Nothing was changed. Reload this page").wait_for()
    # The proxy tells who answers for a dead service the address alone.
    assert page.url.endswith("new/group?sent=1")
    assert (await page.locator("#again").count(), running.hub.changes) == (0, [])
    running.hub.is_down = False
    running.hub.answers["PUT groups/speech"] = 201, {"revision": 2}
    await page.reload()
    assert [each.body["reason"] for each in running.hub.changes if each.body] == ["a course"]


async def test_my_server_is_stopped_without_scripts(running: Running, chromium: Browser) -> None:
    running.filled.start("dev1", "train", "large", "vision")
    running.hub.running.add(("dev1", "train"))
    running.hub.logged_in = "dev1"
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(running.url + PREFIX)
    assert await page.locator("#noscript").is_hidden()
    await page.get_by_role("button", name="Stop train").click()
    await page.wait_for_url("**stopped=dev1**")
    assert "Your server train has stopped." in await page.inner_text("main")
    assert running.hub.stops == [("dev1", "dev1", "train")]
    await context.close()
