"""As root each person has a user id of their own; otherwise the platform says that none has."""

import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import jupyterhub_platform
from jupyterhub_platform.core.errors import LocalSpawnerError
from jupyterhub_platform.hub.local.os_users import escape_name
from jupyterhub_platform.hub.local.processes import PYTHON, SUPERVISOR
from jupyterhub_platform.hub.local.reachability import check_reachable
from tests.hub.local.conftest import (
    Servers,
    as_root,
    isolated_people,
    read_log,
    wait_until,
)
from tests.support.forged_processes import SYSTEM_PYTHON


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1, max_size=100), st.text(min_size=1, max_size=100))
@example(":::::\x80" * 20, "x" * 300)
def test_two_names_never_become_one_directory(one, other):
    first, second = escape_name(one), escape_name(other)
    assert (first == second) == (one == other)
    assert "/" not in first
    assert "--" not in first
    assert not first.startswith(".")
    assert len(first) <= 120


@as_root
def test_a_person_keeps_the_same_user_id(state):
    first = isolated_people(state)
    ada, ben = first.provide("ada"), first.provide("ben")
    again = isolated_people(state)

    assert again.provide("ben") == ben
    assert again.provide("ada") == ada
    assert ada.uid != ben.uid
    assert stat.S_IMODE((state / "people-uids.json").stat().st_mode) == 0o600
    for person in (ada, ben):
        assert (person.home.stat().st_uid, person.home.stat().st_gid) == (person.uid, person.uid)
        assert stat.S_IMODE(person.home.stat().st_mode) == 0o700


@as_root
def test_an_id_that_an_account_has_is_passed_over(state):
    taken = pwd.getpwnam("nobody").pw_uid
    assert isolated_people(state, (taken, taken + 1)).provide("ada").uid == taken + 1


@as_root
def test_exhausted_range_of_user_ids_says_what_to_do(state):
    people = isolated_people(state, (300_000, 300_000))
    people.provide("ada")
    with pytest.raises(LocalSpawnerError, match="set a wider"):
        people.provide("ben")
    assert people.provide("ada").uid == 300_000


@as_root
@pytest.mark.parametrize(
    "content", ["{", "[]", '{"ada": "x"}', '{"ada": true}', '{"ada": 200000, "ben": 200000}']
)
def test_a_damaged_register_gives_no_user_another_persons_id(state, content):
    (state / "people-uids.json").write_text(content)
    with pytest.raises(LocalSpawnerError, match="restore it from a backup"):
        isolated_people(state)


@as_root
def test_a_home_that_is_a_link_or_another_users_is_refused(state):
    people = isolated_people(state)
    ben = people.provide("ben")
    (state / "homes" / "ada").symlink_to(ben.home)
    with pytest.raises((LocalSpawnerError, OSError)):
        people.provide("ada")
    (state / "homes" / "cy").mkdir()
    os.chown(state / "homes" / "cy", 1234, 1234)
    with pytest.raises(LocalSpawnerError, match="belongs to user id 1234"):
        people.provide("cy")
    assert ben.home.stat().st_uid == ben.uid


_SNOOP = """
import json, os, sys
homes, state, hub, other, secret = sys.argv[1:]
def attempt(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "done"
found = {
    "ids": [os.getuid(), os.geteuid(), os.getgid(), os.getegid(), *os.getresuid()],
    "groups": os.getgroups(),
    "home": attempt(lambda: open(os.path.expanduser("~/mine"), "w")),
    "other home": attempt(lambda: os.listdir(homes + "/ben")),
    "write other": attempt(lambda: open(homes + "/ben/x", "w")),
    "list homes": attempt(lambda: os.listdir(homes)),
    "list state": attempt(lambda: os.listdir(state)),
    "write state": attempt(lambda: open(state + "/x", "w")),
    "register": attempt(lambda: open(state + "/people-uids.json")),
    "secret": attempt(lambda: open(secret)),
    "signal hub": attempt(lambda: os.kill(int(hub), 0)),
    "signal other": attempt(lambda: os.kill(int(other), 9)),
    "signal own supervisor": attempt(lambda: os.kill(os.getppid(), 9)),
    "other environment": attempt(lambda: open(f"/proc/{other}/environ").read()),
    "become root": attempt(lambda: os.setuid(0)),
}
with open(os.path.expanduser("~/found.json"), "w") as file:
    json.dump(found, file)
"""


@as_root
async def test_a_person_can_neither_see_nor_touch_another_one_or_the_hub(isolated, state):
    servers = Servers(isolated)
    ada, ben = isolated.os_users.provide("ada"), isolated.os_users.provide("ben")
    secret = state / "secret"
    secret.touch(mode=0o600)
    other, _ = servers.start("/bin/sleep", "300", person=ben)
    argv = (str(state / "homes"), str(state), str(os.getpid()), str(_child_of(other)), str(secret))
    record, wait = servers.start(SYSTEM_PYTHON, "-c", _SNOOP, *argv, person=ada)

    assert wait() == 0, read_log(record)
    found = json.loads((ada.home / "found.json").read_text())

    assert set(found.pop("ids")) == {ada.uid}
    assert found.pop("groups") == []
    assert found.pop("home") == "done"
    assert set(found.values()) == {"PermissionError"}, found
    await servers.end(record)
    await servers.end(other)


