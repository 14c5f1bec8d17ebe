"""The objects of ``jhp`` on a real Hub: what is made, changed, retired, and taken back."""

import getpass
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jupyterhub_platform.cli.main import main
from tests.support.live_hub import Api, LiveHub, running

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
name: Nouns
defaults: {tier: small, member_quota: {servers: 2}}
users:
  admin: {level: admin}
  boss: {level: manager}
  dev1: {level: developer}
groups:
  vision: {members: [dev1], managers: [boss], quota: {servers: 3}}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}
"""


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), POLICY)) as hub:
        yield hub


@pytest.fixture(scope="module")
def admin(hub: LiveHub) -> Api:
    return hub.token("admin")


class Terminal:
    """Runs ``jhp`` against one Hub."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def run(self, line: str, given: str = "") -> Result:
        words = [*shlex.split(line), *([] if "--state" in line else ["--state", str(self.state)])]
        return CliRunner(catch_exceptions=False).invoke(main, words, input=given)

    def done(self, line: str, given: str = "") -> Result:
        result = self.run(line, given)
        assert result.exit_code == 0, result.output
        return result

    def json(self, line: str) -> Any:
        return json.loads(self.done(f"{line} --json").stdout)

    def refused(self, line: str, *words: str, code: int = 1) -> str:
        result = self.run(line)
        assert (result.exit_code, result.stdout) == (code, ""), result.output
        for word in words:
            assert word in result.stderr
        assert "Traceback" not in result.stderr
        return result.stderr


@pytest.fixture
def jhp(hub: LiveHub) -> Terminal:
    return Terminal(hub.state)


def undo(jhp: Terminal, done: Result) -> Result:
    """Run the command that takes a change back, as it was printed."""
    (command,) = re.findall(r"^To undo it: \S*jhp (.*)$", done.stderr, re.MULTILINE)
    return jhp.done(command.replace("…", "wrong"))


def test_a_group_is_made_changed_and_each_change_is_taken_back(jhp: Terminal, admin: Api) -> None:
    made = jhp.done(
        "group add video --title Video --member dev1 --quota servers=1 --quota memory=2Gi "
        "--reason new"
    )
    assert "Made the group video: revision" in made.stdout
    assert "  + members: dev1" in made.stdout
    group = {"title": "Video", "members": ["dev1"], "quota": {"servers": 1, "memory": "2Gi"}}
    assert admin.get("platform/groups/video").json()["document"] == group
    changed = jhp.done("group set video --manager boss --quota servers=2 --reason more")
    assert "  - quota.servers: 1\n  + quota.servers: 2\n" in changed.stdout
    now = jhp.json("group show video")
    more = {"managers": ["boss"], "quota": {"servers": 2, "memory": "2Gi"}}
    assert now["document"] == group | more
    assert (now["by"], now["version"]) == (f"unix:{getpass.getuser()}", 2)
    undo(jhp, changed)
    assert jhp.json("group show video")["document"] == group
    less = jhp.done("group set video --remove-member dev1 --unset quota.memory --reason less")
    assert jhp.json("group show video")["document"] == {
        **group,
        "members": [],
        "quota": {"servers": 1},
    }
    assert "  - quota.memory: 2Gi" in less.stdout
    retired = jhp.done("group retire video --reason done")
    assert "video" not in admin.get("users/dev1").json()["groups"]
    undo(jhp, retired)
    assert jhp.json("group show video")["document"]["title"] == "Video"
    jhp.done("group retire video --reason done")


def test_a_user_joins_groups_and_the_undo_of_making_retires_them(jhp: Terminal, admin: Api) -> None:
    jhp.done("group add team --reason new")
    made = jhp.done("user add kim --level user --title 'Kim B' --group team --reason joined")
    assert set(admin.get("users/kim").json()["groups"]) == {"team", "level:user"}
    listed = jhp.done("user ls --search kim").stdout.splitlines()
    assert listed[0].split()[:3] == ["NAME", "LEVEL", "GROUPS"]
    assert listed[1].split()[:3] == ["kim", "user", "team"]
    assert [line["name"] for line in jhp.json("user ls --search kim")] == ["kim"]
    retired = undo(jhp, made)
    assert admin.get("users/kim").json()["groups"] == []
    undo(jhp, retired)
    assert set(admin.get("users/kim").json()["groups"]) == {"team", "level:user"}
    jhp.done("user retire kim --reason done")
    jhp.done("group retire team --reason done")


