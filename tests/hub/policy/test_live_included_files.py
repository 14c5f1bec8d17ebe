"""A policy in several files under a running Hub: one changes, one is added, one breaks."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from jupyterhub_platform.cli.main import main
from tests.support.hub_fixtures import PLAIN_TIER, hub_of, token_of
from tests.support.live_hub import Api, LiveHub, wait_for

pytestmark = pytest.mark.hub

DECLARED = "  dev1: {level: developer}\n"
WHOLE = f"version: 1\nusers:\n  admin: {{level: admin}}\n{DECLARED}{PLAIN_TIER}"
SPLIT = WHOLE.replace(DECLARED, "").replace("users:", "include: [groups.yaml, people]\nusers:")
GROUPS = "groups:\n  vision:\n    member_quota: {servers: 2}\n"
DEV1 = "# of the team vision\nusers:\n  dev1: {level: developer, groups: [vision]}\n"
SOON = 10.0

hub = hub_of(WHOLE)
admin = token_of("admin")


def write(hub: LiveHub, name: str, text: str) -> Path:
    """Replace a file as an editor does."""
    path = hub.policy.parent / name
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)
    return path


@pytest.fixture(scope="module")
def dev1(hub: LiveHub) -> Api:
    """Return the API of who is declared in an included file, once the Hub has read it."""
    dev1 = hub.token("dev1")
    write(hub, "groups.yaml", GROUPS)
    write(hub, "people/vision.yaml", DEV1)
    write(hub, "platform.yaml", SPLIT)
    wait_for(lambda: limit_of(dev1) == 2, "the quota of an included group", SOON)
    return dev1


@pytest.fixture
def revert(hub: LiveHub, admin: Api, dev1: Api) -> Callable[[], None]:
    def put() -> None:
        write(hub, "groups.yaml", GROUPS)
        write(hub, "people/vision.yaml", DEV1)
        assert admin.post("platform/reload").status_code == 200

    return put


def said(hub: LiveHub) -> str:
    """Return what the file says of people by what the Hub knows of them."""
    return str([each["name"] for each in hub.token("admin").get("users").json()])


def limit_of(api: Api) -> int | None:
    usage = api.get("platform/usage").json()
    limits = [limit for account in usage["accounts"] for limit in account["limits"]]
    path = "groups.vision.member_quota.servers"
    return next((each["limit"] for each in limits if each["path"] == path), None)


def jhp(hub: LiveHub, *words: str, code: int = 0) -> str:
    line = [*words, "--state", str(hub.state)]
    done = CliRunner(catch_exceptions=False).invoke(main, line)
    assert done.exit_code == code, done.output
    return done.output


def test_a_change_of_one_file_takes_effect_by_itself_and_a_broken_one_does_not(
    hub: LiveHub, admin: Api, dev1: Api, revert: Callable[[], None]
) -> None:
    write(hub, "groups.yaml", GROUPS.replace("servers: 2", "servers: 1"))
    wait_for(lambda: limit_of(dev1) == 1, "the new quota", SOON)
    seen = len(hub.terminal.read_text())
    file = write(hub, "groups.yaml", GROUPS.replace("servers: 2", "servers: banana"))

    def told() -> str:
        return hub.terminal.read_text()[seen:]

    wait_for(lambda: f"{file}:3: groups.vision.member_quota.servers" in told(), "it", SOON)
    (fault,) = admin.get("platform/health").json()["policy"]["faults"]
    assert fault.startswith(f"{file}:3: ")
    assert "Traceback" not in told()
    assert limit_of(dev1) == 1
    file.unlink()
    wait_for(lambda: f"{hub.policy}:2: include.0: {file} cannot be read" in told(), "it", SOON)
    assert limit_of(dev1) == 1
    revert()
    assert limit_of(dev1) == 2
    health = admin.get("platform/health").json()["policy"]
    assert (health["faults"], health["digest"]) == ([], health["file_digest"])


def test_a_file_that_is_added_to_a_folder_takes_effect_and_so_does_its_end(
    hub: LiveHub, admin: Api, dev1: Api
) -> None:
    added = write(hub, "people/nlp.yaml", "users:\n  dev2: {groups: [vision]}\n")
    wait_for(lambda: "dev2" in said(hub), "the added user", SOON)
    assert set(admin.get("users/dev2").json()["groups"]) >= {"vision"}
    added.unlink()
    wait_for(lambda: "vision" not in admin.get("users/dev2").json()["groups"], "their end", SOON)


def test_pages_and_commands_name_the_file_and_its_line(hub: LiveHub, dev1: Api) -> None:
    at = "people/vision.yaml:3"
    assert at in jhp(hub, "explain", "dev1")
    assert at in hub.login("admin").visit("/services/platform/people/dev1").text
    assert at in jhp(hub, "user", "show", "dev1")


def test_a_user_moves_out_of_an_included_file_and_back(hub: LiveHub, dev1: Api) -> None:
    file, before = hub.policy.parent / "people" / "vision.yaml", hub.policy.read_text()
    write(hub, "people/nlp.yaml", "users:\n  dev3: {}\n")
    wait_for(lambda: "dev3" in said(hub), "another user", SOON)
    jhp(hub, "release", "user", "dev1", "--reason", "changes daily")
    assert file.read_text() == "# of the team vision\nusers: {}\n"
    assert "managed in the Hub" in jhp(hub, "user", "show", "dev1")
    refused = jhp(hub, "adopt", "user", "dev1", "--part", "x.yaml", "--reason", "git", code=2)
    assert f"{hub.policy} does not include x.yaml." in refused
    told = jhp(hub, "adopt", "user", "dev1", "--part", "people/vision.yaml", "--reason", "git")
    assert f"The user dev1 is declared in {file} now" in told
    assert "dev1:" in file.read_text()
    assert hub.policy.read_text() == before
    assert f"declared at {file}:3" in jhp(hub, "user", "show", "dev1")
