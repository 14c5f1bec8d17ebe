"""Browsers in which users of a live Hub act, with and without scripts."""

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.chromium import launch_chromium, log_in
from tests.support.live_hub import LiveHub

_MILLISECONDS: Final = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture
def visit(hub: LiveHub, browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Return what opens a browser in which a user is logged in, and no script runs."""
    contexts = []

    def visit(name: str) -> Page:
        context = browser.new_context(base_url=hub.url, java_script_enabled=False)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_MILLISECONDS)
        log_in(page, hub.url, name, hub.passwords[name])
        return page

    yield visit
    for context in contexts:
        context.close()
