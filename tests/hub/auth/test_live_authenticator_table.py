"""Authenticators of sites and their settings together: level, groups and roles in every cell."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hub.auth.authenticator_rows import (
    FIRST,
    LATER,
    POLICY,
    ROWS,
    RULES,
    SETTINGS,
    Cell,
    Row,
)
from tests.hub.auth.authenticators import Authenticator, running_authenticator
from tests.support.live_hub import Api, LiveHub, Session, running

pytestmark = [pytest.mark.hub, pytest.mark.full]

READER = "0123456789abcdef0123456789abcdef"
ALWAYS = f"""
c.JupyterHub.services = [{{"name": "reader", "api_token": {READER!r}}}]
c.JupyterHub.load_roles = [
    {{
        "name": "reader",
        "services": ["reader"],
        "scopes": ["read:users", "read:roles:users", "custom:platform:read"],
    }}
]
"""


def configure(authenticator: Authenticator, settings: frozenset[str]) -> str:
    lines = [ALWAYS, authenticator.configure()]
    lines += [SETTINGS[each] for each in SETTINGS if each in settings]
    if "manage_groups" in settings:
        lines.append(authenticator.configure_groups())
    if "allowed_groups" not in settings:
        lines.append("c.Authenticator.allow_all = True")
    return "\n".join(lines)


def read_cell(reader: Api) -> Cell:
    """Return what the Hub has of kim, who is asked nothing."""
    known = reader.get("users/kim").json()
    used = reader.get("platform/usage", params={"user": "kim"}).json()
    levels = {each for each in known["groups"] if each.lower().startswith("level:")}
    assert levels == {f"level:{used['level']}"}
    groups = frozenset(known["groups"]) - levels
    accounts = {each["group"] for each in used["memberships"]}
    assert accounts == groups & {"vision", "research", "language"}
    assert not known["admin"]
    return Cell(used["level"], groups, frozenset(known["roles"]) - {"user"})


@pytest.mark.parametrize("said", ROWS, ids=lambda said: f"{said.authenticator}, {said.name}")
def test_every_cell_is_right(said: Row, make_directory: Callable[[], Path]) -> None:
    directory = make_directory()
    with running_authenticator(said.authenticator, directory) as authenticator:
        authenticator.say(FIRST)
        policy = POLICY
        if "rules" in said.settings:
            policy = POLICY.replace("  kim: {level: developer}\n", "").replace("kim, ", "") + RULES
        hub = LiveHub(
            directory,
            policy,
            site=configure(authenticator, said.settings),
            environment={"JUPYTERHUB_CRYPT_KEY": "ab" * 32},
        )
        with running(hub), Api(hub.url, READER) as reader, Session(hub.url, "") as kim:
            page = authenticator.log_in(kim)
            assert page.status_code == 200, page.text
            assert page.url.path == "/hub/token"
            assert read_cell(reader) == said.login
            authenticator.say(LATER)
            time.sleep(1.1 if "refresh" in said.settings else 0)
            assert kim.get("/hub/token").status_code == 200
            assert read_cell(reader) == said.refresh
            hub.kill_hub()
            hub.start()
            assert read_cell(reader) == said.refresh
            assert kim.get("/hub/token").status_code == 200
            assert read_cell(reader) == said.restart