def test_a_tier_of_a_document_with_options_on_top(jhp: Terminal, tmp_path: Path) -> None:
    text = "requests: {cpu: 100m, memory: 256Mi}\nimages: [lab]\nmax_lifetime: 2h\n"
    jhp.done("tier add night --document - --allow-group vision --reason nightly", text)
    document = jhp.json("tier show night")["document"]
    assert document["access"] == {"groups": ["vision"]}
    assert document["max_lifetime"] == "2h"
    jhp.done("image add new --reference quay.io/jupyter/new:1 --reason newer")
    jhp.done("tier set night --image new --remove-image lab --request cpu=200m --reason newer")
    document = jhp.json("tier show night")["document"]
    assert (document["images"], document["requests"]["cpu"]) == (["new"], "200m")
    refused = jhp.run("image retire new --reason gone")
    assert (refused.exit_code, "still named by tiers.night" in refused.stderr) == (1, True)
    assert "night" in jhp.done("tier ls").stdout
    for noun in ("tier retire night", "image retire new"):
        jhp.done(f"{noun} --reason done")


def test_a_grant_lasts_for_a_time_and_is_shortened(jhp: Terminal) -> None:
    wanted = "grant add --user dev1 --account vision --add servers=1 --for 2d --reason x"
    jhp.refused(wanted, "--by admin", code=2)
    made = jhp.json(f"{wanted} --by boss")
    assert (made["after"]["by"], made["after"]["add"]) == ("boss", {"servers": 1})
    name = made["name"]
    shorter = jhp.done(f"grant set {name} --until 2030-01-31T18:00:00Z --reason longer")
    assert "+ until: 2030-01-31T18:00:00+00:00" in shorter.stdout
    jhp.done(f"grant retire {name} --reason done")
    jhp.refused("grant add --user dev1 --add servers=1 --reason x", "--for 2d", code=2)
    both = "grant add --user dev1 --add servers=1 --for 2d --until 3d --reason x"
    jhp.refused(both, "exclude each other", code=2)
    jhp.refused("grant add --user dev1 --for soon --reason x", "--for", "8h or 7d", code=2)


def test_what_is_declared_is_shown_with_its_line_and_not_changed(jhp: Terminal) -> None:
    assert "declared at" in jhp.done("group show vision").stdout
    jhp.refused("group set vision --title X --reason x", "platform.yaml:9", "jhp release group")
    jhp.refused("group retire vision --reason x", "platform.yaml:9")
    jhp.refused("group add vision --reason x", "platform.yaml:9")
    jhp.refused("user show nobody", "There is no user")


def test_a_dry_run_and_each_fault_change_nothing(jhp: Terminal) -> None:
    tried = jhp.done("group add tried --title Tried --reason x --dry-run")
    assert "The group tried would be made. Nothing was changed." in tried.stdout
    assert "To undo" not in tried.stderr
    jhp.refused("group show tried", "There is no group")
    jhp.refused("group add faulty --member nobody --quota cpu=lots --reason x", "nobody", "lots")
    jhp.refused("group add faulty --quota cpu --reason x", "RESOURCE=AMOUNT", code=2)
    jhp.refused("group add faulty", "--reason", code=2)
    made = jhp.done("group add once --reason x")
    jhp.refused("group add once --reason x", "has version 1 now", "what you wanted")
    jhp.refused("group set once --reason x", "says already", code=2)
    jhp.refused("group set once --unset quota.cpu --reason x", "nothing at 'quota.cpu'", code=2)
    undo(jhp, made)


