"""The main job in a real browser: log in, start a tier, run a kernel, be refused, see why."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.axe import RUN, find_axe, list_serious
from tests.support.chromium import launch_chromium, log_in
from tests.support.hostile_page import ATTACK, serve_hostile_page
from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import Api, LiveHub
from tests.support.pictures import keep_picture
from tests.support.store_readers import read_audit, read_decisions, read_open

pytestmark = [pytest.mark.hub, pytest.mark.browser]

EXAMPLE = Path("examples/local/platform.yaml")
SCREENSHOTS = Path("tests/screenshots")
SECONDS = 1000
KERNEL_ANSWERS = Path("tests/support/kernel_answers.js").read_text()
REFUSAL = (
    "dev1 holds 2 of 2 servers in vision, and small is 1 more. "
    "Stop a server, or ask a manager of vision (manager). No tier fits now."
)
SERVICE = "/services/platform/"
PLACES = (
    *("/hub/token", "/hub/password", "/hub/spawn/admin/more", "/hub/home"),
    *(
        "/hub/api/user",
        "/hub/api/users",
        "/hub/api/platform/health",
        "/hub/api/platform/openapi.json",
    ),
    *(
        SERVICE + each
        for each in ("", "overview", "people", "people/dev1/suspend", "new/user", "audit")
    ),
    *(SERVICE + each for each in ("api/v1/me", "api/v1/people", "people.csv", "audit.csv")),
    *("/user/admin/lab", "/user/admin/api/kernels"),
)
"""What an admin may see."""
PRETENDED = (
    *("/hub/logout", "/hub/spawn/admin/evil?tier=small&opt-tier=small", "/hub/user-redirect/lab"),
    f"{SERVICE}servers/stop?user=admin&server=",
)
"""Addresses that might do something when a browser is sent there."""
_WHY: dict[str, object] = {"reason": "evil", "why": "evil", "step": "save"}
CHANGES: list[tuple[str, str, dict[str, object]]] = [
    ("POST", "/hub/api/users/admin/servers/evil", {"user_options": {"tier": "small"}}),
    ("DELETE", "/hub/api/users/admin/server", {}),
    ("POST", "/hub/api/users/admin/tokens", {"note": "evil"}),
    ("POST", "/hub/api/users", {"usernames": ["evil"]}),
    ("POST", "/hub/spawn/admin/evil", {"tier": "small", "account": "platform"}),
    ("POST", "/hub/login", {"username": "dev1", "password": "evil"}),
    ("PUT", "/hub/api/platform/users/evil", {"document": {"level": "admin"}, **_WHY}),
    ("POST", "/hub/api/platform/users/dev1/suspend", _WHY),
    ("POST", "/hub/api/platform/reload", {}),
    ("POST", f"{SERVICE}people/dev1/suspend", _WHY),
    ("POST", f"{SERVICE}new/user", {"name": "evil", "level": "admin", **_WHY}),
    ("POST", f"{SERVICE}servers/stop", {"user": "admin", "server": ""}),
    ("DELETE", f"{SERVICE}api/v1/servers/admin/", {}),
    ("POST", "/user/admin/api/kernels", {}),
]

hub = hub_of(EXAMPLE, lab=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


def test_a_developer_starts_a_tier_runs_a_kernel_and_is_refused_with_reasons(
    hub: LiveHub, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60 * SECONDS)
    log_in(page, hub.url, "dev1", hub.passwords["dev1"])

    page.goto(f"{hub.url}/hub/spawn")
    expect(page.get_by_role("heading", name="Start a server")).to_be_visible()
    _picture(page, "live-spawn")
    page.get_by_label("Small", exact=True).check()
    page.get_by_role("button", name=re.compile("^Start")).click()
    page.wait_for_url(re.compile(r"/user/dev1/lab"), timeout=120 * SECONDS)
    page.locator("#jp-top-panel").wait_for(timeout=120 * SECONDS)
    _picture(page, "live-jupyterlab")
    assert _kernel_answers(page, "1+1") == "2"

    page.goto(f"{hub.url}/hub/spawn/dev1/second")
    page.get_by_label("Small", exact=True).check()
    page.get_by_role("button", name=re.compile("^Start")).click()
    page.wait_for_url(re.compile(r"/user/dev1/second/lab"), timeout=120 * SECONDS)

    # The form was open before both servers were taken: the refusal comes back to it.
    answer = page.request.post(
        f"{hub.url}/hub/spawn/dev1/third",
        form={"tier": "small", "_xsrf": _xsrf(page, hub)},
    )
    assert answer.status == 409
    page.goto(f"{hub.url}/hub/spawn/dev1/third?opt-tier=small")
    expect(page.get_by_text("You hold 2 of 2 servers").first).to_be_visible()
    _picture(page, "live-spawn-full")
    keep_picture(page, "spawn-page")

    # Word for word the same wherever it is asked.
    api = hub.token("dev1")
    refused = api.start("dev1", "third", tier="small")
    told = REFUSAL.replace("dev1 holds", "You hold", 1)
    assert (refused.status_code, refused.json()["message"]) == (409, told)
    dry = api.post("platform/decide", json={"server": "third", "user_options": {"tier": "small"}})
    assert (dry.status_code, dry.json()["sentence"], dry.json()["status"]) == (200, told, 409)
    assert told in answer.text()
    # An operator who asks for them reads their name, as does the record.
    asked = {"user": "dev1", "server": "third", "user_options": {"tier": "small"}}
    theirs = hub.token("operator").post("platform/decide", json=asked)
    assert theirs.json()["sentence"] == REFUSAL
    recorded = read_decisions(hub, admitted=False)
    assert {row.sentence for row in recorded} == {REFUSAL}
    audited = [row for row in read_audit(hub) if row.action == "server.denied"]
    # By the form and by REST it is the same denial: the second one is counted beside the first.
    assert len(audited) == len(recorded) == 1
    assert all(REFUSAL in row.detail_json for row in audited)

    # Stopping one there makes room, once the person has said that they mean it.
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name=re.compile("Stop")).first.click()
    expect(page.get_by_label("Small", exact=True)).to_be_enabled(timeout=60 * SECONDS)
    assert len(read_open(hub)) == 1
    context.close()


def test_a_link_with_options_only_preselects(hub: LiveHub, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    log_in(page, hub.url, "dev2", hub.passwords["dev2"])
    answer = page.goto(f"{hub.url}/hub/spawn?opt-tier=medium&opt-account=vision")
    assert answer is not None
    assert answer.status == 200
    expect(page.get_by_label("Medium", exact=True)).to_be_checked()
    assert page.locator("[role=alert]").count() == 0
    assert [each for each in read_open(hub) if each.user == "dev2"] == []
    answer = page.goto(f"{hub.url}/hub/spawn?tier=medium")
    assert answer is not None
    assert answer.status == 200
    assert [each for each in read_open(hub) if each.user == "dev2"] == []
    context.close()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("my-resources", "/services/platform/"),
        ("overview", "/services/platform/overview"),
        ("people", "/services/platform/people"),
        ("tiers", "/services/platform/tiers"),
        ("home", "/hub/home"),
        ("spawn", "/hub/spawn"),
        ("password", "/hub/password"),
        ("token", "/hub/token"),
    ],
)
def test_pages_are_in_the_hubs_theme_light_dark_and_narrow(
    hub: LiveHub, browser: Browser, name: str, path: str
) -> None:
    for theme, width in (("light", 1280), ("dark", 1280), ("light", 400)):
        context = browser.new_context(viewport={"width": width, "height": 900})
        context.add_init_script(f"localStorage.setItem('jupyterhub-bs-theme', '{theme}')")
        page = context.new_page()
        log_in(page, hub.url, "admin", hub.passwords["admin"])
        answer = page.goto(hub.url + path)
        assert answer is not None
        assert answer.status == 200, path
        expect(page.locator("#jupyterhub-logo")).to_be_visible()
        assert page.locator("html").get_attribute("data-bs-theme") == theme
        wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide, f"{path} scrolls sideways at {width} px"
        _picture(page, f"live-{name}-{theme}-{width}")
        context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_a_user_presses_on_pages_of_jupyterhub_can_be_read(
    hub: LiveHub, browser: Browser, theme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(color_scheme=theme)
    page = context.new_page()
    page.goto(f"{hub.url}/hub/login")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Invalid username or password")).to_be_visible()
    _assert_contrast(page)
    log_in(page, hub.url, "admin", hub.passwords["admin"])
    page.goto(f"{hub.url}/hub/token")
    _assert_contrast(page)
    page.get_by_role("button", name="Request new API token").hover()
    _assert_contrast(page)
    context.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_hostile_page_in_the_same_browser_can_do_nothing(
    hub: LiveHub, browser: Browser, host: str
) -> None:
    api = hub.token("admin")
    api.start("admin", tier="small", account="platform")
    api.wait_until_ready("admin")
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(60 * SECONDS)
    log_in(page, hub.url, "admin", hub.passwords["admin"])
    page.goto(f"{hub.url}/user/admin/lab")
    page.locator("#jp-top-panel").wait_for(timeout=120 * SECONDS)
    assert _kernel_answers(page, "1+1") == "2"
    kernels = page.request.get(f"{hub.url}/user/admin/api/kernels").json()
    # What the other page cannot read is there for the user.
    assert {each: page.request.get(hub.url + each).status for each in PLACES} == dict.fromkeys(
        PLACES, 200
    )
    before = _what_could_be_changed(hub, api)
    with serve_hostile_page() as port:
        page.goto(f"http://{host}:{port}/")
        sockets = [f"/user/admin/api/kernels/{each['id']}/channels" for each in kernels]
        attack = {
            "base": hub.url,
            "places": [*PLACES, *PRETENDED],
            "changes": CHANGES,
            "sockets": [*sockets, "/user/admin/api/events/subscribe", "/services/platform/"],
            "streams": ["/hub/api/users/admin/server/progress", "/services/platform/api/v1/me"],
        }
        assert page.evaluate(ATTACK, attack) == []
        frames = [each.url for each in page.frames if each != page.main_frame]
        assert len(frames) >= len(attack["places"])
        assert {each for each in frames if not each.startswith("chrome-error:")} == set()
    assert _what_could_be_changed(hub, api) == before
    # The user is still logged in.
    page.goto(f"{hub.url}/hub/token")
    expect(page.get_by_role("button", name="Request new API token")).to_be_visible()
    assert page.request.get(f"{hub.url}/user/admin/api/kernels").json()[0]["id"] == kernels[0]["id"]
    context.close()
    api.stop("admin")


def _what_could_be_changed(hub: LiveHub, api: Api) -> dict[str, object]:
    tokens = api.get("users/admin/tokens").json()["api_tokens"]
    return {
        "users": {each["name"]: each["groups"] for each in api.get("users").json()},
        "tokens": sorted(each["id"] for each in tokens if each["oauth_client"] == "JupyterHub"),
        "open": sorted((each.user, each.server) for each in read_open(hub)),
        "revision": api.get("platform/health").json()["policy"]["revision"],
        "done": [
            each.action
            for each in read_audit(hub)
            if each.result == "done" and not each.action.startswith("token.")
        ],
    }


def _assert_contrast(page: Page) -> None:
    page.evaluate(find_axe().read_text())
    found = [rule for rule in list_serious(page.evaluate(RUN)) if rule[0] == "color-contrast"]
    assert found == [], page.url


def _picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def _xsrf(page: Page, hub: LiveHub) -> str:
    page.goto(f"{hub.url}/hub/token")
    token: str = page.evaluate("window.jhdata.xsrf_token")
    return token


def _kernel_answers(page: Page, code: str) -> str:
    """Run code in a new kernel of the server whose JupyterLab the page shows."""
    answer: str = page.evaluate(
        KERNEL_ANSWERS,
        code,
    )
    return answer
