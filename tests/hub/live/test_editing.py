"""What is managed, changed on the pages by admins and managers, with JavaScript and without."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.axe import RUN, find_axe, list_serious
from tests.support.chromium import log_in
from tests.support.live_hub import LiveHub, running
from tests.support.visitors import browser as browser
from tests.support.visitors import visit as visit

pytestmark = [pytest.mark.hub, pytest.mark.browser]

POLICY: Final = """\
version: 1
name: Editing
defaults: {tier: small, member_quota: {servers: 2}}
users:
  admin: {level: admin}
  root: {level: admin}
  boss: {level: manager}
  peer: {level: manager}
  dev1: {level: developer}
  dev2: {level: developer}
groups:
  vision: {members: [dev1], managers: [boss], quota: {servers: 3}}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}
"""
SERVICE: Final = "/services/platform/"
SECONDS: Final = 1000
SCREENSHOTS: Final = Path("tests/screenshots")


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), POLICY)) as hub:
        yield hub


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f'[name="{name.replace("__", ".")}"]').fill(value)


def preview(page: Page) -> None:
    # Where scripts run, the form may have been previewed already.
    page.get_by_role("button", name=re.compile("^Preview")).click()


def preview_and_save(page: Page, button: str) -> None:
    preview(page)
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_text(re.compile(r"^Done: revision \d+ is in force"))).to_be_visible()


def make_group(page: Page, name: str, **fields: str) -> None:
    page.goto(f"{SERVICE}new/group")
    fill(page, name=name, why="a test", **fields)
    preview_and_save(page, f"Make the group {name}")


def test_an_admin_makes_a_tier_and_a_group_and_a_member_starts_in_them(
    hub: LiveHub, visit: Callable[[str], Page]
) -> None:
    admin, dev2 = visit("admin"), hub.token("dev2")
    make_group(admin, "video", members="dev2", quota__servers="1")
    assert admin.url.partition("?")[0].endswith("/groups/video")
    admin.goto(f"{SERVICE}new/tier")
    fill(admin, name="render", requests__cpu="100m", requests__memory="256Mi", why="a test")
    fill(admin, access__groups="video", title="Render", images="lab")
    admin.get_by_role("button", name="Preview", exact=True).click()
    expect(admin.locator(".effects")).to_contain_text("1 person can start render: dev2")
    assert dev2.start("dev2", "a", tier="render", account="video").status_code == 400
    admin.get_by_role("button", name="Make the tier render").click()
    expect(admin.get_by_text("Render", exact=True)).to_be_visible()
    begin = time.monotonic()
    assert dev2.start("dev2", "a", tier="render", account="video").status_code in {201, 202}
    dev2.wait_until_ready("dev2", "a")
    assert time.monotonic() - begin < 3
    admin.get_by_role("link", name="Retire the tier render").click()
    expect(admin.locator(".effects")).to_contain_text("1 server goes on: a of dev2")
    expect(admin.get_by_text("jhp policy rollback")).to_be_visible()
    fill(admin, why="too early")
    admin.get_by_role("button", name="Retire the tier render").click()
    assert dev2.get("users/dev2").json()["servers"]["a"]["ready"]
    assert dev2.start("dev2", "b", tier="render", account="video").status_code == 400
    admin.get_by_role("link", name="Take it back").click()
    expect(admin.get_by_text("admin retired the tier render")).to_be_visible()
    fill(admin, why="it was right")
    admin.get_by_role("button", name="Undo 1 change").click()
    expect(admin.get_by_text("admin made the tier render").first).to_be_visible()
    assert "1 of 1 server" in dev2.start("dev2", "b", tier="render", account="video").text
    dev2.stop("dev2", "a")


def test_faults_stand_at_their_fields_and_nothing_that_was_typed_is_lost(
    visit: Callable[[str], Page],
) -> None:
    admin = visit("admin")
    admin.goto(f"{SERVICE}new/group")
    fill(admin, name="odd", title="Odd one", members="nobody", quota__cpu="lots", why="a test")
    admin.get_by_text("Everything else, as YAML").first.click()
    fill(admin, more="member_quota: {cpu: 1}\nvolumes: none")
    admin.get_by_role("button", name="Preview", exact=True).click()
    expect(admin.locator("#f-quota-cpu-hint")).to_contain_text("lots")
    expect(admin.locator("#f-members-hint")).to_contain_text("nobody")
    expect(admin.locator("[role=alert]")).to_contain_text("volumes")
    values = {"name": "odd", "title": "Odd one", "quota.cpu": "lots", "why": "a test"}
    for name, value in values.items():
        expect(admin.locator(f'[name="{name}"]')).to_have_value(value)
    expect(admin.locator('[name="more"]')).to_have_value("member_quota: {cpu: 1}\nvolumes: none")
    fill(admin, more="members: [a]", members="dev1", quota__cpu="2")
    admin.get_by_role("button", name="Preview", exact=True).click()
    expect(admin.locator("#more-hint")).to_contain_text("members stands in “Members” above")
    fill(admin, more="a: [")
    admin.get_by_role("button", name="Preview", exact=True).click()
    expect(admin.locator("#more-hint")).to_contain_text("Line 1: what opens here is never closed")


def test_the_second_of_two_admins_sees_both_versions_and_keeps_what_they_typed(
    hub: LiveHub, visit: Callable[[str], Page]
) -> None:
    one, two = visit("admin"), visit("root")
    make_group(one, "shared", title="Shared", members="dev1")
    for page in (one, two):
        page.goto(f"{SERVICE}groups/shared/edit")
    fill(one, title="By admin", why="first")
    preview_and_save(one, "Change the group shared")
    fill(two, title="By root", members="dev1\ndev2", why="second")
    two.get_by_role("button", name="Preview", exact=True).click()
    expect(two.get_by_role("alert")).to_contain_text("admin changed the group shared")
    both = two.get_by_role("row").filter(has_text="title")
    expect(both).to_contain_text("By admin")
    expect(both).to_contain_text("By root")
    expect(two.locator('[name="title"]')).to_have_value("By root")
    expect(two.locator('[name="why"]')).to_have_value("second")
    preview_and_save(two, "Change the group shared")
    document = hub.token("admin").get("platform/groups/shared").json()["document"]
    assert document == {"title": "By root", "members": ["dev1", "dev2"]}


def test_a_manager_adds_a_member_and_gives_a_grant_and_no_more(
    hub: LiveHub, visit: Callable[[str], Page]
) -> None:
    make_group(visit("admin"), "team", members="dev1", managers="boss", quota__servers="3")
    boss = visit("boss")
    boss.goto(f"{SERVICE}groups/team")
    fill(boss, user="dev2", why="joins us")
    boss.get_by_role("button", name="Add member").click()
    expect(boss.get_by_role("link", name="Remove dev2 from team")).to_be_visible()
    assert "team" in {g["name"] for g in hub.token("admin").get("groups").json()}
    boss.get_by_role("link", name="New grant").click()
    fill(boss, user="dev2", add__servers="1", until="2d", reason="paper", why="paper")
    boss.get_by_role("button", name="Give the grant").click()
    expect(boss.get_by_role("row").filter(has_text="dev2")).to_contain_text("1 server")
    boss.get_by_role("link", name="End the grant for dev2").click()
    expect(boss.get_by_text("What it gives dev2 ends at once.")).to_be_visible()
    fill(boss, why="done")
    boss.get_by_role("button", name="End this grant").click()
    expect(boss.get_by_text("No grant is live now.")).to_be_visible()
    boss.goto(f"{SERVICE}groups/team")
    refuse_what_is_not_theirs(hub, boss)
    boss.goto(f"{SERVICE}groups/team")
    boss.get_by_role("link", name="Remove dev2 from team").click()
    fill(boss, why="left us")
    boss.get_by_role("button", name="Remove dev2").click()
    expect(boss.get_by_role("link", name="Remove dev2 from team")).to_have_count(0)


def refuse_what_is_not_theirs(hub: LiveHub, boss: Page) -> None:
    """Send what no page offers to a manager, with the XSRF token of a page of theirs."""
    xsrf = boss.locator('[name="_xsrf"]').first.get_attribute("value")
    grant = {"add.servers": "1", "until": "2d", "reason": "x"}
    tries: dict[str, dict[str, str | float | bool]] = {
        "groups/vision/members": {"user": "dev2", "act": "add"},
        "groups/team/edit": {"seen": "1", "members": "boss", "quota.servers": "99"},
        "groups/team/retire": {"seen": "2"},
        "new/group": {"name": "mine", "managers": "boss"},
        "new/tier": {"name": "mine", "images": "lab", "requests.cpu": "64"},
        "new/user": {"name": "new", "level": "admin", "groups": "team"},
        "new/grant": {"user": "boss", "account": "team", **grant},
        "people/dev1/suspend": {},
        "people/boss/edit": {"seen": "1", "level": "admin"},
        "policy/1/rollback": {"seen": "5"},
    }
    revision = hub.token("admin").get("platform/health").json()["policy"]["revision"]
    for place, form in tries.items():
        data: dict[str, str | float | bool] = {
            "_xsrf": xsrf or "",
            "why": "mine",
            "step": "save",
            **form,
        }
        answer = boss.request.post(hub.url + SERVICE + place, form=data)
        expected = {409} if place == "groups/vision/members" else {403, 404}
        assert answer.status in expected, (place, answer.status)
        stolen = boss.request.post(hub.url + SERVICE + place, form={**data, "_xsrf": "stolen"})
        assert stolen.status == 403, place
    assert hub.token("admin").get("platform/health").json()["policy"]["revision"] == revision


def test_a_user_is_made_invited_suspended_resumed_and_removed(
    hub: LiveHub, visit: Callable[[str], Page]
) -> None:
    admin = visit("admin")
    make_group(admin, "home", members="dev1")
    admin.goto(f"{SERVICE}new/user")
    fill(admin, name="kim", title="Kim", why="a new colleague")
    admin.locator('[name="level"]').select_option("user")
    admin.get_by_label("home", exact=True).check()
    admin.get_by_role("button", name="Make the user kim").or_(
        admin.get_by_role("button", name="Make the user", exact=True)
    ).click()
    expect(admin.get_by_role("heading", name="kim")).to_be_visible()
    admin.get_by_role("link", name="Invite", exact=True).click()
    admin.get_by_role("button", name="Make the link").click()
    link = admin.get_by_label("Invite link").input_value()
    assert "/hub/invite/?token=" in link
    admin.goto(f"{SERVICE}people/kim/invite")
    expect(admin.get_by_label("Invite link")).to_have_count(0)
    admin.goto(f"{SERVICE}people/kim")
    admin.get_by_role("link", name="Suspend", exact=True).click()
    fill(admin, why="on leave", until="14d")
    admin.get_by_role("button", name="Suspend kim").click()
    expect(admin.get_by_text("kim is suspended until")).to_be_visible()
    admin.get_by_role("link", name="Resume kim").click()
    fill(admin, why="back")
    admin.get_by_role("button", name="Resume kim").click()
    expect(admin.get_by_text("kim is no longer suspended.")).to_be_visible()
    admin.goto(f"{SERVICE}people/kim")
    admin.get_by_role("link", name="Remove", exact=True).click()
    fill(admin, why="left")
    admin.get_by_role("button", name="Remove the user kim").click()
    admin.goto(f"{SERVICE}groups/home")
    expect(admin.get_by_role("link", name="kim", exact=True)).to_have_count(0)


def test_declared_objects_are_shown_and_say_how_to_move_them(visit: Callable[[str], Page]) -> None:
    admin = visit("admin")
    for place, where in (("groups/vision", "platform.yaml:12"), ("people/dev1", "platform.yaml:9")):
        for act in ("edit", "retire"):
            answer = admin.goto(f"{SERVICE}{place}/{act}")
            assert answer is not None
            assert answer.status == 200
            expect(admin.get_by_text(where)).to_be_visible()
            expect(admin.get_by_text("jhp release")).to_be_visible()
            expect(admin.locator("main").get_by_role("button")).to_have_count(0)


def test_a_form_shows_its_effect_as_it_is_filled_in(hub: LiveHub, browser: Browser) -> None:
    context = browser.new_context(base_url=hub.url)
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    log_in(page, hub.url, "admin", hub.passwords["admin"])
    page.goto(f"{SERVICE}new/tier")
    effect = page.locator("#what-it-does")
    fill(page, images="lab", requests__cpu="100m", access__groups="nowhere")
    page.keyboard.press("Tab")
    expect(effect).to_contain_text("Write a name.")
    fill(page, name="typed", requests__memory="256Mi")
    page.keyboard.press("Tab")
    expect(effect).to_contain_text("nowhere")
    fill(page, access__groups="vision")
    page.locator('[name="why"]').focus()
    expect(effect).to_contain_text("2 people can start typed: boss, dev1")
    # What has the focus keeps it, and what was typed stays.
    expect(page.locator('[name="why"]')).to_be_focused()
    page.keyboard.type("a test")
    expect(page.locator('[name="requests.memory"]')).to_have_value("256Mi")
    page.get_by_role("button", name="Make the tier typed").click()
    expect(page.get_by_text(re.compile(r"^Done: revision \d+ is in force"))).to_be_visible()
    assert heard == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_every_form_is_open_to_all_and_fits(
    hub: LiveHub, browser: Browser, scheme: Literal["light", "dark"], width: int
) -> None:
    context = browser.new_context(
        base_url=hub.url, color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    log_in(page, hub.url, "admin", hub.passwords["admin"])
    name = f"look-{scheme}-{width}"
    make_group(page, name, members="dev1\ndev2", managers="boss", quota__servers="3")
    page.goto(f"{SERVICE}new/grant?user=dev1&account={name}")
    fill(page, add__cpu="2", until="5h", reason="paper deadline", why="asked by mail")
    page.get_by_role("button", name="Give the grant").click()
    grant = page.get_by_role("link", name="End the grant for dev1").first.get_attribute("href")
    looks: dict[str, Callable[[], object]] = {
        "groups": lambda: page.goto(f"{SERVICE}groups"),
        "group": lambda: page.goto(f"{SERVICE}groups/{name}"),
        "grants": lambda: page.goto(f"{SERVICE}grants"),
        "tiers": lambda: page.goto(f"{SERVICE}tiers"),
        "policy": lambda: page.goto(f"{SERVICE}policy"),
        "revision": lambda: page.goto(f"{SERVICE}policy/2"),
        "rollback": lambda: page.goto(f"{SERVICE}policy/1/rollback"),
        "new-tier": lambda: page.goto(f"{SERVICE}new/tier"),
        "new-user": lambda: page.goto(f"{SERVICE}new/user"),
        "new-grant": lambda: page.goto(f"{SERVICE}new/grant"),
        "declared": lambda: page.goto(f"{SERVICE}groups/vision/edit"),
        "end-grant": lambda: page.goto(grant or ""),
        "retire-group": lambda: page.goto(f"{SERVICE}groups/{name}/retire"),
        "remove-member": lambda: page.goto(f"{SERVICE}groups/{name}/members?user=dev2"),
        "person": lambda: page.goto(f"{SERVICE}people/dev1"),
        "suspend": lambda: page.goto(f"{SERVICE}people/dev1/suspend"),
        "preview": lambda: _preview(page, name, "dev1", "3"),
        "faulty": lambda: _preview(page, name, "nobody", "lots"),
    }
    for look, show in looks.items():
        show()
        page.wait_for_load_state()
        assert page.evaluate("document.documentElement.scrollWidth") == width, look
        page.evaluate(find_axe().read_text())
        page.screenshot(path=SCREENSHOTS / f"edit-{look}-{scheme}-{width}.png", full_page=True)
        assert list_serious(page.evaluate(RUN)) == [], look
    context.close()


def _preview(page: Page, group: str, member: str, cpu: str) -> None:
    page.goto(f"{SERVICE}groups/{group}/edit")
    fill(page, members=member, quota__cpu=cpu, why="a look")
    preview(page)
