"""Start one server under its supervisor, and keep what is needed to find it again."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlparse

from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.hub.local.cgroups import PREFIX, find_groups, remove_groups
from jupyterhub_platform.hub.local.ending import Target
from jupyterhub_platform.hub.local.limits import Confinement
from jupyterhub_platform.hub.local.machine import Machine
from jupyterhub_platform.hub.local.people import Person
from jupyterhub_platform.hub.local.processes import (
    INSTANCE_MARK,
    RESERVATION_MARK,
    SERVER_MARK,
    SUPERVISOR,
    LocalSpawnerError,
    Process,
    find_marked,
    find_supervisor,
    identify,
    is_supervisor,
    read_environment,
)

_SCOPE_LINE: Final = "0::"


@dataclass(frozen=True, slots=True)
class Order:
    """What to start, for whom, and with how much."""

    person: Person
    server: str
    reservation: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    resources: Resources
    processes: int
    grace: float

    @property
    def mark(self) -> str:
        """Return the mark ``<user>/<server>``."""
        return f"{self.person.name}/{self.server}"


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept about a running server, also across a restart of the Hub."""

    supervisor: Process
    reservation: str
    groups: tuple[Path, ...]
    log: str
    port: int

    def target(self, instance: str) -> Target:
        """Say what ends with this server."""
        return Target(instance, self.reservation, self.supervisor, self.groups)

    def dump(self) -> dict[str, Any]:
        """Render as JSON values."""
        return {
            "pid": self.supervisor.pid,
            "start_time": self.supervisor.start_time,
            "boot_id": self.supervisor.boot_id,
            "reservation": self.reservation,
            "cgroups": [str(path) for path in self.groups],
            "log": self.log,
            "port": self.port,
        }

    @classmethod
    def load(cls, found: Mapping[str, Any]) -> Self | None:
        """Read what :meth:`dump` wrote; None if it is not that."""
        try:
            return cls(
                Process(int(found["pid"]), int(found["start_time"]), str(found["boot_id"])),
                str(found["reservation"]),
                tuple(Path(path) for path in found["cgroups"]),
                str(found["log"]),
                int(found["port"]),
            )
        except (KeyError, TypeError, ValueError):
            return None


def launch(machine: Machine, order: Order, port: int) -> tuple[subprocess.Popen[bytes], Record]:
    """Start a server; nothing is left behind where that fails.

    There is no moment in which it runs without its marks: they are in the environment that the
    supervisor is executed with.

    Raises
    ------
    LocalSpawnerError
        Raised if the system refuses.
    """
    try:
        confinement = machine.limiter.confine(
            machine.instance, order.reservation, order.resources, order.processes
        )
    except (OSError, ValueError) as error:
        raise LocalSpawnerError(f"The server's limits cannot be set: {error}") from error
    try:
        started, log = _start(machine, order, confinement)
    except OSError as error:
        remove_groups(confinement.groups)
        raise LocalSpawnerError(f"The server cannot be started: {error}") from error
    supervisor = identify(started.pid)
    if supervisor is None:
        status = started.wait()
        remove_groups(confinement.groups)
        raise LocalSpawnerError(f"The server ended at once, with status {status}; see {log}.")
    groups = confinement.groups + (_scope_of(started.pid) if confinement.wrapper else ())
    return started, Record(supervisor, order.reservation, groups, str(log), port)


def _start(
    machine: Machine, order: Order, confinement: Confinement
) -> tuple[subprocess.Popen[bytes], Path]:
    descriptor, log = machine.open_log(order.person.name, order.server)
    environment = {
        **order.environment,
        **confinement.environment,
        INSTANCE_MARK: machine.instance,
        RESERVATION_MARK: order.reservation,
        SERVER_MARK: order.mark,
    }
    try:
        started = subprocess.Popen(  # noqa: S603 the operator's command
            [*confinement.wrapper, *_supervisor_command(order, confinement)],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            close_fds=True,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    return started, log


def _supervisor_command(order: Order, confinement: Confinement) -> Sequence[str]:
    # Isolated (-I -S): it runs as the Hub's user with a person's HOME, and must load nothing
    # from there.
    command = [sys.executable, "-I", "-S", str(SUPERVISOR)]
    for path in confinement.groups:
        command += ["--group", str(path / "cgroup.procs")]
    if order.person.uid is not None:
        command += ["--uid", str(order.person.uid), "--processes", str(order.processes)]
    for name in confinement.unset:
        command += ["--unset", name]
    command += ["--cwd", str(order.person.home), "--grace", str(order.grace)]
    return [*command, "--", *order.command]


def _scope_of(pid: int) -> tuple[Path, ...]:
    """Find the group of the scope that systemd made around ``pid``."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    paths = [line.removeprefix(_SCOPE_LINE) for line in lines if line.startswith(_SCOPE_LINE)]
    found = [Path("/sys/fs/cgroup") / path.lstrip("/") for path in paths]
    return tuple(path for path in found if path.name.startswith(PREFIX))


def find_record(machine: Machine, mark: str) -> Record | None:
    """Find a running server that nothing was written down about, by its ``<user>/<server>``."""
    found = find_supervisor(machine.instance, mark)
    if found is None:
        return None
    groups = tuple(find_groups(machine.instance, found.reservation))
    url = urlparse(read_environment(found.process.pid).get("JUPYTERHUB_SERVICE_URL", ""))
    return Record(found.process, found.reservation, groups, "", url.port or 0)


def find_leftovers(machine: Machine, mark: str) -> list[Target]:
    """Find all that carries the mark of a server, by reservation, with or without supervisor."""
    marked = find_marked(machine.instance, server=mark)
    supervisors = {one.reservation: one.process for one in marked if is_supervisor(one.process.pid)}
    return [
        Target(
            machine.instance,
            reservation,
            supervisors.get(reservation),
            tuple(find_groups(machine.instance, reservation)),
        )
        for reservation in sorted({one.reservation for one in marked})
    ]
