"""Real processes on this machine, and the proof that none is left when a test ends."""

import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.hub.local.cgroups import find_groups, remove_groups
from jupyterhub_platform.hub.local.launch import Order, Record, launch, target_of
from jupyterhub_platform.hub.local.machine import Machine, open_machine
from jupyterhub_platform.hub.local.os_users import OsUser, OsUsers
from jupyterhub_platform.hub.local.processes import Process, identify, is_alive, server_mark
from jupyterhub_platform.hub.local.termination import (
    Target,
    end_server,
    find_living,
    find_reservations,
)
from jupyterhub_platform.hub.local.uid_register import FIRST_UID, LAST_UID, UserIds
from jupyterhub_platform.instance_id import read_instance

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as other users")


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def processes_in(path: Path, count: int) -> list[Process]:
    """Wait until ``count`` processes have written their ids to ``path``, and identify them."""
    wait_until(lambda: path.exists() and len(path.read_text().split()) >= count)
    found = [identify(int(word)) for word in path.read_text().split()]
    return [process for process in found if process is not None]


def assert_gone(processes: list[Process]) -> None:
    """Check that none of these lives."""
    assert [process for process in processes if is_alive(process)] == []


def read_log(record: Record) -> str:
    """Read what a server wrote."""
    return Path(record.log).read_text()


@pytest.fixture
def state() -> Iterator[Path]:
    """Make a state directory that other users may pass through."""
    machine = Path(tempfile.mkdtemp(prefix="platform-local-"))
    path = machine / "state"
    path.mkdir()
    for each in (machine, path):
        each.chmod(0o711)
    yield path
    shutil.rmtree(machine)


@pytest.fixture
async def machine(state: Path) -> AsyncIterator[Machine]:
    """Give a machine on which all servers run as ourselves, and leave nothing running."""
    machine = open_machine(state, isolate=False, uids=(200_000, 265_535))
    yield machine
    left = find_reservations(machine.instance)
    groups = find_groups(machine.instance)
    if left:
        await end_server(Target(machine.instance), grace=0, patience=10)
    remove_groups(groups)
    machine.sockets.clear()
    assert not left, "processes were left behind"
    assert not groups, "control groups were left behind"


@pytest.fixture(autouse=True)
def own_priority() -> Iterator[None]:
    """Begin as urgent as a Hub does, whatever these tests are run at, and leave no trace."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    if os.geteuid() == 0:
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    yield
    if os.geteuid() == 0:
        os.setpriority(os.PRIO_PROCESS, 0, before)


@pytest.fixture
def isolated(machine: Machine, state: Path) -> Machine:
    """Give the same machine with a user id for each person, whatever Python runs these tests."""
    return replace(machine, isolated=True, os_users=isolated_people(state))


def isolated_people(state: Path, span: tuple[int, int] = (FIRST_UID, LAST_UID)) -> OsUsers:
    """Give the people of a platform, with a register of user ids that is the test's own."""
    homes = state / "homes"
    ids = UserIds(read_instance(state), state, homes, span, state.parent / "uids", state.parent)
    return OsUsers(state, homes, ids)


class Servers:
    """Starts servers on a machine and ends them."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._count = 0
        self._orders: dict[str, Order] = {}
        self._started: dict[str, Callable[[], int]] = {}
        self.records: list[Record] = []

    def start(
        self,
        *command: str,
        person: OsUser | None = None,
        resources: Resources | None = None,
        processes: int = 0,
        environment: dict[str, str] | None = None,
        log_bytes: int = 10 * 2**20,
    ) -> tuple[Record, Callable[[], int]]:
        """Start ``command`` as a server; the second thing returned waits for its end."""
        self._count += 1
        person = person or self.machine.os_users.provide("ada")
        order = Order(
            os_user=person,
            server=f"s{self._count}",
            reservation=f"r{self._count}",
            command=command,
            environment={"PATH": os.defpath, **person.environment(), **(environment or {})},
            resources=resources or Resources(),
            processes=processes,
            grace=1.0,
            log_bytes=log_bytes,
        )
        self._orders[order.reservation] = order
        started, record = launch(self.machine, order)
        self.records.append(record)
        self._started[record.reservation] = lambda: started.wait(20)
        return record, self._started[record.reservation]

    def target(self, record: Record) -> Target:
        """Say what belongs to a server."""
        order = self._orders[record.reservation]
        return target_of(self.machine, order.os_user.name, order.server, record)

    def groups(self, record: Record) -> list[Path]:
        """Find the control groups of a server."""
        order = self._orders[record.reservation]
        mark = server_mark(order.os_user.name, order.server)
        return find_groups(self.machine.instance, mark, record.reservation)

    async def end(self, record: Record, grace: float = 3.0) -> None:
        """End a server, with all that it started."""
        await end_server(self.target(record), grace=grace, patience=10)
        assert find_living(self.target(record)) == set()
        self._started[record.reservation]()


def without_groups(servers: Servers) -> Servers:
    """Take control groups away, as on a machine where none may be made."""
    limiter = replace(servers.machine.limiter, parent=None, systemd=False)
    return Servers(replace(servers.machine, limiter=limiter))


@pytest.fixture
def servers(machine: Machine) -> Servers:
    """Start servers as ourselves."""
    return Servers(machine)
