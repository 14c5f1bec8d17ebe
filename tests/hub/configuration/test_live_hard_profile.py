"""The hard profile under TLS: everything works, and a server's page has no power over the Hub."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.chromium import launch_chromium
from tests.support.tls_hub import NAME, RESOLVED, TlsHub

pytestmark = [pytest.mark.hub, pytest.mark.browser, pytest.mark.full]

POLICY = """\
version: 1
defaults: {tier: small}
users: {kim: {level: admin}}
groups: {vision: {members: [kim]}}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers:
  small:
    title: Small
    requests: {cpu: 100m, memory: 256Mi}
    limits: {cpu: 2, memory: 1Gi}
    images: [lab]
"""
PASSWORD = "a password for kim alone"
HARD = "c.Platform.hard_profile = True\n"
WITHOUT_PREFIX = HARD + "c.JupyterHub.cookie_host_prefix_enabled = False\n"
PLAIN = ""
START_SECONDS = 120
SERVICE = "platform--service"
"""The host that JupyterHub gives a service, below the name of the Hub."""

READ_THE_HUB = """
async url => {
  const opened = window.open(url);
  for (let tries = 0; tries < 100; tries++) {
    await new Promise(resolve => setTimeout(resolve, 100));
    try {
      const page = opened.document;
      if (opened.location.href !== "about:blank" && page.readyState === "complete")
        return page.body.innerText;
    } catch (error) {
      return `refused: ${error.name}`;
    }
  }
  return "nothing";
}
"""
READ_ROOTS = """
async () => {
  const headers = {"X-XSRFToken": window.jhdata.xsrf_token};
  return (await (await fetch("/hub/api/platform/", {headers})).json()).roots;
}
"""
PLANT_A_COOKIE = """
([name, domain]) => {
  for (const path of ["/", "/hub/"])
    document.cookie = `${name}=planted; domain=${domain}; path=${path}; secure`;
}
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright, f"--host-resolver-rules={RESOLVED}")
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=[HARD, WITHOUT_PREFIX, PLAIN], ids=["hard", "open", "plain"])
def site(
    request: pytest.FixtureRequest, make_directory: Callable[[], Path], chromium: Browser
) -> Iterator[tuple[str, TlsHub, Page]]:
    """A Hub, and a page of kim's own server on it."""
    hub = TlsHub(make_directory(), POLICY, site=request.param, password=PASSWORD)
    context = chromium.new_context(ignore_https_errors=True)
    try:
        hub.start()
        page = context.new_page()
        page.goto(f"{hub.origin}/hub/login")
        page.get_by_label("Username").fill("kim")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        # An admin arrives at the service, which has a host of its own under the hard profile.
        page.wait_for_url(f"{service_of(hub, request.param)}/services/platform/overview")
        page.get_by_role("heading", name="Overview").wait_for()
        page.goto(f"{hub.origin}/hub/spawn")
        page.locator("#platform-start").click()
        page.wait_for_url("**/user/kim/lab**", timeout=START_SECONDS * 1000)
        yield request.param, hub, page
    finally:
        context.close()
        hub.stop()


def service_of(hub: TlsHub, settings: str) -> str:
    """Return the origin of the platform's service."""
    return hub.origin if settings == PLAIN else hub.origin.replace(NAME, f"{SERVICE}.{NAME}")


def test_login_server_and_service_work_under_tls(site: tuple[str, TlsHub, Page]) -> None:
    settings, hub, page = site
    own_host = f"https://kim.{NAME}" if settings != PLAIN else f"https://{NAME}"
    assert page.url.startswith(own_host)
    page.wait_for_selector("#jp-main-dock-panel", timeout=START_SECONDS * 1000)
    other = page.context.new_page()
    service = service_of(hub, settings)
    other.goto(f"{service}/services/platform/overview")
    other.get_by_role("heading", name="Overview").wait_for()
    assert other.get_by_role("rowheader", name="kim").count() == 1
    text = other.inner_text("body")
    assert ("weaker than" in text) == (settings == WITHOUT_PREFIX)
    for address, leads in (("home", ""), ("admin", "people"), ("", "overview")):
        other.goto(f"{hub.origin}/hub/{address}")
        assert other.url == f"{service}/services/platform/{leads}"
    other.goto(f"{hub.origin}/hub/token")
    roots = other.evaluate(READ_ROOTS)
    named = f"{service if settings != PLAIN else ''}/services/platform/api/v1/"
    assert roots == ["/hub/api/platform/", named]
    other.get_by_role("link", name="Groups", exact=True).click()
    other.wait_for_url(f"{service}/services/platform/groups")
    other.goto(f"{hub.origin}/hub/spawn?opt-tier=small")
    stop = other.get_by_role("link", name="Stop the default server").get_attribute("href")
    assert stop
    assert stop.startswith(f"{service if settings != PLAIN else ''}/services/platform/servers/stop")
    other.goto(f"{service}/services/platform/")
    other.get_by_role("link", name="default server", exact=True).click()
    other.wait_for_url("**/user/kim/lab**")
    assert other.url.startswith(own_host)
    other.close()


def test_a_page_of_a_server_does_not_read_the_hub(site: tuple[str, TlsHub, Page]) -> None:
    settings, hub, page = site
    found = page.evaluate(READ_THE_HUB, f"{hub.origin}/hub/token")
    if settings == PLAIN:
        assert "kim" in found, "with one host for all, a server's page acts as its visitor"
    else:
        assert found == "refused: SecurityError"


def test_a_page_of_a_server_plants_no_cookie_for_the_hub(site: tuple[str, TlsHub, Page]) -> None:
    settings, hub, page = site
    cookies = page.context.cookies(f"{hub.origin}/hub/home")
    login = next(each["name"] for each in cookies if each["name"].endswith("jupyterhub-hub-login"))
    page.evaluate(PLANT_A_COOKIE, [login, NAME])
    cookies = page.context.cookies(f"{hub.origin}/hub/home")
    planted = "planted" in [each["value"] for each in cookies if each["name"] == login]
    if settings == HARD:
        assert login.startswith("__Host-")
        assert not planted
    else:
        assert planted, "without the prefix, another host's cookie is taken for the Hub's own"


def test_a_hard_profile_without_tls_does_not_start(make_directory: Callable[[], Path]) -> None:
    site = HARD + 'c.JupyterHub.public_url = "http://hub.test/"\nc.JupyterHub.bind_url = ""\n'
    hub = TlsHub(make_directory(), POLICY, site=site, password=PASSWORD)
    with pytest.raises(AssertionError):
        hub.start()
    assert "The Hub does not start: The hard profile needs TLS and a DNS name" in hub.log
