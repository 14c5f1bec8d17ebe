"""``jhp invite``: a link that works, shown once; and what it says where there can be none."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub_fixtures import PLAIN_TIER, hub_of
from tests.support.live_hub import LiveHub, Session, hidden_xsrf

POLICY = (
    """\
version: 1
name: Invites
defaults: {tier: small}
users:
  admin: {level: admin}
  paul: {level: developer}
  rita: {level: developer}
groups:
  vision: {members: [paul, rita, admin], member_quota: {servers: 1}}
"""
    + PLAIN_TIER
)
WORDS = "four words that nobody guesses"


def jhp(*arguments: str, state: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``jhp`` as a shell does."""
    command = [sys.executable, "-m", "jupyterhub_platform", *arguments, "--state", str(state)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False, env=environment or None
    )


hub = hub_of(POLICY)


@pytest.fixture
def person(hub: LiveHub) -> Iterator[Session]:
    with Session(hub.url, "paul") as session:
        yield session


@pytest.mark.hub
def test_link_works_until_the_next_one_and_sets_a_password(hub: LiveHub, person: Session) -> None:
    plain = jhp("invite", "paul", state=hub.state)
    assert plain.returncode == 0
    assert plain.stdout.startswith(f"{hub.url}/hub/invite/?token=")
    assert plain.stdout.count("\n") == 1
    assert "Give this link to paul alone." in plain.stderr
    answer = json.loads(jhp("invite", "paul", "--json", "--hours", "2", state=hub.state).stdout)
    assert sorted(answer) == ["expires_at", "url", "user"]
    assert person.get(plain.stdout.strip()).status_code == 410
    page = person.get(answer["url"])
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    assert token
    form = {"_xsrf": hidden_xsrf(page.text), "token": token[1], "password": WORDS, "again": WORDS}
    assert person.post("/hub/invite/", data=form).status_code == 200
    assert person.submit_login(WORDS).status_code == 302


@pytest.mark.hub
@pytest.mark.parametrize("name", ["stranger", "PAUL", "../paul", "a/b?c#d", "%2e%2e", "x" * 500])
def test_says_who_is_not_declared(hub: LiveHub, name: str) -> None:
    refused = jhp("invite", name, state=hub.state)
    assert refused.returncode == 1
    assert refused.stderr.startswith("The Hub refused (404): ")
    assert "is not declared in the policy. Declare them first." in refused.stderr
    assert refused.stdout == ""


@pytest.mark.hub
def test_another_hub_is_reached_with_the_callers_own_token(hub: LiveHub) -> None:
    mine, theirs = hub.token("admin").token, hub.token("rita").token
    asked = ("invite", "paul", "--url", hub.url)
    assert jhp(*asked, state=Path("nowhere"), JUPYTERHUB_API_TOKEN=mine).returncode == 0
    refused = jhp(*asked, state=Path("nowhere"), JUPYTERHUB_API_TOKEN=theirs)
    assert (refused.returncode, "403" in refused.stderr) == (1, True)
    assert "custom:platform:admin" in refused.stderr
    assert mine not in hub.log
    nobody = jhp(*asked, state=Path("nowhere"), PLATFORM_URL="")
    assert nobody.returncode == 1
    assert f"There is no token for {hub.url}. Log in with `jhp login --hub" in nobody.stderr
    assert "or make a token on its token page" in nobody.stderr


def test_says_that_no_platform_was_started_here(tmp_path: Path) -> None:
    refused = jhp("invite", "paul", state=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"No platform was started from {tmp_path}. Start one with")


def test_says_that_the_hub_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "command.json").write_text('{"url": "http://127.0.0.1:1", "token": "t"}')
    refused = jhp("invite", "paul", state=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("The Hub at http://127.0.0.1:1 does not answer: ")
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("hours", ["0", "721", "soon"])
def test_hours_beyond_a_month_are_a_misuse(tmp_path: Path, hours: str) -> None:
    assert jhp("invite", "paul", "--hours", hours, state=tmp_path).returncode == 2
