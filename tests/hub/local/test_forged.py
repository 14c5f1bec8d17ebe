"""Whatever a person's process says of itself, no other user's server ends, and their own does."""

import os
import resource
import signal
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jupyterhub_platform.hub.local.cgroups import find_groups, members
from jupyterhub_platform.hub.local.launch import Record, find_record, target_of
from jupyterhub_platform.hub.local.machine import Machine
from jupyterhub_platform.hub.local.os_users import OsUser, read_uids
from jupyterhub_platform.hub.local.processes import (
    Process,
    _ask_ours,
    identify,
    is_alive,
    is_supervisor,
    list_owners,
    owners_of,
    read_environment,
    read_marks,
    server_mark,
)
from jupyterhub_platform.hub.local.termination import (
    Target,
    end_all,
    end_server,
    find_living,
    find_reservations,
)
from tests.hub.local.conftest import (
    Servers,
    as_root,
    assert_gone,
    processes_in,
    wait_until,
    without_groups,
)
from tests.support.forged_processes import (
    CALLED_LIKE_A_SUPERVISOR,
    ENDLESS_ENVIRONMENT,
    FIRST_THREAD_ENDED,
    IN_A_USER_NAMESPACE,
    NOT_DUMPABLE,
    called,
    marks,
    process_of,
)

pytestmark = as_root


@pytest.fixture
def servers(isolated: Machine) -> Servers:
    return Servers(isolated)


@pytest.fixture
def ungrouped(isolated: Machine) -> Servers:
    """Start servers as on a machine where no control group may be made."""
    return without_groups(Servers(isolated))


@pytest.fixture
def ada(isolated: Machine) -> OsUser:
    return isolated.os_users.provide("ada")


@pytest.fixture
def ben(isolated: Machine) -> OsUser:
    return isolated.os_users.provide("ben")


def run(servers: Servers, person: OsUser) -> Record:
    """Start a server of two processes, and wait until both are found."""
    record, _ = servers.start("/bin/sh", "-c", "sleep 300 & exec sleep 300", person=person)
    wait_until(lambda: len(find_living(servers.target(record))) == 3)
    return record


async def test_another_users_reservation_in_ones_own_mark_ends_nothing_of_theirs(servers, ada, ben):
    victim = run(servers, ben)
    theirs = find_living(servers.target(victim))
    forged = marks(servers.machine.instance, server_mark("ada", "boom"), victim.reservation)
    with process_of(ada.uid, **forged) as pid:
        own = identify(pid)
        assert own is not None
        target = target_of(servers.machine, "ada", "boom", None)
        assert find_record(target) is None
        assert {each.pid for each in find_living(target)} == {pid}

        await end_server(target, grace=0, patience=5)

        assert not is_alive(own)
    assert find_living(servers.target(victim)) == theirs
    await servers.end(victim)


@pytest.mark.parametrize("server", ["ben/s1", "ada/s1", "ada/"])
async def test_marks_that_a_person_sets_count_for_nothing(servers, ada, ben, server):
    machine = servers.machine
    victim = run(servers, ben)
    with process_of(ada.uid, **marks(machine.instance, server, victim.reservation)) as pid:
        assert read_marks(pid) is None
        assert read_environment(pid) == {}
        assert find_living(Target(machine.instance, "ada/", victim.reservation)) == set()
        await servers.end(victim)
        assert psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    with process_of(ada.uid, **marks(machine.instance, "ada/x", "r77")):
        assert find_reservations(machine.instance) == set()


