import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.hub.spawn_page.hub import FakeHub

ROOT = Path(__file__).resolve().parents[3]
SCREENSHOTS = ROOT / "tests" / "screenshots"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "Chromium is needed; `make test` installs it."
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def browser_page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(10_000)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    await context.close()
    assert failures == []


@pytest_asyncio.fixture(loop_scope="module")
async def serve() -> AsyncIterator[Callable[[FakeHub], FakeHub]]:
    started: list[FakeHub] = []

    def start(hub: FakeHub) -> FakeHub:
        hub.start()
        started.append(hub)
        return hub

    yield start
    for hub in started:
        await hub.stop()
