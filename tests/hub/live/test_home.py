"""My resources, in place of the Hub's home: as each level sees it, and by keyboard alone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.axe import RUN, find_axe, list_serious
from tests.support.chromium import log_in
from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import Api, LiveHub, wait_for
from tests.support.visitors import browser

pytestmark = [pytest.mark.hub, pytest.mark.browser]

EXAMPLE = Path("examples/local/platform.yaml")
SCREENSHOTS = Path("tests/screenshots")
LEVELS = ("viewer", "dev1", "manager", "auditor", "operator", "admin")
SECONDS = 1000

__all__ = ["browser"]

hub = hub_of(EXAMPLE)


@pytest.fixture(scope="module")
def dev1(hub: LiveHub) -> Api:
    """A developer with a server that runs, one that has stopped, and a denial."""
    api = hub.token("dev1")
    for server in ("train", "old"):
        assert api.start("dev1", server, tier="small", account="vision").status_code in {201, 202}
        api.wait_until_ready("dev1", server)
    assert api.start("dev1", "gpu", tier="gpu", account="vision").status_code == 403
    api.stop("dev1", "old")
    return api


def visit(
    hub: LiveHub, browser: Browser, name: str, scheme: str = "light", width: int = 1280
) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.add_init_script(f"localStorage.setItem('jupyterhub-bs-theme', '{scheme}')")
    page = context.new_page()
    page.set_default_timeout(60 * SECONDS)
    log_in(page, hub.url, name, hub.passwords[name])
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_no_page_where_people_arrive_keeps_them_out(
    hub: LiveHub, dev1: Api, browser: Browser, scheme: str, width: int
) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    for name in LEVELS:
        page = visit(hub, browser, name, scheme, width)
        refused = [("admin", "/hub/admin"), ("missing", "/hub/nothing")] if name == "dev1" else []
        for title, path in (("arrival", "/hub/"), ("home", "/hub/home"), *refused):
            page.goto(hub.url + path)
            page.evaluate(find_axe().read_text())
            assert list_serious(page.evaluate(RUN)) == [], (name, path)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, (name, path)
            page.screenshot(
                path=SCREENSHOTS / f"home-{name}-{title}-{scheme}-{width}.png", full_page=True
            )
        page.context.close()


@pytest.fixture
def page(hub: LiveHub, dev1: Api, browser: Browser) -> Iterator[Page]:
    page = visit(hub, browser, "dev1")
    page.goto(f"{hub.url}/hub/home")
    yield page
    page.context.close()


def focus(page: Page, name: str) -> None:
    """Press the tab key until a control has the focus, as a user without a mouse does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        label = page.evaluate(
            "[document.activeElement.ariaLabel, document.activeElement.innerText].join(' ')"
        )
        if name in label:
            return
    pytest.fail(f"{name} is not reached")


def test_servers_are_stopped_started_and_removed_by_keyboard_alone(
    hub: LiveHub, dev1: Api, page: Page
) -> None:
    focus(page, "Open train")
    focus(page, "Stop train")
    page.keyboard.press("Enter")
    expect(
        page.get_by_text(re.compile("Your server train (has stopped|is stopping)."))
    ).to_be_visible()
    wait_for(lambda: not dev1.servers("dev1"), "the server to stop")
    page.reload()
    focus(page, "Start train")
    focus(page, "Remove train")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Remove a server")).to_be_visible()
    focus(page, "Remove train")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your server train is removed.")).to_be_visible()
    focus(page, "Start another server, with a name of its own")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("notes")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/hub/spawn/dev1/notes"))
    expect(page.get_by_role("heading", name="Start a server")).to_be_visible()


def test_a_name_that_cannot_be_is_refused_before_it_is_sent(page: Page) -> None:
    page.get_by_text("Start another server, with a name of its own").click()
    name = page.get_by_label("Name")
    for wrong in ("Notes", "a--b", "-a", "a-"):
        name.fill(wrong)
        assert not name.evaluate("each => each.checkValidity()"), wrong
    for right in ("a", "a-b", "notes2"):
        name.fill(right)
        assert name.evaluate("each => each.checkValidity()"), right


def test_the_limits_that_could_bind_are_meters_and_the_others_are_folded(page: Page) -> None:
    meters = page.get_by_role("list", name="Limits that could bind in vision").get_by_role(
        "listitem"
    )
    assert meters.count() == 3
    table = page.get_by_role("table", name="All limits that apply in vision")
    expect(table).to_be_hidden()
    page.get_by_text(re.compile("^All [0-9]+ limits that apply$")).click()
    expect(table).to_be_visible()
