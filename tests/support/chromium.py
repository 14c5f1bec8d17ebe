"""The system's Chromium, without its own errands on the network."""

import re
import shutil

from playwright.sync_api import Browser, Page, Playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str:
    """Return the path of Chromium; a missing one is a failure that says what to install."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "these tests drive Chromium: install the Debian package chromium"
    return path


def launch_chromium(playwright: Playwright, *more: str) -> Browser:
    """Start Chromium without a window, with ``more`` arguments."""
    arguments = [*ARGUMENTS, *more]
    return playwright.chromium.launch(executable_path=find_chromium(), args=arguments)


def log_in(page: Page, url: str, name: str, password: str) -> None:
    """Log a user in at the Hub at ``url``, as they do it themselves."""
    page.goto(f"{url}/hub/login")
    page.get_by_label("Username").fill(name)
    page.locator("#password_input").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/hub/spawn|/user/|/services/platform/"))
