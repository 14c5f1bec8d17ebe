"""Find the processes of one server, so that no other process is ever taken for one of them.

A process id alone means nothing: the kernel gives it to another process later. A process is
known by its id, the tick at which it started and the boot in which that happened; that it is
*ours* is known from marks in the environment it was started with. Everything here is read
from ``/proc``.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from jupyterhub_platform.core.errors import PlatformError

INSTANCE_MARK: Final = "JUPYTERHUB_PLATFORM_INSTANCE"
RESERVATION_MARK: Final = "JUPYTERHUB_PLATFORM_RESERVATION"
SERVER_MARK: Final = "JUPYTERHUB_PLATFORM_SERVER"

SUPERVISOR: Final = Path(__file__).with_name("supervisor.py")

_PROC: Final = Path("/proc")
_ENDED: Final = frozenset("ZXx")


PYTHON: Final = str(Path(sys.executable).parent.resolve() / Path(sys.executable).name)
"""This Python, by a path that people can follow: a link to it may be where they may not go."""


class LocalSpawnerError(PlatformError):
    """Raised if the local spawner cannot do on this machine what was asked of it."""

    code = "platform.local"


@dataclass(frozen=True, slots=True)
class Process:
    """One process of one boot; two of the same ``pid`` differ in the rest."""

    pid: int
    start_time: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What one line of ``/proc/PID/stat`` says."""

    process: Process
    parent: int
    state: str

    @property
    def ended(self) -> bool:
        """Tell whether it is dead and only waits to be reaped."""
        return self.state in _ENDED


@dataclass(frozen=True, slots=True)
class Marked:
    """A process that carries our marks, and whose it says it is."""

    process: Process
    instance: str
    reservation: str
    server: str


def require_linux() -> None:
    """Check that this system shows its processes.

    Raises
    ------
    LocalSpawnerError
        Raised where there is no ``/proc`` as Linux has it.
    """
    if not (_PROC / "self" / "stat").exists() or not (_PROC / "self" / "environ").exists():
        raise LocalSpawnerError(
            "The local spawner needs Linux: it recognises servers by what /proc says about them. "
            "Run the platform in a Linux virtual machine or container, or use Kubernetes."
        )


@cache
def boot_id() -> str:
    """Return the id of this boot of the machine."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def read_entry(pid: int) -> Entry | None:
    """Read what the kernel says about ``pid``; None if there is no such process."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name of the program stands in parentheses and may itself contain some.
    fields = text.rpartition(")")[2].split()
    if len(fields) < 20:
        return None
    return Entry(Process(pid, int(fields[19]), boot_id()), int(fields[1]), fields[0])


def identify(pid: int) -> Process | None:
    """Return which process has ``pid`` now; None if none has or it has ended."""
    entry = read_entry(pid)
    return None if entry is None or entry.ended else entry.process


def is_alive(process: Process) -> bool:
    """Tell whether exactly this process, not a later one with its id, still runs."""
    return identify(process.pid) == process


def all_entries() -> dict[int, Entry]:
    """Read all processes of the machine, by process id."""
    entries = (read_entry(pid) for pid in _pids())
    return {entry.process.pid: entry for entry in entries if entry is not None}


def _pids() -> Iterator[int]:
    return (int(path.name) for path in _PROC.iterdir() if path.name.isdecimal())


def list_owners() -> set[int]:
    """Return the user ids, of every kind, that the machine's processes have."""
    owners: set[int] = set()
    for pid in _pids():
        try:
            status = (_PROC / str(pid) / "status").read_text(errors="replace")
        except OSError:
            continue
        owners.update(
            int(uid)
            for line in status.splitlines()
            if line.startswith("Uid:")
            for uid in line.split()[1:]
        )
    return owners


def read_environment(pid: int) -> dict[str, str]:
    """Read the environment that ``pid`` was started with; empty if it is not ours to read."""
    try:
        raw = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    pairs = (item.partition(b"=") for item in raw.split(b"\0") if item)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def iterate_marked(
    instance: str, reservation: str | None = None, server: str | None = None
) -> Iterator[Marked]:
    """Yield the living processes of this platform as soon as each is seen, newest id first.

    Newest first, because what forks faster than it is looked for is found at its newest end.

    Parameters
    ----------
    instance
        Id of the platform's state directory.
    reservation
        Only those of this reservation, if given.
    server
        Only those of this ``<user>/<server>``, if given.
    """
    needle = f"{INSTANCE_MARK}={instance}".encode()
    for pid in sorted(_pids(), reverse=True):
        try:
            if needle not in (_PROC / str(pid) / "environ").read_bytes():
                continue
        except OSError:
            continue
        marked = read_marks(pid)
        if (
            marked is not None
            and marked.instance == instance
            and reservation in {None, marked.reservation}
            and server in {None, marked.server}
        ):
            yield marked


def find_marked(
    instance: str, reservation: str | None = None, server: str | None = None
) -> list[Marked]:
    """Find the living processes of this platform, oldest first; as :func:`iterate_marked`."""
    found = iterate_marked(instance, reservation, server)
    return sorted(found, key=lambda marked: (marked.process.start_time, marked.process.pid))


def read_marks(pid: int) -> Marked | None:
    """Read the marks of ``pid``; None if it has none or has ended.

    The process is identified before and after, so that the marks are those of that process.
    """
    process = identify(pid)
    environment = read_environment(pid)
    if process is None or INSTANCE_MARK not in environment or identify(pid) != process:
        return None
    return Marked(
        process=process,
        instance=environment[INSTANCE_MARK],
        reservation=environment.get(RESERVATION_MARK, ""),
        server=environment.get(SERVER_MARK, ""),
    )


def is_supervisor(pid: int) -> bool:
    """Tell whether ``pid`` is a supervisor that a Hub of this user started.

    Marks are inherited, and a person may put any mark on processes of their own. A supervisor
    belongs to whoever runs the Hub, which nobody else's process can.
    """
    try:
        owner = (_PROC / str(pid)).stat().st_uid
        arguments = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return owner == os.geteuid() and os.fsencode(SUPERVISOR) in arguments[:5]


def find_supervisor(instance: str, server: str) -> Marked | None:
    """Find the supervisor of ``server``, for a Hub that does not know what it started."""
    marked = find_marked(instance, server=server)
    return next((one for one in marked if is_supervisor(one.process.pid)), None)


def with_descendants(pids: Iterable[int], entries: Mapping[int, Entry]) -> set[int]:
    """Return ``pids`` with all children of theirs, and theirs, as far as they still hang on."""
    children: dict[int, list[int]] = {}
    for pid, entry in entries.items():
        children.setdefault(entry.parent, []).append(pid)
    found: set[int] = set()
    waiting = list(pids)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return found


def own_line(entries: Mapping[int, Entry]) -> set[int]:
    """Return this process and all its ancestors, which nothing here ever ends."""
    line = {0, 1}
    pid = os.getpid()
    while pid not in line:
        line.add(pid)
        entry = entries.get(pid)
        pid = entry.parent if entry is not None else 0
    return line
