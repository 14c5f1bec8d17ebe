"""End everything that one server started, and report it only once it is true.

A kernel or a terminal starts its own session; a program may empty its environment, or fork faster
than it is found. So everything is found in every way that its user cannot forge (control group,
descent from the supervisor, a user id that no one else has), stopped so that it cannot fork on,
then killed, and searched for again until nothing is found.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from jupyterhub_platform.core.errors import LocalSpawnerError
from jupyterhub_platform.hub.local.cgroups import (
    find_groups,
    kill_members,
    members,
    remove_groups,
    reservation_of,
)
from jupyterhub_platform.hub.local.processes import (
    Marked,
    Process,
    ProcessTable,
    find_marked,
    is_alive,
    is_supervisor,
    runs_as,
)

_ROUNDS: Final = 20
_PAUSE: Final = 0.05
_NO_GRACE_SECONDS: Final = 2.0
# One scan can miss fast forkers.
_QUIET_ROUNDS: Final = 2


class StillAliveError(LocalSpawnerError):
    """Raised if processes of a server could not be ended."""

    code = "platform.local.still_alive"


@dataclass(frozen=True, slots=True)
class Target:
    """What is to end.

    Attributes
    ----------
    instance
        Id of the platform's state directory.
    server
        One server, by its mark; all if None.
    reservation
        One run of it; any if None.
    uids
        User ids that belong only to the users whose servers end. Every process with one of them
        ends unless it is below the supervisor of a server that goes on.
    supervisor
        Its supervisor, as recorded; ignored if it is gone, or another process has its id.
    """

    instance: str
    server: str | None = None
    reservation: str | None = None
    uids: frozenset[int] = frozenset()
    supervisor: Process | None = None

    def find_supervisor(self) -> psutil.Process | None:
        """Find the supervisor, if it lives."""
        known = self.supervisor
        if known is not None:
            with suppress(psutil.Error):
                # Taken before the check: if it is the supervisor then, it is what is signalled.
                process = psutil.Process(known.pid)
                if is_alive(known) and runs_as(known.pid, {os.geteuid()}):
                    return process
        return None

    def groups(self) -> list[Path]:
        """Find its control groups."""
        return find_groups(self.instance, self.server, self.reservation)

    def includes(self, marks: Marked) -> bool:
        """Tell whether a process with these marks is to end."""
        return (
            marks.instance == self.instance
            and self.server in {None, marks.server}
            and self.reservation in {None, marks.reservation}
        )


def iterate_living(target: Target, groups: Iterable[Path]) -> Iterator[psutil.Process]:
    """Yield every living process of ``target``, newest first; never this one or its ancestors."""
    supervisor = target.find_supervisor()
    seeds = members(groups) | ({supervisor.pid} if supervisor else set())
    # Read after the seeds: what they have forked since is below them.
    table = ProcessTable(target.uids)
    for process in table:
        line = table.line(process.pid)
        marks = table.nearest_marks(line)
        orphan = marks is None and table.is_whole(line) and runs_as(process.pid, target.uids)
        if orphan or not seeds.isdisjoint(line) or (marks and target.includes(marks)):
            yield process


def find_living(target: Target) -> set[psutil.Process]:
    """Find every living process of ``target``; never this process or its ancestors."""
    return set(iterate_living(target, target.groups()))


def find_reservations(instance: str) -> set[str]:
    """Find the reservations with running processes, for comparison with the expected ones."""
    marked = {one.reservation for one in find_marked(instance)}
    groups = [path for path in find_groups(instance) if members([path])]
    return (marked | {reservation_of(instance, path) for path in groups}) - {""}


def sweep(target: Target) -> set[psutil.Process]:
    """Freeze and kill all of ``target`` once; return what was alive before.

    A supervisor comes last, when nothing else is left: as long as it lives, it adopts all orphans,
    and they are found.
    """
    found: set[psutil.Process] = set()
    supervisors: set[psutil.Process] = set()
    recorded = target.supervisor.pid if target.supervisor else None
    groups = target.groups()
    # In one write: a fast forker would outrun the scans.
    kill_members(groups)
    for _ in range(_ROUNDS):
        before = len(found)
        for process in iterate_living(target, groups):
            if process.pid == recorded or is_supervisor(process.pid):
                supervisors.add(process)
            elif process not in found:
                # At once, before it can fork on.
                send_signal(process, signal.SIGSTOP)
                found.add(process)
        if len(found) == before:
            break
    for process in found or supervisors:
        send_signal(process, signal.SIGKILL)
    return found or supervisors


def send_signal(process: psutil.Process, number: signal.Signals) -> None:
    """Signal exactly this process, not a later one that has its id."""
    with suppress(psutil.Error, OSError):
        try:
            handle = os.pidfd_open(process.pid)
        except OSError:
            # A sandbox may forbid handles; then there is a race between check and signal.
            process.send_signal(number)
            return
        try:
            # The handle refers to the process, even if its id is reused.
            if process.is_running():
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


async def end_server(target: Target, *, grace: float, patience: float) -> None:
    """End a server and all that it started; return when nothing is left.

    Parameters
    ----------
    grace
        Seconds that the supervisor has to shut everything down; 0 to have it kill at once.
    patience
        Seconds to go on killing after that.

    Raises
    ------
    StillAliveError
        Raised if something survives all this, such as a process that hangs in the kernel.
    """
    if target.supervisor is not None:
        supervisor = await asyncio.to_thread(target.find_supervisor)
        if supervisor is not None:
            wish = signal.SIGTERM if grace > 0 else signal.SIGINT
            await asyncio.to_thread(send_signal, supervisor, wish)
        deadline = time.monotonic() + (grace or _NO_GRACE_SECONDS)
        # No event reports the end of a process that another Hub started.
        while await asyncio.to_thread(target.find_supervisor) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_PAUSE)
    deadline = time.monotonic() + patience
    quiet = 0
    while quiet < _QUIET_ROUNDS:
        found = await asyncio.to_thread(sweep, target)
        quiet = 0 if found else quiet + 1
        if found and time.monotonic() > deadline:
            raise StillAliveError(_describe_left(target, found))
        if found:
            await asyncio.sleep(_PAUSE)
    groups = await asyncio.to_thread(target.groups)
    # The kernel needs a moment to release a group whose last member was just reaped.
    while remove_groups(groups) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(_PAUSE)


def _describe_left(target: Target, left: Iterable[psutil.Process]) -> str:
    pids = ", ".join(str(pid) for pid in sorted(process.pid for process in left)[:10])
    return (
        f"Processes of {target.server or 'this platform'} cannot be ended: {pids}. They run as "
        "another user or hang in the kernel; end them by hand, then stop the server again."
    )


async def end_all(instance: str, uids: frozenset[int], *, patience: float = 20.0) -> int:
    """End every server of one state directory, whose users have ``uids``; return how many."""
    count = len(find_reservations(instance))
    await end_server(Target(instance, uids=uids), grace=0, patience=patience)
    return count
