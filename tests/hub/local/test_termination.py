"""Everything that a server started dies with it, and nothing else does."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from jupyterhub_platform.hub.local.cgroups import find_groups, members
from jupyterhub_platform.hub.local.processes import (
    SUPERVISOR,
    Process,
    find_marked,
    identify,
    is_alive,
    read_marks,
)
from jupyterhub_platform.hub.local.termination import (
    Target,
    end_server,
    find_living,
    find_reservations,
)
from tests.hub.local.conftest import (
    assert_gone,
    processes_in,
    read_log,
    wait_until,
    without_groups,
)


def _escapee(path: Path, sleep: int = 300) -> str:
    """Write a shell command that leaves session, parent and environment behind."""
    return f"env -i setsid sh -c 'echo $$ >> {path}; exec sleep {sleep}' &"


@pytest.mark.parametrize("grouped", [True, False])
async def test_an_escaped_grandchild_dies_with_its_server(servers, tmp_path, grouped):
    chosen = servers if grouped else without_groups(servers)
    pids = tmp_path / "pids"
    record, wait = chosen.start("/bin/sh", "-c", f"({_escapee(pids)}) ; exec sleep 300")
    escaped = processes_in(pids, 1)
    assert len(escaped) == 1
    assert read_marks(escaped[0].pid) is None

    await chosen.end(record)

    assert_gone(escaped)
    assert wait() == 128 + signal.SIGTERM


@pytest.mark.parametrize("grouped", [True, False])
async def test_leftover_processes_die_when_a_server_ends_by_itself(servers, tmp_path, grouped):
    chosen = servers if grouped else without_groups(servers)
    pids = tmp_path / "pids"
    command = f"({_escapee(pids)}); while ! test -s {pids}; do sleep 0.01; done; exit 7"
    record, wait = chosen.start("/bin/sh", "-c", command)

    assert wait() == 7
    assert_gone(processes_in(pids, 1))
    await chosen.end(record)


async def test_children_that_ignore_the_wish_to_end_are_killed(servers, tmp_path):
    pids = tmp_path / "pids"
    stubborn = f"trap '' TERM; echo $$ > {pids}; while true; do sleep 0.1; done"
    record, wait = servers.start("/bin/sh", "-c", stubborn)
    running = processes_in(pids, 1)

    await servers.end(record)

    assert_gone(running)
    assert wait() == 128 + signal.SIGKILL


@pytest.mark.parametrize("grouped", [True, False])
async def test_a_loop_of_children_that_fork_on_dies(servers, tmp_path, grouped):
    chosen = servers if grouped else without_groups(servers)
    pids = tmp_path / "pids"
    # Fifty chains; each link starts the next one in a new session and ends.
    script = (
        "import os, sys, time\n"
        "for _ in range(50):\n"
        "    if os.fork() == 0:\n"
        "        while True:\n"
        "            os.setsid() if os.getsid(0) != os.getpid() else None\n"
        f"            open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        "            time.sleep(0.05)\n"
        "            if os.fork():\n"
        "                os._exit(0)\n"
        "time.sleep(300)\n"
    )
    record, _ = chosen.start(sys.executable, "-S", "-c", script)
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) > 120)

    await chosen.end(record, grace=0)

    count = len(pids.read_text().split())
    await asyncio.sleep(0.3)
    assert len(pids.read_text().split()) == count


@pytest.mark.parametrize("grouped", [True, False])
async def test_killing_the_supervisor_leaves_nothing_alive_after_the_end(
    servers, tmp_path, grouped
):
    chosen = servers if grouped else without_groups(servers)
    pids = tmp_path / "pids"
    marked = f"setsid sh -c 'echo $$ >> {pids}; exec sleep 300' &"
    more = _escapee(pids) if grouped else ""
    main = f"echo $$ >> {pids}; {marked} {more} exec sleep 300"
    record, wait = chosen.start("/bin/sh", "-c", main)
    running = processes_in(pids, 3 if grouped else 2)

    os.kill(record.supervisor.pid, signal.SIGKILL)
    assert wait() == -signal.SIGKILL
    # The server itself goes with its supervisor, at once.
    wait_until(lambda: not is_alive(running[0]))
    await chosen.end(record)

    assert_gone(running)


async def test_a_process_that_has_the_id_of_an_earlier_one_is_spared(machine):
    stranger = subprocess.Popen(["/bin/sleep", "300"])  # noqa: ASYNC220 one moment
    try:
        now = identify(stranger.pid)
        assert now is not None
        earlier = replace(now, start_time=now.start_time - 1)
        other_boot = replace(now, boot_id="0" * 36)

        for recorded in (earlier, other_boot):
            target = Target(machine.instance, "ada/s9", "r9", supervisor=recorded)
            assert find_living(target) == set()
            await end_server(target, grace=1, patience=1)

        assert is_alive(now)
        assert not is_alive(earlier)
        assert not is_alive(other_boot)
    finally:
        stranger.kill()
        stranger.wait()


async def test_another_server_of_the_same_person_is_spared(servers):
    first, _ = servers.start("/bin/sleep", "300")
    second, _ = servers.start("/bin/sleep", "300")

    await servers.end(first)

    assert is_alive(second.supervisor)
    assert find_reservations(servers.machine.instance) == {second.reservation}
    await servers.end(second)


async def test_a_group_that_does_not_bear_our_name_is_left_alone(servers):
    record, _ = servers.start("/bin/sleep", "300")
    groups = servers.groups(record)
    if groups:
        wait_until(lambda: members(groups))
    inside = [identify(pid) for pid in members(groups)]
    foreign = Target(servers.machine.instance, "ada/s1", "r9")

    await end_server(foreign, grace=0, patience=1)

    assert [process for process in inside if process is None or not is_alive(process)] == []
    assert is_alive(record.supervisor)
    await servers.end(record)


async def test_this_process_is_never_ended_even_when_recorded(machine):
    own = identify(os.getpid())
    parent = identify(os.getppid())
    assert own is not None
    assert parent is not None
    for process in (own, parent):
        assert own not in find_living(Target(machine.instance, "ada/s9", "r9", supervisor=process))
        assert parent not in find_living(
            Target(machine.instance, "ada/s9", "r9", supervisor=process)
        )


def test_a_hub_started_inside_one_of_its_own_servers_does_not_end_itself():
    code = (
        "from jupyterhub_platform.hub.local.termination import Target, sweep\n"
        "print(len(sweep(Target('abc', 'ada/', 'r9'))))"
    )
    marks = {"JUPYTERHUB_PLATFORM_INSTANCE": "abc", "JUPYTERHUB_PLATFORM_RESERVATION": "r9"}
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**marks, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert done.stdout.strip() == "0"


async def test_the_server_and_its_children_are_found_by_their_mark(servers):
    record, _ = servers.start("/bin/sh", "-c", "sleep 300 & exec sleep 301")
    instance = servers.machine.instance
    wait_until(lambda: len(find_marked(instance, "ada/s1")) == 3)

    assert find_marked(instance, "ada/s1")[0].process == record.supervisor
    assert find_marked(instance, "ada/s1")[0].reservation == "r1"
    assert find_marked(instance, "ada/s2") == []
    assert find_living(Target(instance, "ada/s1", "r2")) == set()
    assert find_marked("0" * 32) == []
    await servers.end(record)


async def test_the_server_inherits_no_file_and_no_session_of_the_hub(servers, tmp_path):
    secret = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(secret, True)
    look = f"ls /proc/self/fd > {tmp_path}/fds; ps -o sid= $$ > {tmp_path}/sid"
    look += f"; readlink /proc/$$/fd/0 > {tmp_path}/input"
    record, wait = servers.start("/bin/sh", "-c", look)
    os.close(secret)
    assert wait() == 0
    # The fourth is the socket to listen at, and the fifth the directory that ls itself reads.
    assert (tmp_path / "fds").read_text().split() == ["0", "1", "2", "3", "4"]
    assert (tmp_path / "input").read_text() == "/dev/null\n"
    assert int((tmp_path / "sid").read_text()) == record.supervisor.pid
    await servers.end(record)


async def test_a_command_that_does_not_exist_is_said_in_the_log(servers):
    record, wait = servers.start("/no/such/program")
    assert wait() == 126
    assert "cannot start /no/such/program" in read_log(record)
    await servers.end(record)


async def test_groups_are_gone_with_the_server(servers):
    record, _ = servers.start("/bin/sleep", "300")
    groups = servers.groups(record)
    if not groups:
        pytest.skip("by choice: no control group can be made here")
    wait_until(lambda: members(groups))
    assert find_groups(servers.machine.instance) == groups

    await servers.end(record)

    assert find_groups(servers.machine.instance) == []


def test_the_supervisor_is_light():
    code = f"import runpy, sys; runpy.run_path({str(SUPERVISOR)!r}); print(len(sys.modules))"
    argv = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 80


def test_a_process_is_not_the_one_that_has_its_id_in_another_boot():
    own = identify(os.getpid())
    assert own is not None
    assert is_alive(own)
    assert not is_alive(Process(own.pid, own.start_time, "another boot"))
