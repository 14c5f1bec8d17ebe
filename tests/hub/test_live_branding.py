"""The name, logo, accent and help links of a site, the same on pages of the Hub and the service."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from tests.support.axe import RUN, find_axe, list_serious
from tests.support.chromium import log_in
from tests.support.hub_fixtures import PLAIN_TIER
from tests.support.live_hub import LiveHub, running
from tests.support.visitors import browser as browser

pytestmark = [pytest.mark.hub, pytest.mark.browser]

POLICY = f"""\
version: 1
name: Vision <Lab>
users:
  admin: {{level: admin}}
  dev1: {{level: developer}}
groups:
  vision: {{members: [dev1, admin]}}
{PLAIN_TIER}"""
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 24" onload="document.title='ran'">
<script>document.title = "ran"</script><rect width="60" height="24" fill="#0b57d0"/></svg>
"""
PAGES = ("/hub/home", "/hub/spawn", "/hub/token", "/hub/nothing", "/services/platform/overview")


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    directory = make_directory()
    logo = directory / "logo.svg"
    logo.write_text(SVG)
    site = f"""\
c.Platform.logo_file = {str(logo)!r}
c.Platform.accent_color = "#0b57d0"
c.Platform.accent_color_dark = "#333366"
c.Platform.help_links = {{"Help <desk>": "mailto:help@example.org", "Docs": "/services/docs/"}}
"""
    with running(LiveHub(directory, POLICY, site=site)) as hub:
        yield hub


def test_every_page_carries_name_logo_accent_and_links(hub: LiveHub) -> None:
    admin = hub.login("admin")
    shown = {path: admin.get(path, follow_redirects=True).text for path in PAGES}
    shown["/hub/login"] = httpx.get(f"{hub.url}/hub/login").text
    for path, page in shown.items():
        assert '<span class="platform-name">Vision &lt;Lab&gt;</span>' in page, path
        assert re.search(r"<title>[^<]*Vision &lt;Lab&gt;[^<]*</title>", page), path
        assert '<a class="nav-link" href="mailto:help@example.org">Help &lt;desk&gt;</a>' in page
        assert '<a class="nav-link" href="/services/docs/">Docs</a>' in page, path
        assert 'href="/hub/platform/branding.css"' in page, path
        assert 'src="/hub/logo"' in page, path


def test_a_logo_is_a_picture_and_its_script_cannot_run(hub: LiveHub, browser: Browser) -> None:
    answer = httpx.get(f"{hub.url}/hub/logo")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.text == SVG
    head = httpx.head(f"{hub.url}/hub/logo")
    assert (head.status_code, head.headers["Content-Type"]) == (200, "image/svg+xml")
    assert httpx.get(f"{hub.url}/hub/platform/logo-dark").status_code == 404
    page = browser.new_page()
    page.goto(f"{hub.url}/hub/logo")
    page.wait_for_timeout(300)
    assert page.title() != "ran"
    page.close()


def test_the_hub_names_a_colour_that_cannot_be_read(hub: LiveHub) -> None:
    said = hub.log
    assert "c.Platform.accent_color: #333366 has a contrast of 1." in said
    assert "on a dark page; text needs 4.5:1 (WCAG AA). Choose a lighter one." in said
    assert "#0b57d0 has a contrast" not in said


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_branded_pages_fit_and_nothing_keeps_people_out(
    hub: LiveHub, browser: Browser, theme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.add_init_script(f"localStorage.setItem('jupyterhub-bs-theme', '{theme}')")
    page = context.new_page()
    log_in(page, hub.url, "admin", hub.passwords["admin"])
    shots = Path("tests/screenshots")
    shots.mkdir(exist_ok=True)
    for number, path in enumerate(path for path in PAGES if path != "/hub/token"):
        page.goto(hub.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert page.evaluate("document.querySelector('.jpy-logo').naturalWidth > 0"), path
        page.screenshot(path=shots / f"branding-{number}-{theme}-{width}.png")
    page.evaluate(find_axe().read_text())
    found = list_serious(page.evaluate(RUN))
    # The dark accent of this site is one of which the Hub says that it cannot be read.
    assert theme == "dark" or found == []
    link = page.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--bs-primary')"
    )
    assert link.strip() == {"light": "#0b57d0", "dark": "#333366"}[theme]
    context.close()