def _child_of(record) -> int:
    """Wait until a server runs as its person, and return its process id."""

    def find() -> list[int]:
        children = psutil.Process(record.supervisor.pid).children()
        return [child.pid for child in children if Path(f"/proc/{child.pid}").stat().st_uid != 0]

    wait_until(find)
    return find()[0]


@as_root
async def test_a_persons_home_runs_no_code_as_root(isolated):
    person = isolated.os_users.provide("ada")
    ran = person.home / "ran"
    (person.home / "sitecustomize.py").write_text(f"open({str(ran)!r}, 'a').write('x')")
    servers = Servers(isolated)
    environment = {"PYTHONPATH": str(person.home)}
    record, wait = servers.start("/bin/true", person=person, environment=environment)
    assert wait() == 0
    assert not ran.exists()
    await servers.end(record)


@as_root
def test_the_groups_of_the_hubs_user_are_not_passed_on():
    argv = [sys.executable, "-I", "-S", str(SUPERVISOR), "--uid", "200000", "--", "/usr/bin/id"]
    done = subprocess.run(
        [*argv, "-G"], extra_groups=[4, 27], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["200000"]


@as_root
def test_a_closed_directory_above_python_or_homes_is_named_with_the_fix(state):
    program = state / "closed" / "python3"
    program.parent.mkdir(mode=0o700)
    program.symlink_to(SYSTEM_PYTHON)
    with pytest.raises(LocalSpawnerError, match=r"closed is closed to other users.*/opt/"):
        check_reachable(state / "homes", program=str(program), module="json")
    check_reachable(state / "homes", program=SYSTEM_PYTHON, module="json")
    with pytest.raises(LocalSpawnerError, match="No module named 'nothing_such'"):
        check_reachable(state / "homes", program=SYSTEM_PYTHON, module="nothing_such")
    state.chmod(0o700)
    with pytest.raises(LocalSpawnerError, match=r"chmod o\+x"):
        check_reachable(state / "homes", program=SYSTEM_PYTHON, module="json")


_AS_USER = """
import asyncio, json, os, sys, time
from pathlib import Path
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.hub.local.termination import end_server, find_living
from jupyterhub_platform.hub.local.launch import Order, launch, target_of
from jupyterhub_platform.hub.local.machine import open_machine
from jupyterhub_platform.hub.local.os_users import say_isolation
from jupyterhub_platform.hub.local.processes import identify, is_alive

state = Path(sys.argv[1]) / "state"
uids = dict(uids=(200000, 200010), uid_register=state / "uids")
machine = open_machine(state, isolate=True, homes=state / "homes", **uids)
person = machine.os_users.provide("ada")
pids = state / "pids"
script = f"env -i setsid sh -c 'echo $$ > {pids}; exec sleep 300' & exec sleep 300"
order = Order(person, "", "r1", ("/bin/sh", "-c", script), person.environment(),
              Resources.of({"memory": 2**28, "cpu": 1000}), 0, 1.0)
started, record = launch(machine, order)
while not (pids.exists() and pids.read_text()):
    time.sleep(0.01)
escaped = identify(int(pids.read_text()))
before = is_alive(escaped)
target = target_of(machine, "ada", "", record)
asyncio.run(end_server(target, grace=2, patience=5))
started.wait()
print(json.dumps({
    "uid": os.getuid(), "person": person.uid, "before": before, "after": is_alive(escaped),
    "left": len(find_living(target)),
    "sentence": say_isolation(isolated=machine.isolated), "isolated": machine.isolated,
    "mode": oct(state.stat().st_mode & 0o777),
    "why_not": machine.limiter.why_not,
    "advisory": sorted(machine.limiter.advisory),
}))
"""


@as_root
def test_without_root_servers_end_whole_and_the_page_says_that_users_are_not_isolated(state):
    package = Path(jupyterhub_platform.__file__).parent
    shutil.copytree(package, state / "code" / package.name)
    for path in (state / "code").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (state / "code").chmod(0o755)
    own = state / "nobody"
    own.mkdir()
    os.chown(own, 65534, 65534)
    done = subprocess.run(
        [PYTHON, "-B", "-c", _AS_USER, str(own)],
        user=65534, group=65534, extra_groups=[], cwd="/", capture_output=True, text=True,
        env={"PATH": os.defpath, "PYTHONPATH": str(state / "code")}, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["uid"] == 65534
    assert found["person"] is None
    assert (found["before"], found["after"], found["left"]) == (True, False, 0)
    assert found["mode"] == "0o700"
    assert not found["isolated"]
    assert found["sentence"] == (
        "People's servers run as you (nobody): they are not isolated from each other or from "
        "the Hub."
    )
    if found["advisory"]:
        assert "advisory: control groups cannot be made here by this user" in found["why_not"]
