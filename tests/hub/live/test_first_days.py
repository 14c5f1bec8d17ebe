"""The first days of a new user, as each person meets them: on the pages, then in the terminal."""

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result
from playwright.sync_api import Browser, Page, expect

from jupyterhub_platform.cli.main import main
from tests.support.chromium import log_in
from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import LiveHub, wait_for
from tests.support.visitors import browser as browser

pytestmark = [pytest.mark.hub, pytest.mark.browser]

SERVICE: Final = "/services/platform/"
PASSWORD: Final = "correct horse battery 7"
hub = hub_of(Path("examples/local/platform.yaml"))


@pytest.fixture
def open_browser(hub: LiveHub, browser: Browser) -> Iterator[Callable[[], Page]]:
    contexts = []

    def make() -> Page:
        context = browser.new_context(base_url=hub.url)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        return page

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def visit(hub: LiveHub, open_browser: Callable[[], Page]) -> Callable[[str], Page]:
    def log_in_as(name: str) -> Page:
        page = open_browser()
        log_in(page, hub.url, name, hub.passwords[name])
        return page

    return log_in_as


class Terminal:
    """Runs ``jhp`` with the token of one user."""

    def __init__(self, hub: LiveHub, name: str) -> None:
        self._url = hub.url
        self._variables = {"JUPYTERHUB_API_TOKEN": hub.token(name).token}

    def run(self, line: str) -> Result:
        words = [*shlex.split(line), "--url", self._url]
        runner = CliRunner(catch_exceptions=False)
        return runner.invoke(main, words, env=self._variables)

    def done(self, line: str) -> Result:
        result = self.run(line)
        assert result.exit_code == 0, result.output
        return result

    def json(self, line: str) -> Any:
        return json.loads(self.done(f"{line} --json").stdout)


def set_password(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Repeat the password").fill(PASSWORD)
    page.get_by_role("button", name="Set").click()
    expect(page.get_by_role("heading", name="Your password is set")).to_be_visible()


def follows(lines: Sequence[str], *wanted: str) -> None:
    """See that lines are there in this order, newest first."""
    rest = iter(reversed(lines))
    for words in wanted:
        assert any(words in line for line in rest), (words, lines)


STORY: Final = (
    "manager made the user {name}: new in the vision team",
    "manager invited {name}",
    "{name} set their own password",
    "{name} asked for the tier gpu in vision: training for the paper",
    "manager approved the request of {name} for the tier gpu in vision",
    "manager gave {name} the tier gpu in vision until",
    "manager changed a grant: {name} the tier gpu in vision until",
)


def test_on_the_pages(
    hub: LiveHub, open_browser: Callable[[], Page], visit: Callable[[str], Page]
) -> None:
    manager = visit("manager")
    manager.goto(f"{SERVICE}people")
    manager.get_by_role("link", name="New user").click()
    manager.get_by_label("Name", exact=True).fill("nina")
    manager.get_by_label("Level").select_option("developer")
    manager.get_by_label("vision").check()
    manager.get_by_label("Why this change").fill("new in the vision team")
    manager.get_by_role("button", name="Make the user").click()
    manager.get_by_role("link", name="Invite").click()
    manager.get_by_role("button", name="Make the link").click()
    link = manager.get_by_label("Invite link").input_value()
    newcomer = open_browser()
    set_password(newcomer, link)
    hub.passwords["nina"] = PASSWORD

    nina = visit("nina")
    nina.goto("/hub/spawn")
    expect(nina.get_by_text("The tier gpu is not open to you in vision.")).to_be_visible()
    nina.get_by_role("link", name=re.compile("Ask for it.*GPU")).click()
    nina.get_by_label("For how long").fill("2d")
    nina.get_by_label("Why").fill("training for the paper")
    nina.get_by_role("button", name="Ask").click()
    expect(nina.get_by_text("the tier gpu for 2 days")).to_be_visible()

    manager.goto(f"{SERVICE}overview")
    manager.get_by_role("link", name=re.compile("Answer")).first.click()
    expect(manager.get_by_text("nina asks for the tier gpu in vision for 2 days")).to_be_visible()
    manager.get_by_role("button", name="Give nina the tier gpu").click()
    expect(manager.get_by_text("No request waits for your answer.")).to_be_visible()

    nina.goto("/hub/spawn")
    nina.get_by_role("radio", name=re.compile("GPU")).check()
    nina.get_by_role("button", name="Start").click()
    nina.wait_for_url(re.compile("/user/nina/"), timeout=120_000)
    nina.goto("/hub/home")
    expect(nina.get_by_text(re.compile(r"in 1 d 23 h")).first).to_be_visible()

    manager.goto(f"{SERVICE}grants")
    manager.get_by_role("link", name="Shorten or change the grant for nina").click()
    manager.get_by_label("Until").fill("3s")
    manager.get_by_label("Why this change").fill("done earlier")
    manager.get_by_role("button", name="Change the grant").click()
    time.sleep(3)
    nina.goto("/hub/spawn/nina/another")
    expect(nina.get_by_text("The tier gpu is not open to you in vision.")).to_be_visible()
    nina.goto("/hub/home")
    nina.get_by_role("button", name="Stop").first.click()
    wait_for(lambda: not hub.token("nina").servers("nina"), "the server to stop")

    auditor = visit("auditor")
    auditor.goto(f"{SERVICE}audit?subject=nina")
    rows = auditor.locator("main tbody tr").all_inner_texts()
    follows(rows, *(each.format(name="nina") for each in STORY))
    auditor.goto(f"{SERVICE}usage?by=person")
    row = auditor.locator("tbody tr").filter(has_text="nina")
    assert re.search(r"0\.\d*[1-9]", row.inner_text()), row.inner_text()


def test_in_the_terminal(hub: LiveHub, open_browser: Callable[[], Page]) -> None:
    manager = Terminal(hub, "manager")
    manager.done('user add omar --level developer --group vision --reason "new in the vision team"')
    set_password(open_browser(), manager.json("invite omar")["url"])
    hub.passwords["omar"] = PASSWORD

    omar = Terminal(hub, "omar")
    refused = omar.run("start omar --tier gpu --account vision")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "The tier gpu is not open to" in refused.stderr
    machine = CliRunner().invoke(main, ["start", "omar", "--state", str(hub.state)])
    assert "Log in as omar with `jhp login`." in machine.stderr
    omar.done('request add --tier gpu --account vision --for 2d --reason "training for the paper"')
    (asked,) = manager.json("request ls --only open")
    manager.done(f"request approve {asked['id']} --reason approved")
    started = omar.done("start omar --tier gpu --account vision")
    assert "the default server of omar runs" in started.stdout
    assert f"Address       {hub.url}/user/omar/" in started.stdout

    (grant,) = (each for each in manager.json("grant ls") if each["user"] == "omar")
    manager.done(f'grant set {grant["name"]} --for 3s --reason "done earlier"')
    time.sleep(3)
    assert omar.run("start omar/more --tier gpu --account vision").exit_code == 1
    omar.done("stop omar --yes")

    auditor = Terminal(hub, "auditor")
    rows = auditor.done("audit list --subject omar").stdout.splitlines()
    follows(rows, *(each.format(name="omar") for each in STORY))
    used = {each["name"]: each for each in auditor.json("usage --by person")["lines"]["items"]}
    assert used["omar"]["used"]["accelerator_hours"] > 0
