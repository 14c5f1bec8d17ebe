"""A policy file that breaks under a running Hub: shown on Overview, and so is its repair."""

import re
from pathlib import Path

import pytest

from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import LiveHub, Session, wait_for

pytestmark = pytest.mark.hub

EXAMPLE = Path("examples/local/platform.yaml")
SOON = 10.0
GOOD = EXAMPLE.read_text()
BROKEN: dict[str, str | None] = {
    "a tier that is not there": GOOD.replace("tier: small", "tier: banana"),
    "no YAML": "version: [1",
    "not UTF-8": GOOD.replace("version", "vers\udcffion"),
    "too large": GOOD + "#" * 2**24,
    "a directory": "",
    "gone": None,
}


hub = hub_of(GOOD)


@pytest.fixture(scope="module")
def browsers(hub: LiveHub) -> dict[str, Session]:
    return {name: hub.login(name) for name in ("admin", "auditor", "manager")}


def put(hub: LiveHub, text: str | None) -> None:
    """Put something in the place of the policy file."""
    if hub.policy.is_dir():
        hub.policy.rmdir()
    hub.policy.unlink(missing_ok=True)
    if text == "":
        hub.policy.mkdir()
    elif text is not None:
        draft = hub.policy.with_suffix(".draft")
        draft.write_text(text, errors="surrogateescape")
        draft.rename(hub.policy)


@pytest.mark.parametrize("kind", BROKEN)
def test_faults_are_shown_and_their_repair_is_told(
    hub: LiveHub, browsers: dict[str, Session], kind: str
) -> None:
    seen = len(hub.terminal.read_text())

    def said() -> str:
        return hub.terminal.read_text()[seen:]

    def shown(name: str) -> str:
        answer = browsers[name].visit("/services/platform/overview")
        assert answer.status_code == 200
        return str(answer.text)

    put(hub, BROKEN[kind])
    try:
        wait_for(lambda: "stays in force. What is wrong" in said(), "the fault to be told", SOON)
        for name in ("admin", "auditor"):
            assert "Faults in the policy file" in shown(name)
        assert "revision 1 stays in force. No server runs; nothing needs attention." in shown(
            "admin"
        )
        assert str(hub.policy) in shown("admin")
        health = hub.token("auditor").get("platform/health").json()["policy"]
        assert health["faults"]
        assert health["faulty_since"]
        assert "Faults in the policy file" not in shown("manager")
    finally:
        put(hub, GOOD)
    wait_for(lambda: "has no faults any more, and is in force: revision 1" in said(), "it", SOON)
    (told,) = [line for line in said().splitlines() if "no faults any more" in line]
    assert re.match(r"\d\d:\d\d:\d\d  The policy file", told)
    assert "Traceback" not in said()
    for name in browsers:
        assert "Faults in the policy file" not in shown(name)
