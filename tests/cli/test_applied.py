"""What was applied last is kept, and one apply at a time writes to a state directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyterhub_platform.cli.deploy.applied import MAX_KEPT, Applied, list_applied, note_applied
from jupyterhub_platform.cli.deploy.lease import hold_lease
from jupyterhub_platform.cli.deploy.rollback import check_migration, find_earlier
from jupyterhub_platform.cli.state import State
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.factory import NEWEST_SCHEMA
from jupyterhub_platform.store.store import Store


def one(digest: str, commit: str = "", revision: int = 1, schema: str = "0001") -> Applied:
    return Applied(digest, revision, commit, "2026-01-02T03:04:05+00:00", schema)


def test_the_newest_is_first_and_the_same_twice_is_one(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert list_applied(state) == []
    for number in range(MAX_KEPT + 5):
        note_applied(state, one(f"sha256:{number}"))
        note_applied(state, one(f"sha256:{number}", revision=2))
    found = list_applied(state)
    assert len(found) == MAX_KEPT
    assert found[0] == one(f"sha256:{MAX_KEPT + 4}", revision=2)
    assert found[1].digest == f"sha256:{MAX_KEPT + 3}"


@pytest.mark.parametrize("text", ["{", '{"applied": [{}]}', '{"applied": [{"revision": "x"}]}'])
def test_a_damaged_list_is_said_and_begun_anew(tmp_path: Path, text: str) -> None:
    state = State(tmp_path)
    (tmp_path / "applied.json").write_text(text)
    with pytest.raises(PlatformError, match="is damaged"):
        list_applied(state)
    note_applied(state, one("sha256:1"))
    assert [each.digest for each in list_applied(state)] == ["sha256:1"]


HOLD = """
import sys
from pathlib import Path
from jupyterhub_platform.cli.deploy.lease import hold_lease
from jupyterhub_platform.cli.state import State
with hold_lease(State(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lease_is_held_by_one_and_ends_with_its_process(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    command = [sys.executable, "-c", HOLD, str(state.directory)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(PlatformError, match=f"applies .* now: process {other.pid}"):
            hold_lease(state).__enter__()
        other.kill()
    with hold_lease(state), pytest.raises(PlatformError, match=f"process {os.getpid()}"):
        hold_lease(state).__enter__()
    with hold_lease(state):
        pass


def git(folder: Path, *words: str) -> str:
    name = ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-C", str(folder)]
    done = subprocess.run(["git", *name, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def commits(tmp_path: Path) -> list[str]:
    """Three commits of a folder, of which the second does not touch the policy's."""
    git(tmp_path, "init", "-q")
    made = []
    for name, text in (("site/a", "1"), ("other", "1"), ("site/a", "2")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", name)
        made.append(git(tmp_path, "rev-parse", "HEAD"))
    return made


def test_the_commit_before_is_the_one_applied_before_or_that_of_git(
    tmp_path: Path, commits: list[str]
) -> None:
    first, _, last = commits
    folder = tmp_path / "site"
    assert find_earlier(folder, [one("b", last)]) == first
    assert find_earlier(folder, [one("b", last), one("b", last), one("a", "c0ffee")]) == "c0ffee"
    assert find_earlier(folder, [one("b", last), one("a", "")]) == first
    with pytest.raises(PlatformError, match="in no commit"):
        find_earlier(folder, [one("b")])
    with pytest.raises(PlatformError, match="No commit comes before"):
        find_earlier(folder, [one("a", first)])


def test_a_rollback_across_a_migration_is_refused(tmp_path: Path) -> None:
    state = State(tmp_path)
    applied = [one("b", "new", schema=NEWEST_SCHEMA), one("a", "old", schema="0001")]
    check_migration(state, applied, "old")
    Store.open(f"sqlite:///{tmp_path / 'platform.sqlite'}").close()
    check_migration(state, applied, "new")
    check_migration(state, applied, "unknown")
    with pytest.raises(PlatformError, match=f"migrated from 0001 to {NEWEST_SCHEMA} since old"):
        check_migration(state, applied, "old")