@pytest.mark.parametrize(
    "name",
    [
        b"Uid:\t0\t0\t0\t0",
        b"\nUid:\t0\t0\t0\t0",
        b"\rUid:\t0\t0\t0\t0",
        b"\x0bUid:\t0\t0\t0\t0",
        b"\xc2\x85Uid:\t0\t0\t0",
    ],
)
async def test_a_process_that_looks_like_a_supervisor_is_none(servers, ada, ben, name):
    victim = run(servers, ben)
    target = servers.target(victim)
    forged = marks(servers.machine.instance, target.server, victim.reservation)
    pretend = CALLED_LIKE_A_SUPERVISOR + called(name) + NOT_DUMPABLE
    with process_of(ada.uid, pretend, **forged) as pid:
        assert (
            psutil.Process(pid).cmdline()[1:4]
            == psutil.Process(victim.supervisor.pid).cmdline()[1:4]
        )
        assert owners_of(pid) == {ada.uid}
        assert ada.uid in list_owners()
        assert not is_supervisor(pid)
        assert read_marks(pid) is None
        assert {each.pid for each in find_living(target)}.isdisjoint({pid})
        await servers.end(victim)
        assert find_record(target) is None


def test_process_that_acts_as_root_for_a_while_is_not_believed(machine):
    acting = f"os.setresuid(200123, 0, 0)\n{CALLED_LIKE_A_SUPERVISOR}"
    with process_of(0, acting, **marks(machine.instance, "ben/s1", "r1")) as pid:
        assert owners_of(pid) == {200123, 0}
        assert read_marks(pid) is None
        assert not is_supervisor(pid)


def _is_longer(path: Path, count: int) -> bool:
    with path.open("rb") as opened:
        return len(opened.read(count)) == count


async def test_an_environment_of_any_size_costs_the_hub_nothing(servers, ada):
    with process_of(
        ada.uid, ENDLESS_ENVIRONMENT, **marks(servers.machine.instance, "ada/", "r1")
    ) as pid:
        assert _is_longer(Path(f"/proc/{pid}/environ"), 2**20)
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        assert {each.pid for each in find_living(target_of(servers.machine, "ada", "", None))} == {
            pid
        }
        assert time.monotonic() - began < 5
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


@pytest.mark.parametrize(
    "code", [FIRST_THREAD_ENDED, IN_A_USER_NAMESPACE, NOT_DUMPABLE + called(b"Uid:\t0\t0\t0")]
)
async def test_a_process_that_hides_ends_with_its_persons_server(ungrouped, ada, code):
    record = run(ungrouped, ada)
    with process_of(ada.uid, code) as pid:
        assert owners_of(pid) == {ada.uid}
        await ungrouped.end(record)
        wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        assert psutil.Process(pid).num_threads() == 1


async def test_processes_without_a_supervisor_end_and_another_server_of_the_user_goes_on(
    ungrouped, ada, ben
):
    pids = ada.home / "pids"
    escapee = f"env -i setsid sh -c 'echo $$ >> {pids}; exec sleep 300' &"
    other, theirs = run(ungrouped, ada), run(ungrouped, ben)
    record, _ = ungrouped.start("/bin/sh", "-c", f"{escapee} exec sleep 300", person=ada)
    (escaped,) = processes_in(pids, 1)
    going_on = find_living(ungrouped.target(other)) | find_living(ungrouped.target(theirs))

    os.kill(record.supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(record.supervisor))
    assert is_alive(escaped)
    await ungrouped.end(record)

    assert_gone([escaped])
    assert len(going_on) == 6
    assert all(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in going_on)
    await ungrouped.end(other)
    await ungrouped.end(theirs)


async def test_process_below_another_user_is_an_orphan(ungrouped, ada):
    code = """
def become(uid):
    os.setgroups([]), os.setresgid(uid, uid, uid), os.setresuid(uid, uid, uid)
if os.fork() == 0:
    become(%d)
    time.sleep(300)
become(200999)
"""
    with process_of(0, code % ada.uid) as parent:
        (child,) = psutil.Process(parent).children()
        wait_until(lambda: owners_of(child.pid) == {ada.uid})
        await end_server(target_of(ungrouped.machine, "ada", "", None), grace=0, patience=5)
        assert child.status() == psutil.STATUS_ZOMBIE
        assert psutil.Process(parent).status() != psutil.STATUS_ZOMBIE


