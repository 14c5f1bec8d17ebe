"""Start one server under its supervisor, and record what is needed to find it again."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from jupyterhub_platform.core.errors import LocalSpawnerError
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.hub.local.cgroups import group_name, remove_groups
from jupyterhub_platform.hub.local.machine import Machine
from jupyterhub_platform.hub.local.os_users import OsUser
from jupyterhub_platform.hub.local.processes import (
    INSTANCE_MARK,
    ISOLATED,
    RESERVATION_MARK,
    SERVER_MARK,
    Process,
    find_marked,
    identify,
    is_supervisor,
    server_mark,
)
from jupyterhub_platform.hub.local.termination import Target
from jupyterhub_platform.hub.upstream.kernel_sockets import hide_kernels


@dataclass(frozen=True, slots=True)
class Order:
    """What to start, for which user, and with which resources."""

    os_user: OsUser
    server: str
    reservation: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    resources: Resources
    processes: int
    grace: float
    log_bytes: int = 10 * 2**20
    debugger: bool = False

    @property
    def mark(self) -> str:
        """Return what marks the server's processes."""
        return server_mark(self.os_user.name, self.server)


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept about a running server, also across a restart of the Hub."""

    supervisor: Process
    reservation: str
    log: str

    def dump(self) -> dict[str, Any]:
        """Render as JSON values."""
        found = asdict(self)
        return {**found.pop("supervisor"), **found}

    @classmethod
    def load(cls, found: Mapping[str, Any]) -> Self | None:
        """Read what :meth:`dump` wrote; None if it is not that."""
        try:
            return cls(
                Process(int(found["pid"]), int(found["start_time"]), str(found["boot_id"])),
                str(found["reservation"]),
                str(found["log"]),
            )
        except (KeyError, TypeError, ValueError):
            return None


def launch(machine: Machine, order: Order) -> tuple[subprocess.Popen[bytes], Record]:
    """Start a server; on failure nothing is left behind.

    It never runs without its marks: they are in the environment that the supervisor is executed
    with.

    Raises
    ------
    LocalSpawnerError
        Raised if the system refuses.
    """
    try:
        name = group_name(machine.instance, order.mark, order.reservation)
        group, wrapper = machine.limiter.confine(name, order.resources, order.processes)
    except (OSError, ValueError) as error:
        raise LocalSpawnerError(f"The server's limits cannot be set: {error}") from error
    groups = [group] if group else []
    try:
        started, log = _start(machine, order, [*wrapper, *_supervisor_command(order, group)])
    except OSError as error:
        remove_groups(groups)
        raise LocalSpawnerError(f"The server cannot be started: {error}") from error
    supervisor = identify(started.pid)
    if supervisor is None:
        status = started.wait()
        remove_groups(groups)
        raise LocalSpawnerError(f"The server ended at once, with status {status}; see {log}.")
    return started, Record(supervisor, order.reservation, str(log))


def _start(
    machine: Machine, order: Order, command: Sequence[str]
) -> tuple[subprocess.Popen[bytes], Path]:
    os_user, sockets, environment = order.os_user, machine.sockets, order.environment
    environment = {
        **environment,
        **hide_kernels(sockets, os_user.uid, os_user.home, environment, debugger=order.debugger),
        INSTANCE_MARK: machine.instance,
        RESERVATION_MARK: order.reservation,
        SERVER_MARK: order.mark,
    }
    descriptor, log = machine.open_log(os_user.name, order.server)
    try:
        with sockets.bind(os_user.name, order.server, os_user.uid) as listener:
            started = subprocess.Popen(  # noqa: S603 the operator's command
                command,
                env=environment,
                cwd="/",
                stdin=listener.fileno(),
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
            )
    finally:
        os.close(descriptor)
    return started, log


def _supervisor_command(order: Order, group: Path | None) -> list[str]:
    command = [sys.executable, *ISOLATED, "--log", str(order.log_bytes)]
    if group is not None:
        command += ["--group", str(group / "cgroup.procs")]
    if order.os_user.uid is not None:
        command += ["--uid", str(order.os_user.uid), "--processes", str(order.processes)]
    command += ["--cwd", str(order.os_user.home), "--grace", str(order.grace)]
    return [*command, "--", *order.command]


def find_record(target: Target) -> Record | None:
    """Find a running server that was never recorded."""
    for one in find_marked(target.instance, target.server):
        if is_supervisor(one.process.pid):
            return Record(one.process, one.reservation, "")
    return None


def target_of(machine: Machine, user: str, server: str, record: Record | None = None) -> Target:
    """Return what ends with a server: one run of it, or whatever is left of all runs."""
    return Target(
        machine.instance,
        server_mark(user, server),
        record.reservation if record else None,
        machine.os_users.find_uids(user),
        record.supervisor if record else None,
    )
