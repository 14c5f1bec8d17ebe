"""However many processes a user has, the Hub's loop reads the same, and comes first."""

import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from jupyterhub_platform.hub.local.machine import Machine
from jupyterhub_platform.hub.local.supervisor import raise_priority
from tests.hub.local.conftest import Servers, as_root, read_log, wait_until
from tests.hub.local.test_spawner import Hubs
from tests.support.forged_processes import SYSTEM_PYTHON

CROWD = "i=0; while test $i -lt {count}; do sleep 300 & i=$((i+1)); done; echo ready; wait"
BOMB = """
import os
print("ready", flush=True)
while True:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        pass
"""

_read: list[str] | None = None


def _note(event: str, arguments: tuple[object, ...]) -> None:
    is_of_the_loop = threading.current_thread() is threading.main_thread()
    if _read is not None and is_of_the_loop and event in {"open", "os.listdir", "os.scandir"}:
        _read.append(str(arguments[0]))


@contextmanager
def what_the_loop_reads() -> Iterator[list[str]]:
    """Note every file and directory that the thread of the loop opens."""
    global _read
    if not _hooked:
        sys.addaudithook(_note)
        _hooked.append(True)
    found: list[str] = []
    _read = found
    try:
        yield found
    finally:
        _read = None


_hooked: list[bool] = []


@pytest.fixture
async def hubs(state: Path, machine: Machine) -> AsyncIterator[Hubs]:
    made = Hubs(state, machine)
    yield made
    made.close()


async def count_reads(hubs: Hubs, count: int) -> tuple[int, int, int]:
    """Start, poll and stop a server of ``count`` processes; return what the loop reads for each."""
    hubs.command = ["/bin/sh", "-c", CROWD.format(count=count)]
    spawner = hubs.spawner()
    hubs.prepare(spawner)
    with what_the_loop_reads() as starting:
        await spawner.start()
    log = Path(spawner.get_state()["local"]["log"])
    wait_until(lambda: "ready" in log.read_text())
    with what_the_loop_reads() as polling:
        assert await spawner.poll() is None
    with what_the_loop_reads() as stopping:
        await spawner.stop(now=True)
    await spawner.poll()
    mounts = {each.mountpoint for each in psutil.disk_partitions(all=True)}
    for found in (starting, polling, stopping):
        assert set(found).isdisjoint(mounts), "all of /proc, or all control groups"
    return len(starting), len(polling), len(stopping)


async def test_the_loop_reads_the_same_for_few_processes_and_for_many(hubs: Hubs) -> None:
    await count_reads(hubs, 1)
    few = await count_reads(hubs, 1)
    many = await count_reads(hubs, 200)
    assert few == many
    assert few[1] < 20
    assert few[2] < 20


@as_root
async def test_a_new_persons_user_id_is_looked_for_off_the_loop(hubs: Hubs) -> None:
    hubs.config.LocalServerSpawner.uid_register = str(hubs.state.parent / "uids")
    hubs.config.LocalServerSpawner.homes_dir = str(hubs.state / "homes")
    spawner = hubs.spawner()
    spawner.isolate = True
    hubs.prepare(spawner)
    with what_the_loop_reads() as starting:
        await spawner.start()
    assert not [path for path in starting if path in {"/proc", "/etc/subuid", "/etc/passwd"}]
    await spawner.stop(now=True)
    await spawner.poll()


@as_root
async def test_a_supervisor_comes_before_its_server_and_all_that_forks_from_it(
    isolated: Machine,
) -> None:
    servers = Servers(isolated)
    record, _ = servers.start(
        "/bin/sh", "-c", "echo ready; exec sleep 300", person=isolated.os_users.provide("ada")
    )
    wait_until(lambda: "ready" in read_log(record))
    supervisor = psutil.Process(record.supervisor.pid)
    (server,) = supervisor.children()
    assert (supervisor.nice(), server.nice()) == (-10, 0)
    assert os.getsid(server.pid) == server.pid, "what the kernel counts by session is its own"
    groups = [Path(f"/proc/{p.pid}/autogroup") for p in (supervisor, server)]
    if groups[0].exists() and groups[0].read_text():
        assert [path.read_text().split()[-1] for path in groups] == ["-10", "0"]
    await servers.end(record)


def test_a_priority_that_the_system_refuses_is_done_without() -> None:
    before = psutil.Process().nice()
    child = os.fork()
    if child == 0:
        os.setgroups([]) if os.geteuid() == 0 else None
        os.setresuid(200_500, 200_500, 200_500) if os.geteuid() == 0 else None
        raise_priority()
        os._exit(psutil.Process().nice() != before)
    assert os.waitpid(child, 0)[1] == 0


@as_root
async def test_fork_bomb_ends_with_its_server(isolated: Machine) -> None:
    servers = Servers(isolated)
    record, _ = servers.start(
        SYSTEM_PYTHON, "-c", BOMB, person=isolated.os_users.provide("ada"), processes=150
    )
    wait_until(lambda: "ready" in read_log(record))
    await servers.end(record)