async def test_process_whose_parent_ends_during_the_search_is_no_orphan(servers, ada, monkeypatch):
    record, _ = servers.start("/bin/sh", "-c", "sleep 300 & exec sleep 300", person=ada)
    wait_until(lambda: len(find_living(servers.target(record))) == 3)
    going_on = find_living(servers.target(record))
    (server,) = psutil.Process(record.supervisor.pid).children()
    seen = psutil.pids

    # As one sees it whose look at the child came before the end of the parent, and at the
    # parent after it.
    monkeypatch.setattr(psutil, "pids", lambda: [pid for pid in seen() if pid != server.pid])
    assert find_living(target_of(servers.machine, "ada", "other", None)) == set()
    monkeypatch.undo()

    assert find_living(servers.target(record)) == going_on
    await servers.end(record)


async def test_a_recorded_supervisor_that_is_a_persons_process_is_passed_over(servers, ben):
    victim = run(servers, ben)
    (child,) = psutil.Process(victim.supervisor.pid).children()
    recorded = identify(child.pid)
    assert recorded is not None
    target = Target(servers.machine.instance, "ada/", "r9", supervisor=recorded)
    assert find_living(target) == set()
    await end_server(target, grace=0.1, patience=1)
    assert is_alive(recorded)
    await servers.end(victim)


async def test_a_group_with_our_name_that_another_user_made_is_not_looked_into(servers, ada, ben):
    victim = run(servers, ben)
    parent = servers.machine.limiter.parent
    if parent is None:
        pytest.skip("by choice: no control group can be made here")
    (real,) = servers.groups(victim)
    forged = parent.path / real.name.replace(victim.reservation, "r9")
    forged.mkdir()
    try:
        os.chown(forged, ada.uid, ada.uid)
        for pid in sorted(members([real])):
            (forged / "cgroup.procs").write_text(str(pid))
        target = Target(servers.machine.instance, servers.target(victim).server, "r9")
        assert find_groups(target.instance, target.server, "r9") == []
        assert find_living(target) == set()
        assert find_reservations(target.instance) == {victim.reservation}
    finally:
        await servers.end(victim)
        forged.rmdir()


async def test_a_group_in_the_state_of_a_server_is_not_believed(ada):
    kept = {"pid": 1, "start_time": 0, "boot_id": "", "reservation": "r", "log": "", "port": 0}
    loaded = Record.load({**kept, "cgroups": [str(ada.home)]})
    assert loaded == Record(Process(1, 0, ""), "r", "")


async def test_stopping_the_platform_ends_what_hangs_below_nothing_and_no_other_platform(
    ungrouped, ada, ben
):
    machine = ungrouped.machine
    record = run(ungrouped, ada)
    other = Servers(replace(machine, instance="0" * 32))
    theirs = run(other, ben)
    alive = find_living(other.target(theirs))
    with process_of(ada.uid) as pid:
        assert await end_all(machine.instance, read_uids(machine.state)) == 1
        assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert find_reservations(machine.instance) == set()
    assert find_living(other.target(theirs)) == alive
    await ungrouped.end(record)
    await other.end(theirs)


def test_process_that_drops_its_privileges_during_a_read_is_not_believed(machine):
    give_up = "print('up', flush=True)\ntime.sleep(0.5)\nos.setresuid(200123, 200123, 200123)\n"

    def ask(process: psutil.Process) -> str:
        wait_until(lambda: owners_of(process.pid) == {200123})
        return "root"

    with process_of(0, give_up, **marks(machine.instance, "ben/s1", "r1")) as pid:
        assert read_marks(pid) is not None
        assert _ask_ours(pid, ask) is None
        assert read_marks(pid) is None


@settings(max_examples=100)
@given(*(st.tuples(st.text(max_size=9), st.text(max_size=9)) for _ in range(2)))
@example(("a/b", "c"), ("a", "b/c"))
@example(("a%2Fb", "c"), ("a/b", "c"))
@example(("ada", ""), ("", "ada"))
def test_two_servers_never_have_one_mark(one, other):
    assert (server_mark(*one) == server_mark(*other)) == (one == other)
    assert "\0" not in server_mark(*one)