def test_people_of_a_table_are_added_whole_and_a_second_run_goes_on(
    jhp: Terminal, admin: Api, tmp_path: Path
) -> None:
    table = tmp_path / "people.csv"
    jhp.done("group add course --reason new")
    table.write_text("name,level,title,groups\nana,user,Ana,course\nben,boss,,\nana,user,,\n")
    faulty = jhp.run(f"user add --from {table} --reason course")
    assert (faulty.exit_code, "2 faults" in faulty.stderr) == (1, True), faulty.output
    assert f"{table}:4 repeats ana of line 2" in faulty.stdout
    assert f"{table}:3 " in faulty.stdout
    jhp.refused("user show ana", "There is no user")
    table.write_text("name,level,title,groups\nana,user,Ana,course\nBen,viewer,,\n")
    tried = jhp.done(f"user add --from {table} --reason course --dry-run")
    assert "  + ana as user to course\n  + ben as viewer\n" in tried.stdout
    assert "  1 user can start small\n2 users would be added." in tried.stdout
    jhp.refused("user show ana", "There is no user")
    # Interrupted after the first row.
    jhp.done("user add ana --level user --title Ana --group course --reason course")
    done = jhp.done(f"user add --from {table} --reason course")
    assert "1 user added; 1 in place already." in done.stdout
    assert set(admin.get("users/ana").json()["groups"]) == {"course", "level:user"}
    undo(jhp, done)
    jhp.refused("user show ben", "There is no user")
    table.write_text(
        'title,name,groups\n=1+1,cat,\nok,dan,course\n"two\nlines",eve,\nok,fay,nothing\n'
    )
    faulty = jhp.run(f"user add --from-csv {table} --reason course --json")
    faults = json.loads(faulty.stdout)["faults"]
    assert faulty.exit_code == 1
    assert faults[0].startswith(f"{table}:2 begins as a formula")
    assert [re.findall(r"\(column (\d), (\w+)\)$", each) for each in faults] == [
        [("1", "title")],
        [("1", "title")],
        [("3", "groups")],
    ], faults
    table.write_text("name,age\nana,7\n")
    jhp.refused(f"user add --from {table} --reason x", "has the columns name, age", code=2)
    jhp.refused("user add --reason x", "--from", code=2)


def test_servers_are_listed_explained_read_and_stopped(hub: LiveHub, jhp: Terminal) -> None:
    dev1 = hub.token("dev1")
    assert dev1.start("dev1", "train", tier="small", account="vision").status_code in {201, 202}
    dev1.wait_until_ready("dev1", "train")
    rows = jhp.done("ls").stdout.splitlines()
    assert rows[0].split()[:3] == ["SERVER", "TIER", "ACCOUNT"]
    assert rows[1].split()[:4] == ["dev1/train", "small", "vision", "lab"]
    assert [line["server"] for line in jhp.json("ls --search small")] == ["train"]
    assert jhp.done("ls --search nothing").stdout == ""
    said = jhp.done("explain dev1").stdout
    assert "dev1 is developer: users.dev1, declared at" in said
    assert "groups.vision.quota.servers" in said
    assert "platform.yaml:9" in said
    assert jhp.run("logs dev1/train").exit_code == 0
    assert "There is no log of dev1/other" in jhp.refused("logs dev1/other")
    assert jhp.run("stop dev1/train", "n\n").exit_code == 1
    assert "train" in hub.token("admin").servers("dev1")
    jhp.done("stop dev1/train --yes")
    jhp.refused("stop nobody --yes", "does not run")


def test_a_user_joins_a_declared_group_and_leaves_it(jhp: Terminal) -> None:
    jhp.done("user add joiner --level user --group vision --reason new")
    document = {"level": "user", "groups": ["vision"]}
    assert jhp.json("user show joiner")["document"] == document
    assert re.search(r"vision +member +managed in the Hub", jhp.done("explain joiner").stdout)
    jhp.done("user set joiner --remove-group vision --reason moved")
    assert not re.search(r"vision +member", jhp.done("explain joiner").stdout)


