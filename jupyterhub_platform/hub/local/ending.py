"""End everything that one server started, and say so only when it is true.

A kernel or a terminal starts a session of its own; a program may empty its environment, or
fork faster than it is found. So everything is found in three ways at once (control group,
marks, descent), stopped so that it cannot fork on, then killed, and looked for again until
nothing is found.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jupyterhub_platform.hub.local.cgroups import (
    PREFIX,
    SCOPE,
    find_groups,
    kill_members,
    members,
    remove_groups,
)
from jupyterhub_platform.hub.local.processes import (
    Entry,
    LocalSpawnerError,
    Process,
    all_entries,
    find_marked,
    is_alive,
    iterate_marked,
    own_line,
    with_descendants,
)

_ROUNDS: Final = 20
_PAUSE: Final = 0.05
_AT_ONCE: Final = 2.0
# What forks fast can be missed by one look.
_QUIET_ROUNDS: Final = 2


class StillAliveError(LocalSpawnerError):
    """Raised if processes of a server could not be ended."""

    code = "platform.local.still_alive"


@dataclass(frozen=True, slots=True)
class Target:
    """What belongs to one server.

    Attributes
    ----------
    instance, reservation
        The marks that its processes were started with.
    supervisor
        Its supervisor, as recorded; passed over if it is gone, or its id another process's.
    groups
        Its control groups; only such as bear our name are looked into.
    """

    instance: str
    reservation: str
    supervisor: Process | None = None
    groups: tuple[Path, ...] = ()

    @property
    def supervised(self) -> bool:
        """Tell whether the supervisor lives."""
        return self.supervisor is not None and is_alive(self.supervisor)


def find_living(target: Target) -> set[Process]:
    """Find every living process of ``target``; never this process or one above it."""
    seeds = {target.supervisor.pid} if target.supervisor and target.supervised else set()
    seeds |= members(_ours(target))
    seeds |= {one.process.pid for one in iterate_marked(target.instance, target.reservation)}
    if not seeds:
        return set()
    # Read after the seeds: what they forked meanwhile hangs on them.
    entries = all_entries()
    pids = with_descendants(seeds, entries) - own_line(entries)
    return {entries[pid].process for pid in pids if pid in entries and not entries[pid].ended}


def _ours(target: Target) -> tuple[Path, ...]:
    name = f"{PREFIX}-{target.instance}-{target.reservation}"
    return tuple(path for path in target.groups if path.name.removesuffix(SCOPE) == name)


def find_reservations(instance: str) -> set[str]:
    """Find the reservations of which anything runs, for comparison with those that should."""
    marked = {one.reservation for one in find_marked(instance)}
    prefix = f"{PREFIX}-{instance}-"
    grouped = {
        path.name.removeprefix(prefix).removesuffix(SCOPE)
        for path in find_groups(instance)
        if members([path])
    }
    return (marked | grouped) - {""}


def sweep(target: Target) -> set[Process]:
    """Freeze and kill all of ``target`` once; return what was found alive before.

    The supervisor comes last, when nothing else is left: as long as it lives, all that loses
    its parent hangs on it and is found.
    """
    found: set[Process] = set()
    for _ in range(_ROUNDS):
        new = _freeze(target) - found
        if not new:
            break
        found |= new
    kill_members(_ours(target))
    send_signal(found, signal.SIGKILL)
    if not found and target.supervisor and target.supervised:
        found = {target.supervisor}
        send_signal(found, signal.SIGKILL)
    return found


def _freeze(target: Target) -> set[Process]:
    """Stop each process of ``target`` on sight, before it can fork on."""
    spared = {target.supervisor} | {entry.process for entry in _own_entries()}
    frozen: set[Process] = set()
    for marked in iterate_marked(target.instance, target.reservation):
        if marked.process not in spared:
            send_signal([marked.process], signal.SIGSTOP)
            frozen.add(marked.process)
    others = find_living(target) - frozen - spared
    send_signal(others, signal.SIGSTOP)
    return frozen | others


def _own_entries() -> list[Entry]:
    entries = all_entries()
    return [entries[pid] for pid in own_line(entries) if pid in entries]


def send_signal(processes: Iterable[Process], number: signal.Signals) -> None:
    """Send a signal to exactly these processes, not to later ones that have their ids."""
    for process in processes:
        with suppress(OSError):
            _send(process, number)


def _send(process: Process, number: signal.Signals) -> None:
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    except OSError:
        # A sandbox may forbid handles; then the moment between check and signal stays open.
        if is_alive(process):
            os.kill(process.pid, number)
        return
    try:
        # The handle holds the process, whatever becomes of its id.
        if is_alive(process):
            signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


async def end_server(target: Target, *, grace: float, patience: float) -> None:
    """End a server and all that it started; return when nothing of it is left.

    Parameters
    ----------
    grace
        Seconds that the supervisor has to shut everything down; 0 to have it kill at once.
    patience
        Seconds to go on killing after that.

    Raises
    ------
    StillAliveError
        Raised if something outlives all this, as a program run as another user can.
    """
    if target.supervisor is not None and target.supervised:
        wish = signal.SIGTERM if grace > 0 else signal.SIGINT
        send_signal([target.supervisor], wish)
        deadline = time.monotonic() + (grace or _AT_ONCE)
        # No event tells about the end of a process that another Hub started.
        while target.supervised and time.monotonic() < deadline:  # noqa: ASYNC110
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
    await _remove(target, deadline)


def _describe_left(target: Target, left: Iterable[Process]) -> str:
    pids = ", ".join(str(process.pid) for process in sorted(left, key=lambda one: one.pid)[:10])
    return (
        f"Processes of reservation {target.reservation} cannot be ended: {pids}. They run as "
        "another user or hang in the kernel; end them by hand, then stop the server again."
    )


async def _remove(target: Target, deadline: float) -> None:
    # The kernel takes a moment to let go of a group whose last member was just reaped.
    while remove_groups(_ours(target)) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(_PAUSE)


async def end_all(instance: str, *, patience: float = 20.0) -> int:
    """End every server of one state directory, and return how many there were.

    Raises
    ------
    StillAliveError
        Raised if something outlives it.
    """
    reservations = find_reservations(instance)
    for reservation in sorted(reservations):
        groups = tuple(
            path
            for path in find_groups(instance)
            if path.name.removesuffix(SCOPE).endswith(reservation)
        )
        target = Target(instance, reservation, None, groups)
        await end_server(target, grace=0, patience=patience)
        remove_groups(groups)
    return len(reservations)
