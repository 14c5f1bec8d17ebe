"""Whatever people write into names and titles stays text on every page."""

import re

from tests.service.conftest import POLICY, PREFIX, Running

PAYLOAD = "<img src=x onerror=alert(1)>\\\"'</script><script>alert(2)</script>{{ 7*7 }}"
SHOWN = "&lt;img src=x onerror=alert(1)&gt;"


def _poisoned() -> str:
    """Return the policy with every title and description replaced."""
    text = POLICY.read_text()
    text = re.sub(r"title: [A-Z][A-Za-z ]*", lambda _: f'title: "{PAYLOAD}"', text)
    return re.sub(r"description: .*", lambda _: f'description: "{PAYLOAD}"', text)


async def test_titles_are_text_on_every_page(running: Running) -> None:
    running.filled.publish(_poisoned())
    running.filled.start("dev1", "train", "medium", "vision")
    denied = running.filled.start("dev1", "<b>x", "large", "language")
    pages = ("", "overview", "people", "people/dev1", "tiers", f"decisions/{denied}")
    async with running.browser("admin") as browser:
        running.hub.logged_in = "dev1"
        texts = {"own": (await browser.get(PREFIX)).text}
    async with running.browser("admin") as browser:
        for page in pages:
            answer = await browser.get(PREFIX + page)
            assert answer.status_code == 200, page
            texts[page] = answer.text
    for page, text in texts.items():
        assert "<img src=x" not in text, page
        assert "alert(2)</script>" not in text, page
        assert ">49<" not in text, page
        assert "<b>x" not in text, page
    for page in ("own", "overview", "people", "people/dev1", "tiers"):
        assert SHOWN in texts[page], page


async def test_arguments_of_an_address_are_escaped(running: Running) -> None:
    async with running.browser("admin") as browser:
        addresses = (
            f"overview?search={PAYLOAD}&sort=user",
            f"people?search={PAYLOAD}",
            f"?stopped={PAYLOAD}&server={PAYLOAD}",
            f"servers/stop?user={PAYLOAD}&server={PAYLOAD}&back={PAYLOAD}",
            f"overview?sort={PAYLOAD}",
        )
        for address in addresses:
            answer = await browser.get(PREFIX + address)
            assert answer.status_code in {200, 400}, address
            assert "<img src=x" not in answer.text, address
            assert "alert(2)</script>" not in answer.text, address


async def test_only_scripts_of_the_templates_carry_the_nonce(running: Running) -> None:
    running.filled.publish(_poisoned())
    async with running.browser("admin") as browser:
        answer = await browser.get(PREFIX + "tiers")
        again = await browser.get(PREFIX + "tiers")
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce
    scripts = re.findall(r"<script[^>]*>", answer.text)
    assert scripts
    assert all(f'nonce="{nonce[1]}"' in script for script in scripts)
    assert nonce[1] not in again.headers["content-security-policy"]