def test_who_may_do_something_is_listed_with_the_rule(jhp: Terminal) -> None:
    jhp.done("group add helpers --member dev1 --manager boss --reason new")
    jhp.done(
        "tier add own --request cpu=100m --request memory=256Mi --image lab "
        "--allow-group helpers --reason new"
    )
    lines = jhp.json("who-can start own")
    assert [(each["name"], each["account"], each["rule"]) for each in lines] == [
        ("boss", "helpers", "tiers.own.access.groups"),
        ("dev1", "helpers", "tiers.own.access.groups"),
    ]
    assert {each["declared_at"] for each in lines} == {""}
    managers = jhp.done("who-can manage vision").stdout
    assert "groups.vision.managers" in managers
    assert "users.admin.level" in managers
    assert "managed in the Hub" in jhp.done("explain dev1").stdout
    jhp.refused("who-can start nothing", "tier")
    jhp.refused("who-can fly own", "fly", code=2)
    jhp.done("tier retire own --reason done")
    jhp.done("group retire helpers --reason done")


def test_an_object_goes_into_the_file_and_back_while_its_member_works(
    hub: LiveHub, jhp: Terminal
) -> None:
    before = hub.policy.read_text()
    jhp.done("group add moving --member dev1 --quota servers=1 --reason new")
    tried = jhp.done("adopt group moving --reason git --dry-run")
    assert "would be declared" in tried.stdout
    assert hub.policy.read_text() == before
    adopted = jhp.done("adopt group moving --reason git")
    assert "  moving:\n    members:\n    - dev1\n    quota:\n      servers: 1\n" in (
        hub.policy.read_text()
    )
    assert jhp.json("group show moving")["source"] == "declared"
    assert "declared already" in jhp.done("adopt group moving --reason git").stdout
    assert "was in force already" in jhp.done("policy reload").stdout
    undo(jhp, adopted)
    assert hub.policy.read_text() == before
    assert jhp.json("group show moving")["source"] == "managed"
    assert "was in force already" in jhp.done("policy reload").stdout
    assert "managed in the Hub already" in jhp.done("release group moving --reason x").stdout
    jhp.refused("release group nothing --reason x", "There is no group")
    jhp.refused("release user dev1 --reason x", "dev1")
    jhp.refused("adopt user dev1 --into /nowhere --reason x", "/nowhere", code=2)


def test_a_file_that_declares_a_managed_name_is_settled_either_way(
    hub: LiveHub, jhp: Terminal
) -> None:
    before = hub.policy.read_text()
    jhp.done("group add both --title Managed --reason new")
    hub.policy.write_text(before.replace("images:", "  both: {title: File}\nimages:", 1))
    fault = jhp.refused("policy reload", "422")
    assert "last good policy" in fault
    assert jhp.json("group show both")["document"] == {"title": "Managed"}
    jhp.refused("adopt group both --reason x", "says something else", "--take-file")
    jhp.done("adopt group both --take-file --reason x")
    assert jhp.json("group show both")["document"] == {"title": "File"}
    hub.policy.write_text(before)
    jhp.done("policy reload")
    jhp.refused("group show both", "There is no group")


def test_a_request_is_made_listed_approved_and_refused(
    hub: LiveHub, jhp: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub.token("dev1").token)
    ask = f"request add --account vision --add servers=1 --for 2d --reason paper --url {hub.url}"
    made = jhp.json(ask)
    assert (made["user"], made["state"]) == ("dev1", "open")
    second = jhp.json(ask.replace("servers=1", "servers=2"))
    withdrawn = jhp.done(f"request withdraw {second['id']} --reason twice --url {hub.url}")
    assert "Withdrew: dev1 in vision" in withdrawn.stdout
    # The token of this machine is no user's, and a grant names a user who decided on it.
    jhp.refused(f"request approve {made['id']} --reason enough", "403", "no user", "jhp login")
    given = "bulk run grant dev1 --account vision --add servers=1 --for 2d --reason enough"
    jhp.refused(given, "400", "no user", "--by")
    assert "0 refused" in jhp.done(f"{given} --by admin --dry-run").stdout
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub.token("boss").token)
    rows = jhp.done(f"request ls --only open --url {hub.url}").stdout.splitlines()
    assert (len(rows), "add servers=1 for 2 d" in rows[1]) == (2, True)
    answer = f"request approve {made['id']} --for 1d --reason enough --url {hub.url}"
    assert "Approved: dev1 in vision" in jhp.done(answer).stdout
    jhp.refused(f"request refuse {made['id']} --reason no --url {hub.url}", "409")
