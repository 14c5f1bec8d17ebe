"""From a folder to a Hub that answers, and on: plan, apply, drift, rollback, each on a real Hub."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from click.testing import CliRunner

from jupyterhub_platform.cli.local.background import runs_in_background
from jupyterhub_platform.cli.main import main
from jupyterhub_platform.cli.state import State
from tests.cli.test_applied import git
from tests.support.live_hub import wait_for
from tests.support.seeds import dice_for

pytestmark = pytest.mark.hub

TEXT = """\
version: 1
name: Applied
users:
  ann: {level: admin}
  kim: {level: user}
groups: {vision: {members: [ann, kim]}}
images: {lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}}
tiers: {small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}}
"""


class Folder:
    """A repository with a policy, and ``jhp`` in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / "platform.yaml"
        self.state = State(path / ".jupyterhub-platform")
        git(path, "init", "-q")
        git(path, "config", "user.name", "ann")
        git(path, "config", "user.email", "ann@example.org")
        self.commit(TEXT, "one")
        self.first = (0, "", "")

    def commit(self, text: str, subject: str) -> None:
        self.file.write_text(text)
        git(self.path, "add", "platform.yaml")
        git(self.path, "commit", "-q", "--allow-empty", "-m", subject)

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "jupyterhub_platform", *words],
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "NO_COLOR": "1"},
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        with chdir(self.path):
            result = CliRunner(catch_exceptions=False).invoke(main, words)
        return result.exit_code, result.stdout, result.stderr

    def done(self, *words: str) -> str:
        code, out, err = self.run(*words)
        assert code == 0, out + err
        return out

    def read_digest(self) -> str:
        return str(json.loads(self.done("api", "readHealth"))["policy"]["digest"])

    def list_processes(self) -> list[psutil.Process]:
        word = str(self.state.directory)
        return [p for p in psutil.process_iter() if word in " ".join(_read_command(p))]


def _read_command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


@pytest.fixture(scope="module")
def folder(make_directory: Callable[[], Path]) -> Iterator[Folder]:
    """A folder that was applied, after an apply that was killed while the Hub began to start."""
    folder = Folder(make_directory())
    killed = folder.begin("apply")
    try:
        wait_for(lambda: runs_in_background(folder.state), "the Hub to begin")
        killed.kill()
        killed.communicate()
        folder.first = folder.run("apply")
        yield folder
    finally:
        code, out, err = folder.run("down", "--yes")
        assert code == 0, out + err
        left = folder.list_processes()
        for each in left:
            each.kill()
        assert left == []
        shutil.rmtree(folder.state.directory)


def test_an_apply_that_was_killed_at_the_start_is_completed_and_says_how_to_log_in(
    folder: Folder,
) -> None:
    code, out, err = folder.first
    assert code == 0, out + err
    found = re.search(r"Log in at (\S+) as ann, with the password (\S+)\.", out)
    assert found, out
    with httpx.Client(base_url=found[1], follow_redirects=True) as browser:
        page = browser.get("/hub/login")
        xsrf = browser.cookies.get("_xsrf") or ""
        assert page.status_code == 200
        logged_in = browser.post(
            "/hub/login", data={"username": "ann", "password": found[2], "_xsrf": xsrf}
        )
        assert "ann" in logged_in.text
        assert logged_in.status_code == 200
    assert len([p for p in folder.list_processes() if "up" in _read_command(p)]) == 1


def test_what_is_in_force_is_nothing_to_do(folder: Folder) -> None:
    plan = folder.done("plan")
    assert "Nothing to do: these files are in force." in plan
    assert "proxy: goes on: no connection drops" in plan
    assert "Nothing to do: revision" in folder.done("apply")
    assert "No drift: " in folder.done("drift")


def test_a_change_is_planned_applied_and_rolled_back(folder: Folder) -> None:
    before = folder.read_digest()
    folder.commit(TEXT.replace("kim: {level: user}", "kim: {level: viewer}"), "two")
    planned = json.loads(folder.done("plan", "--json"))
    assert planned["live"]
    assert [e["user"] for e in planned["policy"]["levels"]] == ["kim"]
    (folder.path / "plan.json").write_text(json.dumps(planned))
    done = json.loads(folder.done("apply", "--plan", "plan.json", "--json"))
    assert done["digest"] == folder.read_digest() == planned["proposed"]
    assert "Nothing to do" in folder.done("apply", "--plan", "plan.json")
    _, out, err = folder.run("rollback")
    assert "Rolled back to " in err
    assert "one" in err
    assert "is in force" in out
    assert folder.read_digest() == before


