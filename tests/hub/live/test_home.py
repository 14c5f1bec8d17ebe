"""My resources, in place of the Hub's home, as each level sees it; all tasks by keyboard alone."""

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


NAMED = """() => {
  const here = document.activeElement;
  const labels = [...(here.labels || [])].map((each) => each.innerText);
  return [here.ariaLabel, here.innerText, ...labels].join(" ");
}"""


def focus(page: Page, name: str) -> None:
    """Press the tab key until a control has the focus, as a user without a mouse does."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if name in page.evaluate(NAMED):
            return
    pytest.fail(f"{name} is not reached at {page.url}")


def press(page: Page, *names: str) -> None:
    """Press what leads to the next page, one page after the other."""
    for name in names:
        focus(page, name)
        with page.expect_navigation():
            page.keyboard.press("Enter")


def write(page: Page, **fields: str) -> None:
    """Write into fields, by the first words of their labels."""
    for label, value in fields.items():
        focus(page, label.replace("_", " "))
        page.keyboard.type(value)


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


def test_what_admins_do_every_day_is_done_by_keyboard_alone(
    hub: LiveHub, dev1: Api, browser: Browser
) -> None:
    page = visit(hub, browser, "admin")
    press(page, "People", "New user")
    write(page, Name="kim", Level="user")
    focus(page, "vision")
    page.keyboard.press("Space")
    write(page, Why="a new colleague")
    press(page, "Make the user", "Invite", "Make the link")
    focus(page, "Invite link")
    press(page, "Back to kim", "Edit")
    write(page, Level="developer", Why="knows a lot")
    press(page, "Change the user kim", "Suspend")
    write(page, Why="on leave")
    press(page, "Suspend kim", "Resume kim")
    write(page, Why="back")
    press(page, "Resume kim", "Back to kim")
    expect(page.get_by_text("developer").first).to_be_visible()

    tier = {"CPU": "100m", "Memory": "256Mi", "Images": "lab"}
    for kind, values in (("group", {"Members": "kim"}), ("tier", tier)):
        press(page, f"{kind.title()}s", f"New {kind}")
        write(page, Name=f"made-{kind}", **values, Why="a test")
        press(page, "Preview", f"Make the {kind} made-{kind}")
        press(page, "Edit group" if kind == "group" else "Edit the tier made-tier")
        write(page, Title="Made", Why="a test")
        press(page, "Preview", f"Change the {kind} made-{kind}")
        press(page, "Retire group" if kind == "group" else "Retire the tier made-tier")
        write(page, Why="a test")
        press(page, f"Retire the {kind} made-{kind}", "Take it back")
        write(page, Why="a mistake")
        press(page, "Undo 1 change")
    press(page, "Policy")
    page.goto(f"{hub.url}/services/platform/people?limit=3")
    press(page, "Name", "Next")
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute(
        "aria-sort", "ascending"
    )
    expect(page.get_by_role("link", name="Previous")).to_be_visible()

    focus(page, "admin")
    page.keyboard.press("Enter")
    menu = page.get_by_role("link", name="Tokens")
    expect(menu).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    assert page.evaluate(NAMED).strip() == "admin"
    page.keyboard.press("Enter")
    press(page, "Log out")
    page.context.close()


def test_a_request_is_made_answered_and_used_by_keyboard_alone(
    hub: LiveHub, dev1: Api, page: Page, browser: Browser
) -> None:
    page.goto(f"{hub.url}/hub/spawn/dev1/model")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    press(page, "Ask for it")
    write(page, Why="training")
    press(page, "Ask")
    manager = visit(hub, browser, "manager")
    press(manager, "Requests", "Answer")
    press(manager, "Give dev1 the tier gpu")
    manager.context.close()

    page.goto(f"{hub.url}/hub/spawn/dev1/model")
    focus(page, "Small")
    for _ in range(5):
        if "GPU" in page.evaluate(NAMED):
            break
        page.keyboard.press("ArrowDown")
    press(page, "Start")
    wait_for(lambda: "model" in dev1.servers("dev1"), "the server to start")
    dev1.wait_until_ready("dev1", "model")
    page.goto(f"{hub.url}/hub/home")
    press(page, "Stop model")
    wait_for(lambda: "model" not in dev1.servers("dev1"), "the server to stop")


def test_the_menu_leads_to_the_documentation_on_pages_of_the_hub_too(
    hub: LiveHub, browser: Browser
) -> None:
    page = visit(hub, browser, "viewer")
    page.goto(f"{hub.url}/hub/token")
    page.locator("details.platform-account > summary").click()
    page.get_by_role("link", name="Documentation", exact=True).click()
    expect(page).to_have_url(f"{hub.url}/services/platform/docs/")
