"""A start that names no account, through every door: the form, the Hub's API, ``jhp start``."""

import html
import json
import re

import pytest
from click.testing import CliRunner

from jupyterhub_platform.cli.main import main
from tests.support.hub_fixtures import PLAIN_TIER, hub_of, token_of
from tests.support.live_hub import Api, LiveHub

pytestmark = pytest.mark.hub

POLICY = (
    """\
version: 1
defaults: {tier: small}
users:
  admin: {level: admin}
  named: {level: developer, account: vision}
  last: {level: developer}
  marked: {level: developer}
  left: {level: developer, account: music}
groups:
  text: {members: [named, last]}
  vision: {members: [named, last]}
  lab: {default: true, members: [marked]}
  music: {members: [marked]}
  art: {members: [left]}
  film: {members: [left]}
"""
    + PLAIN_TIER
)
SITE = """
c.JupyterHub.services = [{"name": "scheduler", "api_token": "0123456789abcdef0123456789abcdef"}]
c.JupyterHub.load_roles = [
    {"name": "scheduler", "services": ["scheduler"], "scopes": ["servers", "read:users"]}
]
"""
hub = hub_of(POLICY, site=SITE)
admin = token_of("admin")


def charged(admin: Api, name: str) -> list[str]:
    """Return what is charged for the servers of a user."""
    used = admin.get("platform/usage", params={"user": name}).json()
    return [each["account"] for each in used["servers"]]


def default_of(admin: Api, name: str) -> dict[str, str]:
    used = admin.get("platform/usage", params={"user": name}).json()
    default: dict[str, str] = used["default_account"]
    return default


def shown(hub: LiveHub, name: str) -> str:
    page = hub.login(name).get("/hub/spawn").text
    [account] = re.findall(r'name="account" value="([^"]*)"', page)
    return f"{account}: {html.unescape(page)}"


def test_the_account_that_the_policy_names(hub: LiveHub, admin: Api) -> None:
    assert default_of(admin, "named") == {"name": "vision", "rule": "users.named.account"}
    page = shown(hub, "named")
    assert page.startswith("vision: ")
    assert "It is your default account." in page
    named = hub.token("named")
    assert named.post("users/named/server").status_code in {201, 202}
    named.wait_until_ready("named")
    assert charged(admin, "named") == ["vision"]
    named.stop("named")
    # What is named now counts, and what the server was started with does not.
    assert named.start("named", account="text").status_code in {201, 202}
    named.wait_until_ready("named")
    assert charged(admin, "named") == ["text"]
    named.stop("named")
    assert admin.post("users/named/server").status_code in {201, 202}
    named.wait_until_ready("named")
    assert charged(admin, "named") == ["vision"]
    named.stop("named")


def test_the_account_that_was_charged_last(hub: LiveHub, admin: Api) -> None:
    last = hub.token("last")
    refused = last.post("users/last/servers/a")
    assert refused.status_code == 400
    assert "Name the account that is charged." in refused.text
    assert last.start("last", "a", account="text").status_code in {201, 202}
    last.wait_until_ready("last", "a")
    last.stop("last", "a")
    assert default_of(admin, "last") == {"name": "text", "rule": "charged last"}
    page = shown(hub, "last")
    assert page.startswith("text: ")
    assert "It was charged for your last server." in page
    scheduler = Api(hub.url, "0123456789abcdef0123456789abcdef")
    assert scheduler.post("users/last/servers/b").status_code in {201, 202}
    last.wait_until_ready("last", "b")
    assert charged(admin, "last") == ["text"]
    scheduler.close()
    last.stop("last", "b")


def test_the_group_that_is_marked_and_a_terminal(hub: LiveHub, admin: Api) -> None:
    assert default_of(admin, "marked") == {"name": "lab", "rule": "groups.lab.default"}
    assert "It is the default account of this platform." in shown(hub, "marked")
    run = CliRunner(catch_exceptions=False).invoke
    line = ["--state", str(hub.state)]
    token = {"JUPYTERHUB_API_TOKEN": hub.token("marked").token}
    started = run(main, ["start", "marked", "--url", hub.url], env=token)
    assert started.exit_code == 0, started.output
    assert charged(admin, "marked") == ["lab"]
    told = run(main, ["explain", "marked", *line])
    assert "Starts that name no account are charged to lab: charged last." in told.stdout
    hub.token("marked").stop("marked")
    told = run(main, ["explain", "named", *line, "--json"])
    assert json.loads(told.stdout)["default_account"]["rule"] == "users.named.account"


def test_a_group_that_was_left_is_passed_over(hub: LiveHub, admin: Api) -> None:
    left = hub.token("left")
    refused = left.post("users/left/server")
    assert "You are in art and film. Name the account" in refused.text
    assert default_of(admin, "left") == {"name": "", "rule": ""}
    named = left.start("left", account="music")
    assert (named.status_code, "not a member of 'music'" in named.text) == (403, True)


def test_a_managed_user_has_one_by_every_door(hub: LiveHub, admin: Api) -> None:
    run = CliRunner(catch_exceptions=False).invoke
    line = ["--group", "lab", "--account", "lab", "--reason", "a test", "--state", str(hub.state)]
    made = run(main, ["user", "add", "newcomer", *line])
    assert made.exit_code == 0, made.output
    kept = admin.get("platform/users/newcomer").json()["document"]
    assert kept["account"] == "lab"
