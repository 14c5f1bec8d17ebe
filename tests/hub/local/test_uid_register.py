"""On one machine no user is ever given a user id that another user has or had."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from jupyterhub_platform.core.errors import LocalSpawnerError
from jupyterhub_platform.hub.local.machine import open_machine
from jupyterhub_platform.hub.local.os_users import OsUsers
from jupyterhub_platform.hub.local.uid_register import UserIds
from jupyterhub_platform.instance_id import read_instance
from tests.hub.local.conftest import as_root, isolated_people

pytestmark = as_root

FIRST = 300_000
SPAN = (FIRST, FIRST + 1000)


@pytest.fixture
def other_state(state: Path) -> Path:
    """Give a second state directory on the same machine."""
    path = state.parent / "other"
    path.mkdir(mode=0o711)
    return path


def _platform(state: Path) -> OsUsers:
    return isolated_people(state, SPAN)


def _before_the_register(state: Path, **uids: int) -> None:
    """Write down ids as it was done when each state directory knew only its own."""
    (state / "people-uids.json").write_text(json.dumps(uids))


def test_people_of_two_state_directories_have_different_ids(state, other_state):
    here, there = _platform(state), _platform(other_state)
    people = [here.provide("ada"), there.provide("ada"), here.provide("ben"), there.provide("ben")]
    assert len({person.uid for person in people}) == 4


def test_an_id_is_not_given_again_when_its_state_directory_is_gone(state):
    before = _platform(state).provide("ada").uid
    shutil.rmtree(state)
    state.mkdir(mode=0o711)
    after = _platform(state).provide("ada").uid
    assert before != after


def test_the_register_is_for_root_alone_and_says_whose_an_id_is(state):
    person = _platform(state).provide("ada")
    register = state.parent / "uids"
    entry = register / str(person.uid)
    assert stat.S_IMODE(register.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    assert json.loads(entry.read_text()) == {
        "platform": read_instance(state),
        "state": str(state),
        "name": "ada",
    }


def test_the_owner_of_a_home_keeps_their_id_though_nothing_else_tells_of_them(state):
    for at, home in enumerate((state.parent / "gone/homes/ada", state / "homes/cy")):
        home.mkdir(parents=True)
        os.chown(home, FIRST + at, FIRST + at)
    assert _platform(state).provide("ben").uid == FIRST + 2


def test_the_id_of_a_running_process_is_passed_over(state):
    running = subprocess.Popen(["/bin/sleep", "300"], user=FIRST, group=FIRST, extra_groups=[])
    try:
        assert _platform(state).provide("ada").uid == FIRST + 1
    finally:
        running.kill()
        running.wait()


def test_ids_from_before_the_register_are_kept_and_given_to_no_other_user(state, other_state):
    _before_the_register(state, ada=FIRST, ben=FIRST + 1)
    here = _platform(state)
    assert _platform(other_state).provide("cy").uid == FIRST + 2
    assert here.provide("ada").uid == FIRST
    assert here.provide("ben").uid == FIRST + 1


def test_an_id_that_two_have_from_before_is_refused_with_both_names(state, other_state):
    _before_the_register(state, ada=FIRST)
    _before_the_register(other_state, ben=FIRST, cy=FIRST + 1)
    _platform(state)
    there = _platform(other_state)

    with pytest.raises(LocalSpawnerError) as refused:
        there.provide("ben")

    assert f"ben of the platform in {other_state} has the user id {FIRST}" in str(refused.value)
    assert f"so has ada of the platform in {state}" in str(refused.value)
    assert there.provide("cy").uid == FIRST + 1
    # What it says to do helps.
    _before_the_register(other_state, cy=FIRST + 1)
    assert _platform(other_state).provide("ben").uid == FIRST + 2


def test_an_id_from_before_that_owns_the_home_of_another_platform_is_refused(state):
    home = state.parent / "gone" / "homes" / "ben"
    home.mkdir(parents=True)
    os.chown(home, FIRST, FIRST)
    _before_the_register(state, ada=FIRST)
    people = _platform(state)
    with pytest.raises(LocalSpawnerError, match=f"so has the owner of {home}"):
        people.provide("ada")
    shutil.rmtree(home)
    assert people.provide("ada").uid == FIRST


def test_an_entry_that_cannot_be_read_still_holds_its_id(state):
    register = state.parent / "uids"
    register.mkdir()
    (register / str(FIRST)).write_text("{")
    assert _platform(state).provide("ada").uid == FIRST + 1
    _before_the_register(state, ben=FIRST)
    with pytest.raises(LocalSpawnerError, match=f"{register}/{FIRST} does not name"):
        _platform(state).provide("ben")


_TAKES_MANY = """
import sys
from pathlib import Path
from jupyterhub_platform.hub.local.uid_register import UserIds
name, machine = sys.argv[1], Path(sys.argv[2])
span = (int(sys.argv[3]), int(sys.argv[4]))
ids = UserIds(name, machine / name, machine / name / "homes", span, machine / "uids", machine)
for number in range(20):
    print(ids.give(f"p{number}"), flush=True)
"""


def test_hubs_that_give_ids_at_the_same_time_or_are_killed_never_give_one_twice(state):
    arguments = [str(state.parent), *map(str, SPAN)]
    hubs = [
        subprocess.Popen(
            [sys.executable, "-c", _TAKES_MANY, name, *arguments], stdout=subprocess.PIPE, text=True
        )
        for name in ("one", "two", "three", "killed")
    ]
    killed = hubs[-1]
    assert killed.stdout is not None
    first = killed.stdout.readline()
    killed.kill()
    given = [first.strip(), *"".join(hub.communicate()[0] for hub in hubs).split()]

    assert [hub.returncode for hub in hubs[:-1]] == [0, 0, 0]
    assert len(given) == len(set(given)) >= 61
    entries = {each.name for each in (state.parent / "uids").iterdir() if each.name.isdecimal()}
    assert set(given) <= entries
    for entry in entries:
        assert json.loads((state.parent / "uids" / entry).read_text())["name"]


def test_a_register_that_cannot_be_made_is_named_with_what_to_do(state):
    (state / "file").touch()
    ids = UserIds("x", state, state / "homes", SPAN, state / "file" / "uids")
    with pytest.raises(LocalSpawnerError, match=r"file/uids cannot be used .*uid_register"):
        ids.give("ada")


def test_a_machine_uses_the_register_that_it_is_told(state):
    register = state.parent / "uids"
    machine = open_machine(
        state, isolate=True, uids=SPAN, homes=state / "homes", uid_register=register
    )
    person = machine.os_users.provide("ada")
    assert (register / str(person.uid)).exists()
