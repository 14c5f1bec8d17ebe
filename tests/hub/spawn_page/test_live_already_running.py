"""Asking for a tier while the server is there already: a choice, which works without scripts."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.axe import RUN, find_axe, list_serious
from tests.support.chromium import launch_chromium, log_in
from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import Api, LiveHub, Session, wait_for
from tests.support.store_readers import read_open

pytestmark = [pytest.mark.hub, pytest.mark.browser]

EXAMPLE = Path("examples/local/platform.yaml")
SCREENSHOTS = Path("tests/screenshots")
SECONDS = 1000
SITE = """\
import asyncio


async def wait(spawner):
    if spawner.name == "slow":
        await asyncio.sleep(8)


c.JupyterHub.named_server_limit_per_user = 2
c.Spawner.pre_spawn_hook = wait
c.Spawner.post_stop_hook = wait
"""
MEDIUM = "opt-tier=medium&opt-account=vision"


hub = hub_of(EXAMPLE, site=SITE)


@pytest.fixture(scope="module")
def dev1(hub: LiveHub) -> Api:
    """A developer whose default server runs Small."""
    api = hub.token("dev1")
    assert api.start("dev1", tier="small").status_code in {201, 202}
    api.wait_until_ready("dev1")
    return api


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page(hub: LiveHub, dev1: Api, browser: Browser) -> Iterator[Page]:
    """The browser of the same person, without scripts once they are logged in."""
    context = browser.new_context()
    log_in(context.new_page(), hub.url, "dev1", hub.passwords["dev1"])
    state = context.storage_state()
    context.close()
    context = browser.new_context(java_script_enabled=False, storage_state=state)
    page = context.new_page()
    page.set_default_timeout(60 * SECONDS)
    yield page
    context.close()


def test_my_resources_lead_to_a_choice_and_on_to_another_server(hub: LiveHub, page: Page) -> None:
    page.goto(f"{hub.url}/services/platform/")
    page.get_by_role("link", name="Start Medium").click()
    expect(page.get_by_text("Your default server already runs Small.")).to_be_visible()
    name = page.get_by_label("Name of the new server")
    expect(name).to_have_value("medium")
    name.fill("Not A Name")
    page.get_by_role("button", name="Go on with Medium").click()
    expect(page.get_by_role("alert")).to_contain_text("lower-case letters")
    expect(page.get_by_label("Name of the new server")).to_have_value("Not A Name")
    page.get_by_label("Name of the new server").fill("big-data")
    page.get_by_role("button", name="Go on with Medium").click()
    page.wait_for_url("**/hub/spawn/dev1/big-data?opt-tier=medium&opt-account=vision")
    expect(page.get_by_label("Medium", exact=True)).to_be_checked()
    assert [each.server for each in read_open(hub)] == [""], "nothing starts from a link"


def test_running_server_can_be_opened(hub: LiveHub, page: Page) -> None:
    page.goto(f"{hub.url}/hub/spawn?{MEDIUM}")
    link = page.get_by_role("link", name="Open Small")
    assert link.get_attribute("href") == "/user/dev1/"


@pytest.mark.parametrize(
    "path", ["/hub/spawn", "/hub/spawn/dev1", "/hub/spawn/dev1?next=/hub/home"]
)
def test_a_request_without_options_leads_to_the_running_server(
    hub: LiveHub, dev1: Api, path: str
) -> None:
    answer = hub.login("dev1").get(path)
    assert answer.status_code == 302
    assert answer.headers["location"].split("?")[0] in {"/user/dev1/", "/hub/home"}


@pytest.mark.parametrize("tier", ["small", "medium", "banana", "a\x00b", "x" * 3000])
def test_every_wish_is_answered_with_the_choice(hub: LiveHub, dev1: Api, tier: str) -> None:
    answer = hub.login("dev1").get("/hub/spawn", params={"opt-tier": tier})
    assert answer.status_code == 200
    assert "Your default server already runs Small." in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/hub/spawn-pending/dev1?opt-tier=medium",
        "/hub/spawn-pending/dev1?tier=medium&next=/hub/home",
        "/hub/spawn-pending/dev1?opt-image=lab",
        "/hub/spawn?tier=medium",
        "/hub/spawn/dev1?tier=medium&account=vision",
        "/hub/user-redirect/lab/tree/x?opt-tier=medium",
        "/hub/user-redirect/?a=b&opt-tier=medium",
    ],
)
def test_every_way_to_ask_for_a_tier_leads_to_the_choice(
    hub: LiveHub, dev1: Api, path: str
) -> None:
    answer = hub.login("dev1").get(path, follow_redirects=True)
    assert answer.status_code == 200
    assert answer.url.path.startswith("/hub/spawn")
    assert "Your default server already runs Small." in answer.text
    assert ("Go on with Medium" in answer.text) is ("medium" in path)


@pytest.mark.parametrize(
    ("path", "led"),
    [
        ("/hub/spawn-pending/dev1", "/user/dev1/"),
        ("/hub/spawn-pending/dev1?next=/hub/home", "/hub/home"),
        ("/hub/spawn-pending/dev1?opt-=x&opt-tier=", "/user/dev1/"),
        ("/hub/user-redirect/lab?tier=medium", "/hub/spawn/dev1"),
    ],
)
def test_a_request_without_a_tier_there_leads_on(
    hub: LiveHub, dev1: Api, path: str, led: str
) -> None:
    answer = hub.login("dev1").get(path)
    assert answer.status_code == 302
    assert answer.headers["location"].split("?")[0] == led
    assert "opt-tier" not in answer.headers["location"]


def test_a_link_to_another_persons_start_gives_nothing_away(hub: LiveHub, dev1: Api) -> None:
    path = "/hub/spawn-pending/dev1?opt-tier=medium"
    assert hub.login("dev2").get(path, follow_redirects=True).status_code == 404
    with Session(hub.url, "nobody") as stranger:
        assert "/hub/login" in stranger.get(path).headers["location"]
    admin = hub.login("admin").get(path, follow_redirects=True)
    assert "dev1&#39;s default server already runs Small." in admin.text


def test_a_start_that_a_link_began_goes_on_to_what_was_chosen(hub: LiveHub, dev1: Api) -> None:
    session = hub.login("dev2")
    page = session.get("/hub/spawn?opt-tier=medium")
    action = re.search(r'action="([^"]+)"', page.text)
    assert action
    assert "opt-tier=medium" in action[1]
    form = {"tier": "small", "account": "vision"}
    started = session.post(action[1].replace("&amp;", "&"), data=form)
    assert started.status_code == 302, started.text
    assert "tier" not in started.headers["location"]
    dev2 = hub.token("dev2")
    dev2.wait_until_ready("dev2")
    led = session.get(started.headers["location"])
    assert led.headers["location"].split("?")[0] == "/user/dev2/"
    dev2.stop("dev2")


def test_a_form_that_was_open_before_is_answered_with_the_choice(hub: LiveHub, dev1: Api) -> None:
    session = hub.login("dev1")
    session.get("/hub/token")
    form = {"tier": "medium", "account": "vision", "_xsrf": session.xsrf}
    answer = session.post("/hub/spawn", data=form)
    assert answer.status_code == 400
    assert "Your default server already runs Small." in answer.text
    assert 'value="medium"' in answer.text


def test_an_admin_chooses_for_another_user(hub: LiveHub, dev1: Api) -> None:
    admin = hub.login("admin")
    shown = admin.get(f"/hub/spawn/dev1?{MEDIUM}")
    assert shown.status_code == 200
    assert "dev1&#39;s default server already runs Small." in shown.text
    led = admin.get(f"/hub/spawn/dev1?{MEDIUM}&new-server=theirs")
    assert led.headers["location"] == f"/hub/spawn/dev1/theirs?{MEDIUM}"
    other = hub.login("dev2").get(f"/hub/spawn/dev1?{MEDIUM}")
    assert other.status_code == 404


def test_limits_of_names_and_quotas_are_said_instead_of_a_form(hub: LiveHub, dev1: Api) -> None:
    session = hub.login("dev1")
    too_much = session.get("/hub/spawn?opt-tier=gpu&opt-account=vision").text
    assert "Name of the new server" not in too_much
    assert "The tier gpu is not open to dev1 in vision." in too_much
    remove(dev1, "big-data")
    for name in ("one", "two"):
        assert dev1.put(f"users/dev1/servers/{name}").status_code == 201
    try:
        full = session.get(f"/hub/spawn?{MEDIUM}").text
        assert "You have 2 of 2 named servers." in full
        assert f"/hub/spawn/dev1/two?{MEDIUM.replace('&', '&amp;')}" in full
        led = session.get(f"/hub/spawn?{MEDIUM}&new-server=three")
        assert led.status_code == 400
        assert session.get(f"/hub/spawn?{MEDIUM}&new-server=two").status_code == 302
    finally:
        remove(dev1, "one", "two")


def remove(api: Api, *names: str) -> None:
    """Remove stopped servers: a visit of the spawn page is enough for the Hub to note a name."""
    for name in names:
        api.request("DELETE", f"users/dev1/servers/{name}", json={"remove": True})


def test_a_server_that_is_starting_or_stopping_is_a_choice_as_well(hub: LiveHub, dev1: Api) -> None:
    session = hub.login("dev1")

    def pending() -> str:
        server = dev1.servers("dev1").get("slow") or {}
        return str(server.get("pending") or "")

    with ThreadPoolExecutor() as threads:
        start = threads.submit(dev1.start, "dev1", "slow", tier="small")
        wait_for(lambda: pending() == "spawn", "the start")
        starting = session.get(f"/hub/spawn/dev1/slow?{MEDIUM}").text
        assert start.result().status_code in {201, 202}
        dev1.wait_until_ready("dev1", "slow")
        stop = threads.submit(dev1.delete, "users/dev1/servers/slow")
        wait_for(lambda: pending() == "stop", "the stop")
        stopping = session.get(f"/hub/spawn/dev1/slow?{MEDIUM}").text
        assert "It can be started again" in session.get("/hub/spawn-pending/dev1/slow").text
        assert stop.result().status_code in {202, 204}
    wait_for(lambda: "slow" not in dev1.servers("dev1"), "it to stop")
    remove(dev1, "slow")
    assert "Your server slow is starting Small." in starting
    assert 'href="/hub/spawn-pending/dev1/slow"' in starting
    assert "Your server slow is stopping." in stopping
    for text in (starting, stopping):
        assert "Look again" in text
        assert "servers/stop" not in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_start_is_told_step_by_step_and_cancelled_by_keyboard(
    hub: LiveHub, dev1: Api, browser: Browser, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 900})
    context.add_init_script(f"localStorage.setItem('jupyterhub-bs-theme', '{scheme}')")
    page = context.new_page()
    log_in(page, hub.url, "dev1", hub.passwords["dev1"])
    page.goto(f"{hub.url}/hub/spawn/dev1/slow")
    page.get_by_role("button", name=re.compile("^Start")).click()
    expect(page.get_by_role("heading", name="Your server slow is starting")).to_be_visible()
    steps = page.get_by_role("list", name="What has happened so far").get_by_role("listitem")
    expect(steps.first).to_contain_text(re.compile(r"\d\d:\d\d:\d\d.*Admitted: Small, charged to"))
    expect(steps.last).to_contain_text("Its process is being started")
    page.evaluate(find_axe().read_text())
    assert list_serious(page.evaluate(RUN)) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.screenshot(path=SCREENSHOTS / f"live-starting-{scheme}-400.png", full_page=True)
    others = hub.login("admin").get("/hub/spawn-pending/dev1/slow").text
    assert "dev1&#39;s server slow" in others
    assert "<summary>admin</summary>" in others
    page.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("heading", name="Your server slow is cancelled")).to_be_visible(
        timeout=30 * SECONDS
    )
    expect(page.get_by_role("link", name="Choose again")).to_be_focused()
    assert [each.server for each in read_open(hub)] == [""]
    assert "" in dev1.servers("dev1"), "the button of JupyterHub stops the default server"
    remove(dev1, "slow")
    context.close()


@pytest.mark.parametrize("path", ["/hub/invite/", "/hub/password", "/hub/spawn"])
@pytest.mark.parametrize(
    "query", ["part=live", "token=", "token=a&token=b", "sort=x", "next=//e.example", "token=%00"]
)
def test_pages_of_the_hub_pass_over_arguments_of_others(
    hub: LiveHub, path: str, query: str
) -> None:
    session = hub.login("dev2")
    answer = session.get(f"{path}?{query}")
    assert answer.status_code == (410 if "invite" in path else 200)
    assert session.get(f"{path}?search=" + "x" * 5000).status_code in {200, 410}
    assert session.head(f"{path}?{query}").status_code == answer.status_code


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_choice_is_accessible(
    hub: LiveHub, dev1: Api, browser: Browser, scheme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.add_init_script(f"localStorage.setItem('jupyterhub-bs-theme', '{scheme}')")
    page = context.new_page()
    log_in(page, hub.url, "dev1", hub.passwords["dev1"])
    invite = hub.token("admin").post("platform/users/dev2/invite").json()["url"]
    for name, path in (
        ("already-running", f"/hub/spawn?{MEDIUM}"),
        ("spawn", "/hub/spawn/dev1/other"),
        ("password", "/hub/password"),
        ("invite", invite.removeprefix(hub.url)),
        ("invite-used", "/hub/invite/?token=no"),
        ("my-resources", "/services/platform/"),
    ):
        page.goto(f"{hub.url}{path}")
        assert page.locator("html").get_attribute("data-bs-theme") == scheme
        page.evaluate(find_axe().read_text())
        assert list_serious(page.evaluate(RUN)) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        SCREENSHOTS.mkdir(exist_ok=True)
        shot = SCREENSHOTS / f"live-{name}-{scheme}-{width}.png"
        page.screenshot(path=shot, full_page=True)
    context.close()


@pytest.mark.parametrize("query", ["a=%ff", "opt-tier=%ff", "new-server=%ff", "next=%ff"])
def test_query_that_is_not_utf8_is_a_bad_request(hub: LiveHub, query: str) -> None:
    assert hub.login("dev2").get(f"/hub/spawn?{query}").status_code == 400


@pytest.mark.parametrize("path", ["/hub/spawn", "/hub/password", "/hub/spawn?opt-=1&opt-tier=&x"])
def test_pages_of_the_hub_answer_head_as_get(hub: LiveHub, path: str) -> None:
    session = hub.login("dev2")
    assert (session.get(path).status_code, session.head(path).status_code) == (200, 200)
    stranger = Session(hub.url, "nobody")
    assert (stranger.head(path).status_code, stranger.get(path).status_code) == (302, 302)
    stranger.close()


def test_stopping_it_first_leads_back_to_the_tier(hub: LiveHub, dev1: Api, page: Page) -> None:
    """Last: the server is gone after it."""
    page.goto(f"{hub.url}/hub/spawn?{MEDIUM}")
    page.get_by_role("link", name="Stop the default server").click()
    expect(page.get_by_role("heading", name="Stop a server")).to_be_visible()
    page.get_by_role("button", name="Stop your default server").click()
    page.wait_for_url("**/hub/spawn/dev1?opt-tier=medium&opt-account=vision")
    wait_for(lambda: not read_open(hub), "it to stop")
    if page.get_by_role("link", name="Look again").count():
        page.get_by_role("link", name="Look again").click()
    expect(page.get_by_label("Medium", exact=True)).to_be_checked()
    page.get_by_role("button", name=re.compile("^Start")).click()
    dev1.wait_until_ready("dev1")
    assert [each.tier for each in read_open(hub)] == ["medium"]
    dev1.stop("dev1")
