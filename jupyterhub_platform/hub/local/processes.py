"""Tell which processes belong to whom, by evidence that no user's process can forge.

A process id alone means nothing: the kernel reuses it. A process is identified by its id, its start
tick and its boot. Its owner is in the mark in the environment that its supervisor was started with,
and a mark counts only in a process of the Hub's own user: any program may put any mark on itself.
"""

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import psutil

from jupyterhub_platform.core.errors import LocalSpawnerError

INSTANCE_MARK: Final = "JUPYTERHUB_PLATFORM_INSTANCE"
RESERVATION_MARK: Final = "JUPYTERHUB_PLATFORM_RESERVATION"
SERVER_MARK: Final = "JUPYTERHUB_PLATFORM_SERVER"

SUPERVISOR: Final = Path(__file__).with_name("supervisor.py")
ISOLATED: Final = ("-I", "-S", str(SUPERVISOR))
"""How the supervisor is run: it is the Hub's user with a person's HOME, and must load nothing
from there."""

PYTHON: Final = str(Path(sys.executable).parent.resolve() / Path(sys.executable).name)
"""This Python, by a path that users can follow: a link to it may be where they may not go."""

_ENDED: Final = frozenset({psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Process:
    """One process of one boot, as it is recorded; two with one ``pid`` differ in the rest."""

    pid: int
    start_time: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class Marked:
    """A process whose marks are trusted, with the owner that they name."""

    process: Process
    instance: str
    server: str
    reservation: str


def require_linux() -> None:
    """Check that this system exposes its processes as Linux does.

    Raises
    ------
    LocalSpawnerError
        Raised where processes cannot be told apart as on Linux.
    """
    if not psutil.LINUX or not owners_of(os.getpid()):
        raise LocalSpawnerError(
            "The local spawner needs Linux: it recognises servers by what /proc says about them. "
            "Run the platform in a Linux virtual machine or container, or use Kubernetes."
        )


def server_mark(user: str, server: str) -> str:
    """Return the mark of a server; no two servers have the same."""
    return "/".join(quote(name, safe="@", errors="surrogatepass") for name in (user, server))


@cache
def boot_id() -> str:
    """Return the id of this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> Process | None:
    """Return the process that has ``pid`` now; None if there is none or it has ended."""
    try:
        found = psutil.Process(pid)
        return None if has_ended(found) else Process(pid, _start_tick(found), boot_id())
    except psutil.Error:
        return None


def is_alive(process: Process) -> bool:
    """Tell whether exactly this process still runs, not a later one with its id."""
    return identify(process.pid) == process


def has_ended(process: psutil.Process) -> bool:
    """Tell whether a process is dead and only waits to be reaped.

    A process whose first thread has ended while others go on looks dead, but is not.
    """
    # Not num_threads(): a process name can forge it, as it can Uid.
    return process.status() in _ENDED and len(process.threads()) <= 1


def is_running(process: psutil.Process) -> bool:
    """Tell whether a process still runs; one that only waits to be reaped does not.

    Its parent may be slow to reap it; its files and sockets are closed by then.
    """
    try:
        return bool(process.is_running() and not has_ended(process))
    except psutil.Error:
        return False


def _start_tick(process: psutil.Process) -> int:
    """Return when a process started, in ticks since the boot.

    psutil reports it by the wall clock, which may be set while servers run.
    """
    booted = psutil.boot_time()
    tick = round((process.create_time() - booted) * _TICKS_PER_SECOND)
    return tick if psutil.boot_time() == booted else _start_tick(psutil.Process(process.pid))


def owners_of(pid: int) -> frozenset[int]:
    """Return all kinds of user ids of a process; none if there is no such process.

    Not with psutil, which takes the first ``Uid:`` that it meets: a program may name itself so. A
    name cannot hold a line feed, but can hold other line ends of ``splitlines``.
    """
    try:
        with open(f"/proc/{pid}/status", "rb") as status:  # noqa: PTH123 light
            lines = status.read().split(b"\n")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return frozenset()
    return frozenset(int(uid) for one in lines if one[:4] == b"Uid:" for uid in one.split()[1:])


def list_owners() -> set[int]:
    """Return the user ids, of every kind, that the machine's processes have."""
    return set().union(*(owners_of(pid) for pid in psutil.pids()))


def runs_as(pid: int, uids: Collection[int]) -> bool:
    """Tell whether a process has only these user ids."""
    if effective_owner(pid) not in uids:
        return False
    owners = owners_of(pid)
    return bool(owners) and owners.issubset(uids)


def effective_owner(pid: int) -> int:
    """Return the user id that a process acts as, which is cheap to read; -1 if it is gone."""
    try:
        return os.stat(f"/proc/{pid}").st_uid  # noqa: PTH116 light
    except OSError:
        return -1


def _ask_ours(pid: int, question: Callable[[psutil.Process], T | None]) -> T | None:
    """Ask a process a question that only one of our own user answers truthfully.

    Ownership is checked before and after: a process that drops its rights in between, or reuses the
    id, is not trusted. Others are not even read, as their answer may be of any size.
    """
    own = {os.geteuid()}
    if not runs_as(pid, own):
        return None
    try:
        process = psutil.Process(pid)
        answer = question(process)
        return answer if answer and process.is_running() and runs_as(pid, own) else None
    except psutil.Error:
        return None


def read_environment(pid: int) -> Mapping[str, str]:
    """Read the environment of a process of our own user; empty if there is no such process."""
    return _ask_ours(pid, psutil.Process.environ) or {}


def read_marks(pid: int) -> Marked | None:
    """Read the marks of ``pid``; None if it has none, or none that are trusted."""
    return _ask_ours(pid, _find_marks)


def _find_marks(process: psutil.Process) -> Marked | None:
    environment = process.environ()
    if INSTANCE_MARK not in environment or (known := identify(process.pid)) is None:
        return None
    names = (INSTANCE_MARK, SERVER_MARK, RESERVATION_MARK)
    return Marked(known, *(environment.get(name, "") for name in names))


def is_supervisor(pid: int) -> bool:
    """Tell whether ``pid`` is a supervisor that a Hub of this user started."""
    return tuple((_ask_ours(pid, psutil.Process.cmdline) or ())[1:4]) == ISOLATED


def find_marked(instance: str, server: str | None = None) -> list[Marked]:
    """Find the living processes of a platform, or one server, by trusted marks.

    The oldest come first.
    """
    marked = [one for pid in psutil.pids() if (one := read_marks(pid))]
    found = [one for one in marked if one.instance == instance and server in {None, one.server}]
    return sorted(found, key=lambda one: (one.process.start_time, one.process.pid))


class ProcessTable:
    """One snapshot of all living processes, which caches what it has read.

    Parameters
    ----------
    uids
        Only processes of these users and of our own, if any are given: a user's processes cannot
        become another's, and each user may have thousands.
    """

    def __init__(self, uids: Collection[int] = ()) -> None:
        self._processes: dict[int, psutil.Process] = {}
        self._parents: dict[int, int] = {}
        self._read_marks = cache(read_marks)
        self._tops = {0}
        wanted = {os.geteuid(), *uids}
        for process in psutil.process_iter():
            owner = effective_owner(process.pid)
            if uids and owner not in wanted:
                # Not one that has just ended: its children have other parents now.
                self._tops |= {process.pid} if owner >= 0 else set()
                continue
            with suppress(psutil.Error), process.oneshot():
                if not has_ended(process):
                    self._parents[process.pid] = process.ppid()
                    self._processes[process.pid] = process

    def __iter__(self) -> Iterator[psutil.Process]:
        """Yield them newest id first: a fast forker is found at its newest end.

        Never this process or its ancestors, which nothing here may end.
        """
        spared = {0, 1, *self.line(os.getpid())}
        return (p for pid, p in sorted(self._processes.items(), reverse=True) if pid not in spared)

    def line(self, pid: int) -> list[int]:
        """Return ``pid`` and its ancestors, as far as visible."""
        line: list[int] = []
        while pid in self._parents and pid not in line:
            line.append(pid)
            pid = self._parents[pid]
        return line

    def is_whole(self, line: list[int]) -> bool:
        """Tell whether a line reaches its root: a process that ends during the scan breaks it."""
        return self._parents[line[-1]] in self._tops

    def nearest_marks(self, line: Iterable[int]) -> Marked | None:
        """Return the first trusted marks in a line."""
        return next(filter(None, map(self._read_marks, line)), None)
