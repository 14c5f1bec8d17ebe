"""A user asks on the spawn page, the manager answers on theirs, and the user starts it."""

import re
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
name: Requests
defaults: {tier: small, member_quota: {servers: 1}}
users:
  admin: {level: admin}
  boss: {level: manager}
  dev1: {level: developer}
groups:
  vision: {members: [dev1], managers: [boss], quota: {servers: 3}}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small: {title: Small, requests: {cpu: 100m, memory: 256Mi}, images: [lab]}
  gpu:
    title: GPU
    requests: {cpu: 100m, memory: 256Mi}
    images: [lab]
    requestable: true
    access: {levels: [manager]}
"""
SERVICE: Final = "/services/platform/"
SCREENSHOTS: Final = Path("tests/screenshots")


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), POLICY)) as hub:
        yield hub


def test_a_tier_is_asked_for_on_its_card_approved_for_less_and_started(
    hub: LiveHub, visit: Callable[[str], Page]
) -> None:
    dev1, boss = visit("dev1"), visit("boss")
    dev1.goto("/hub/spawn")
    dev1.get_by_role("link", name=re.compile("Ask for it.*GPU")).click()
    expect(dev1.get_by_label("Tier", exact=True)).to_have_value("gpu")
    expect(dev1.get_by_label("In which group")).to_have_value("vision")
    dev1.get_by_label("Why").fill("training for the paper")
    dev1.get_by_role("button", name="Ask").click()
    expect(dev1.get_by_text("the tier gpu for 2 days")).to_be_visible()
    boss.goto(f"{SERVICE}requests")
    expect(boss.get_by_text("1 request waits for your answer.")).to_be_visible()
    boss.get_by_role("link", name=re.compile("Answer.*request of dev1")).click()
    boss.get_by_label("For how long").fill("3d")
    boss.get_by_label("Answer").fill("good luck")
    boss.get_by_role("button", name="Give dev1 the tier gpu").click()
    expect(boss.get_by_text("Approve what was asked for, or less.")).to_be_visible()
    expect(boss.get_by_label("Answer")).to_have_value("good luck")
    boss.get_by_label("For how long").fill("8h")
    boss.get_by_role("button", name="Give dev1 the tier gpu").click()
    expect(boss.get_by_text("No request waits for your answer.")).to_be_visible()
    dev1.goto(f"{SERVICE}requests")
    expect(dev1.get_by_text("approved by boss")).to_be_visible()
    api = hub.token("dev1")
    assert api.start("dev1", tier="gpu", account="vision").status_code in {201, 202}
    api.wait_until_ready("dev1")
    dev1.goto("/hub/spawn/dev1/more")
    expect(dev1.get_by_role("link", name=re.compile("Ask for more")).first).to_be_visible()
    api.stop("dev1")


def test_a_request_is_refused_with_its_reason_or_withdrawn(
    hub: LiveHub, visit: Callable[[str], Page]
) -> None:
    dev1, boss = visit("dev1"), visit("boss")
    for amount in ("1", "2"):
        dev1.goto(f"{SERVICE}new/request?kind=quota&account=vision")
        dev1.get_by_label("Amount 1").fill(amount)
        dev1.get_by_label("Why").fill("more notebooks")
        dev1.get_by_role("button", name="Ask").click()
    dev1.get_by_role("link", name=re.compile("Look.*request of dev1")).first.click()
    dev1.get_by_label("Why you withdraw it").fill("not needed")
    dev1.get_by_role("button", name="Withdraw the request").click()
    expect(dev1.get_by_text("withdrawn by you")).to_be_visible()
    boss.goto(f"{SERVICE}requests")
    boss.get_by_role("link", name=re.compile("Answer.*request of dev1")).click()
    boss.get_by_label("Answer").fill("the group is full")
    boss.get_by_role("button", name="Refuse").click()
    dev1.reload()
    expect(dev1.get_by_text("the group is full")).to_be_visible()


def test_faults_come_back_to_the_form_with_what_was_typed(visit: Callable[[str], Page]) -> None:
    dev1 = visit("dev1")
    dev1.goto(f"{SERVICE}new/request?kind=quota&account=vision")
    dev1.get_by_label("Amount 1").fill("many")
    dev1.get_by_label("Why").fill("more notebooks")
    dev1.get_by_role("button", name="Ask").click()
    expect(dev1.get_by_role("alert")).to_contain_text("many")
    expect(dev1.get_by_label("Amount 1")).to_have_value("many")
    expect(dev1.get_by_label("Why")).to_have_value("more notebooks")


@pytest.mark.parametrize("place", ["requests", "new/request"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible(
    hub: LiveHub, browser: Browser, place: str, theme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(
        base_url=hub.url, color_scheme=theme, viewport={"width": 400, "height": 800}
    )
    page = context.new_page()
    log_in(page, hub.url, "dev1", hub.passwords["dev1"])
    page.goto(f"{SERVICE}{place}")
    page.evaluate(f"document.documentElement.dataset.bsTheme = {theme!r}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.evaluate(find_axe().read_text())
    assert list_serious(page.evaluate(RUN)) == []
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{place.replace('/', '-')}-{theme}.png", full_page=True)
    context.close()