def test_a_plan_is_not_applied_to_something_else(folder: Folder) -> None:
    folder.commit(TEXT.replace("Applied", "Planned"), "three")
    plan = folder.path / "plan.json"
    plan.write_text(folder.done("plan", "--json"))
    digest = folder.read_digest()
    folder.done("group", "add", "extra", "--reason", "between")
    code, _, err = folder.run("apply", "--plan", "plan.json")
    assert (code, "Something else is in force than when it was planned" in err) == (1, True)
    folder.file.write_text(TEXT.replace("Applied", "Another"))
    code, _, err = folder.run("apply", "--plan", "plan.json")
    assert (code, "is not what was planned" in err) == (1, True)
    plan.write_text("{}")
    assert folder.run("apply", "--plan", "plan.json")[0] == 2
    assert folder.read_digest() == digest


def test_what_is_managed_is_neither_dropped_nor_overwritten(folder: Folder) -> None:
    folder.run("group", "add", "kept", "--reason", "by hand")
    folder.commit(TEXT.replace("groups: {", "groups: {kept: {}, "), "conflict")
    digest = folder.read_digest()
    for verb in ("plan", "apply"):
        code, out, err = folder.run(verb)
        assert code == 1
        assert "group kept is managed in the Hub" in out + err
        assert "jhp adopt group kept" in out + err
    assert folder.read_digest() == digest
    folder.commit(TEXT, "again")
    folder.done("apply")
    assert "Managed in the Hub beside the file: " in folder.done("drift")


def test_what_is_destructive_is_refused_until_it_is_allowed(folder: Folder) -> None:
    folder.commit(TEXT.replace("ann: {", "bob: {level: admin}\n  ann: {"), "two admins")
    folder.done("apply")
    folder.commit(TEXT, "one admin")
    for verb in ("plan", "apply"):
        code, out, err = folder.run(verb)
        assert code == 2
        assert "No admin any more: bob (--allow admins)" in out + err
    assert folder.run("apply", "--allow", "tier")[0] == 2
    folder.done("apply", "--allow", "admins")


def test_faults_are_said_with_their_lines_before_anything_is_written(folder: Folder) -> None:
    kept = (folder.state / "platform.yaml").read_text()
    folder.file.write_text(TEXT.replace("256Mi", "banana"))
    for verb in ("plan", "apply"):
        code, out, _ = folder.run(verb)
        assert (code, out.startswith("platform.yaml:8: ")) == (1, True)
    assert (folder.state / "platform.yaml").read_text() == kept


def test_a_change_by_hand_is_drift_until_the_next_apply(folder: Folder) -> None:
    folder.commit(TEXT, "drift")
    folder.done("apply")
    kept = folder.state / "platform.yaml"
    kept.write_text(TEXT.replace("kim: {", "eve: {level: user}\n  kim: {"))
    folder.done("policy", "reload")
    code, out, _ = folder.run("drift")
    assert code == 1
    assert "Another policy is in force than was applied: revision " in out
    assert "  added user eve" in out
    kept.write_text("broken: [")
    code, out, _ = folder.run("drift", "--json")
    assert (code, [e["code"] for e in json.loads(out)["drift"]]) == (1, ["policy", "file"])
    folder.done("apply")
    assert kept.read_text() == TEXT
    assert "No drift" in folder.done("drift")


def test_two_at_once_are_one_after_the_other_or_one(folder: Folder) -> None:
    folder.commit(TEXT.replace("Applied", "At once"), "at once")
    both = [folder.begin("apply") for _ in range(2)]
    ends = [(each.communicate(timeout=200), each.returncode) for each in both]
    refused = [err for (_, err), code in ends if code]
    assert len(refused) <= 1
    assert all("Another jhp applies to " in err for err in refused)
    assert "Nothing to do" in folder.done("apply")


def test_killed_at_any_instant_the_next_apply_ends_the_same(folder: Folder) -> None:
    dice = dice_for("killed applies")
    for number in range(5):
        folder.commit(TEXT.replace("Applied", f"Killed {number}"), f"killed {number}")
        process = folder.begin("apply")
        time.sleep(dice.uniform(0.5, 1.6))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done = json.loads(folder.done("apply", "--json"))
        assert done["digest"] == folder.read_digest()
        assert (folder.state / "platform.yaml").read_text() == folder.file.read_text()
        assert "No drift" in folder.done("drift")
        left = [p.name for p in folder.state.directory.iterdir() if p.name.startswith(".platform")]
        assert len(left) <= 1 + number


def test_a_hub_that_was_stopped_is_planned_by_what_it_left(folder: Folder) -> None:
    """The last one: it ends the Hub of this module, and the clean-up finds none."""
    folder.commit(TEXT.replace("kim: {level: user}", "kim: {level: developer}"), "stopped")
    folder.done("down", "--yes")
    answer: dict[str, Any] = json.loads(folder.done("plan", "--json"))
    assert answer["against"].endswith("of the Hub that does not run")
    assert [e["user"] for e in answer["policy"]["levels"]] == ["kim"]
    assert [(e["part"], e["change"]) for e in answer["deployment"]] == [
        ("hub", "starts"),
        ("proxy", "starts"),
    ]
    code, out, _ = folder.run("drift")
    assert (code, "The Hub does not run." in out) == (1, True)
