"""Many people are changed on the page: chosen, previewed, followed, stopped and undone."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.axe import RUN, find_axe, list_serious
from tests.support.chromium import log_in
from tests.support.live_hub import LiveHub, running, wait_for
from tests.support.visitors import browser as browser
from tests.support.visitors import visit as visit

pytestmark = [pytest.mark.hub, pytest.mark.browser]

COUNT: Final = 120
PEOPLE: Final = [f"p{number:03}" for number in range(COUNT)]
POLICY: Final = """\
version: 1
name: Bulk
defaults: {tier: small, member_quota: {servers: 2}}
users:
  admin: {level: admin}
  boss: {level: manager}
  dev1: {level: developer}
groups:
  vision: {members: [dev1], managers: [boss], quota: {servers: 3}}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}
  big: {requests: {cpu: 100m, memory: 256Mi}, images: [lab], access: {groups: [vision]}}
""".replace("users:\n", "users:\n" + "".join(f"  {name}: {{level: user}}\n" for name in PEOPLE))
SERVICE: Final = "/services/platform/"
SCREENSHOTS: Final = Path("tests/screenshots")


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), POLICY)) as hub:
        admin = hub.token("admin")
        for name, document in (
            ("course", {"managers": ["boss"], "members": ["dev1"]}),
            ("lab", {"members": ["dev1"]}),
        ):
            body = {"document": document, "reason": "a test"}
            made = admin.put(f"platform/groups/{name}", json=body, headers={"If-None-Match": "*"})
            assert made.status_code == 201, made.text
        yield hub


def choose(page: Page, search: str, act: str, *names: str) -> None:
    page.goto(f"{SERVICE}people?search={search}")
    for name in names:
        page.get_by_label(f"Choose {name}", exact=True).check()
    if not names:
        page.get_by_label(re.compile(r"^All \d+")).check()
    page.get_by_label("What to do with those chosen").select_option(act)
    page.get_by_role("button", name="Preview").click()


def confirm(page: Page, button: str) -> None:
    page.get_by_role("button", name="Preview", exact=True).click()
    page.get_by_label("Why").fill("a term begins")
    page.get_by_role("button", name=button).click()
    expect(page.locator(".answer")).to_contain_text(re.compile("Finished|It runs"))
    for _ in range(60):
        if "Finished" in page.locator(".answer").inner_text():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(page.locator("main").inner_text())


def test_all_who_match_join_a_group_and_leave_it_by_undo(
    hub: LiveHub, visit: Callable[[str], Page]
) -> None:
    admin = visit("admin")
    choose(admin, "level:user", "add-to-group")
    expect(admin.locator(".answer")).to_contain_text("120 users are chosen")
    admin.get_by_label("Group").select_option("course")
    admin.get_by_role("button", name="Preview", exact=True).click()
    expect(admin.locator(".answer")).to_have_text("120 users of 120 will be changed.")
    confirm(admin, "Add to a group: 120 users")
    expect(admin.locator(".answer")).to_have_text("Finished: 120 done.")
    expect(admin.get_by_role("row").filter(has_text="p000")).to_contain_text("done")
    admin.goto(f"{SERVICE}groups/course")
    expect(admin.get_by_text("p000", exact=True).first).to_be_visible()
    admin.goto(f"{SERVICE}bulk")
    admin.get_by_role("link", name="Add to the group course").click()
    admin.get_by_text("Undo it").click()
    admin.get_by_label("Why").fill("wrong course")
    admin.get_by_role("button", name=re.compile(r"Undo \d+ change")).click()
    admin.wait_for_timeout(1500)
    admin.reload()
    expect(admin.locator(".answer")).to_have_text("Finished: 2 done.")
    document = hub.token("admin").get("platform/groups/course").json()["document"]
    assert document["members"] == ["dev1"]


def test_members_of_a_group_are_changed_on_its_page_with_a_preview(
    hub: LiveHub, browser: Browser
) -> None:
    # With scripts: what looks at the page is one.
    context = browser.new_context(base_url=hub.url)
    admin = context.new_page()
    log_in(admin, hub.url, "admin", hub.passwords["admin"])
    admin.goto(f"{SERVICE}groups/course")
    admin.get_by_text("Change many members").click()
    admin.get_by_label("User names").fill("P001, p002\nnobody dev1")
    admin.get_by_role("form", name="Change many members").get_by_role(
        "button", name="Preview"
    ).click()
    expect(admin.locator(".answer")).to_have_text(
        "2 users of 4 will be changed, 1 is so already, 1 cannot be."
    )
    expect(admin.get_by_label("Group")).to_have_value("course")
    expect(admin.get_by_role("region", name="What cannot be done")).to_contain_text("nobody")
    see(admin, "of-a-group")
    admin.get_by_label("Why").fill("a term begins")
    admin.get_by_role("button", name="Add to a group: 2 users").click()
    expect(admin.get_by_role("heading", name="Add to the group course")).to_be_visible()
    wait_for(lambda: read_members(hub) == {"dev1", "p001", "p002"}, "them to be members")
    admin.goto(f"{SERVICE}groups/course")
    admin.get_by_text("Change many members").click()
    see(admin, "members-of-a-group")
    admin.get_by_label("User names").fill("p001\np002")
    admin.get_by_label("What to do with them").select_option("remove-from-group")
    admin.get_by_role("form", name="Change many members").get_by_role(
        "button", name="Preview"
    ).click()
    expect(admin.locator(".answer")).to_have_text("2 users of 2 will be changed.")
    admin.get_by_label("Why").fill("it is over")
    admin.get_by_role("button", name="Remove from a group: 2 users").click()
    wait_for(lambda: read_members(hub) == {"dev1"}, "them to be gone")
    context.close()


def read_members(hub: LiveHub) -> set[str]:
    document = hub.token("admin").get("platform/groups/course").json()["document"]
    return set(document["members"])


def test_a_manager_sees_what_cannot_be_done_and_why(
    hub: LiveHub, visit: Callable[[str], Page]
) -> None:
    boss = visit("boss")
    boss.goto(f"{SERVICE}people")
    options = boss.get_by_label("What to do with those chosen").locator("option")
    assert "Suspend" not in options.all_inner_texts()
    choose(boss, "dev1", "set-level", "dev1")
    boss.get_by_label("Level").select_option("user")
    boss.get_by_role("button", name="Preview", exact=True).click()
    expect(boss.locator(".answer")).to_contain_text("0 users of 1 will be changed, 1 cannot be")
    expect(boss.get_by_role("region", name="What cannot be done")).to_contain_text("not yours")
    expect(boss.get_by_role("button", name=re.compile("Set the level: "))).to_have_count(0)


def test_the_terminal_does_the_same_with_a_bar(hub: LiveHub) -> None:
    jhp = [sys.executable, "-m", "jupyterhub_platform", "bulk"]
    where = ["--state", str(hub.state)]

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [*jhp, *words, *where]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    act = ("run", "add-to-group", "--search", "level:user", "--group", "lab", "--reason", "term")
    tried = run(*act, "--dry-run")
    assert tried.returncode == 0, tried.stderr
    assert "120 of 120 would be changed, 0 refused. Nothing was changed." in tried.stdout
    done = run(*act)
    assert done.returncode == 0, done.stderr
    assert "is done: 120 done of 120." in done.stdout
    (id_,) = re.findall(r"jhp bulk undo (\w+)", done.stderr)
    assert f"{id_}  Add to the group lab" in run("ls").stdout
    assert "p007  done" in run("show", id_).stdout
    undone = run("undo", id_, "--reason", "no")
    assert undone.returncode == 0, undone.stderr
    again = run("stop", id_)
    assert (again.returncode, "is done, and not running" in again.stderr) == (1, True)


def test_a_table_of_people_is_uploaded_corrected_added_and_undone(
    hub: LiveHub, visit: Callable[[str], Page], tmp_path: Path
) -> None:
    boss = visit("boss")
    file = tmp_path / "people.csv"
    file.write_bytes("\ufeffname;level;groups\nann;user;course\nben;boss;course\n".encode())
    boss.goto(f"{SERVICE}people")
    boss.get_by_role("link", name="Add people from a table").click()
    boss.get_by_label("A file of CSV").set_input_files(file)
    boss.get_by_role("button", name="Preview").click()
    expect(boss.locator(".answer")).to_have_text("Nothing is added: 1 fault to correct.")
    expect(boss.get_by_role("region", name="What is wrong")).to_contain_text("Line 3, column 2")
    table = boss.get_by_label("Or the table itself")
    table.fill(table.input_value().replace("boss", "user"))
    boss.get_by_role("button", name="Preview").click()
    expect(boss.locator(".answer")).to_have_text("2 users will be added.")
    expect(boss.get_by_role("region", name="Who is new")).to_contain_text("ben as user, in course")
    assert "ann" not in hub.token("admin").get("platform/groups/course").text
    boss.get_by_label("Why").fill("a term begins")
    boss.get_by_role("button", name="Add 2 users").click()
    # A page that is asked for while a form is on its way is none.
    boss.wait_for_url(re.compile(r"/bulk/[^/]+$"))
    wait_for(lambda: _is_finished(boss), "them to be added")
    assert {"ann", "ben"} <= read_members(hub)
    boss.goto(f"{SERVICE}new/people")
    boss.get_by_label("Or the table itself").fill("name,level\nann,user\n")
    boss.get_by_role("button", name="Preview").click()
    expect(boss.locator(".answer")).to_have_text(
        "There is nothing to add: all 1 are there already."
    )
    admin = visit("admin")
    admin.goto(f"{SERVICE}bulk")
    admin.get_by_role("link", name=re.compile("^Add ")).first.click()
    admin.get_by_text("Undo it").click()
    admin.get_by_label("Why").fill("wrong term")
    admin.get_by_role("button", name=re.compile(r"Undo \d+ change")).click()
    wait_for(lambda: not {"ann", "ben"} & read_members(hub), "them to be gone")


def _is_finished(page: Page) -> bool:
    page.reload()
    return page.locator(".answer").inner_text().startswith("Finished: 2 done")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 400)])
def test_the_pages_are_usable_by_all(
    hub: LiveHub, browser: Browser, scheme: Literal["light", "dark"], width: int
) -> None:
    context = browser.new_context(
        base_url=hub.url, color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    log_in(page, hub.url, "admin", hub.passwords["admin"])
    SCREENSHOTS.mkdir(exist_ok=True)
    page.goto(f"{SERVICE}people")
    see(page, f"people-{scheme}-{width}")
    choose(page, "level:user", "grant")
    page.get_by_label("In the group").select_option("vision")
    page.get_by_label("How much").fill("1")
    page.get_by_label("Until").fill("2d")
    page.get_by_role("button", name="Preview", exact=True).click()
    see(page, f"preview-{scheme}-{width}")
    choose(page, "dev1", "add-to-group", "dev1")
    page.get_by_label("Group").select_option("course")
    see(page, f"chosen-{scheme}-{width}")
    page.goto(f"{SERVICE}new/people")
    see(page, f"table-{scheme}-{width}")
    page.get_by_label("Or the table itself").fill("name,level\nnewest,user\n")
    page.get_by_role("button", name="Preview").click()
    see(page, f"table-preview-{scheme}-{width}")
    page.get_by_label("Or the table itself").fill("name,level\nnewest,boss\n=1,\n")
    page.get_by_role("button", name="Preview").click()
    see(page, f"table-faults-{scheme}-{width}")
    page.goto(f"{SERVICE}bulk")
    see(page, f"list-{scheme}-{width}")
    page.get_by_role("link", name="Add to the group").first.click()
    see(page, f"one-{scheme}-{width}")
    context.close()


def see(page: Page, name: str) -> None:
    page.wait_for_load_state()
    page.evaluate(find_axe().read_text())
    page.screenshot(path=SCREENSHOTS / f"bulk-{name}.png", full_page=True)
    assert page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    ), name
    assert list_serious(page.evaluate(RUN)) == [], name
