"""Finds out by trying which limits of a server the operating system lets the Hub apply.

The others are reported as advisory, with the reason: a limit that only seems to hold is worse than
none.
"""

import os
import shutil
import subprocess
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from jupyterhub_platform.core.resource_names import CPU, MEMORY
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.hub.local.cgroups import Parent, group_name, list_places, remove_groups
from jupyterhub_platform.hub.local.processes import ISOLATED

_DIMENSIONS: Final = frozenset({CPU, MEMORY})
_CONTROLLERS: Final = frozenset({CPU, MEMORY, "pids"})
_TRIED: Final = Resources.of({CPU: 500, MEMORY: 2**28})
_TRIED_PROCESSES: Final = 64
_TRY_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Limiter:
    """What this machine can do about limits of servers, and how it is done.

    Attributes
    ----------
    enforced, advisory
        Names of resources; everything that is in neither is only counted.
    why_not
        One sentence for page and terminal; empty if nothing is advisory.
    """

    enforced: frozenset[str]
    advisory: frozenset[str]
    why_not: str
    parent: Parent | None = None
    systemd: bool = False

    def confine(
        self, name: str, resources: Resources, processes: int
    ) -> tuple[Path | None, list[str]]:
        """Give one server its limits: return the group that it joins, and what wraps its command.

        Raises
        ------
        OSError
            Raised, with nothing left behind, if the system now refuses what it granted before.
        """
        if self.systemd:
            return None, _scope(name, resources, processes)
        group = self.parent.make(name, resources, processes) if self.parent else None
        return group, []


@cache
def probe_limiter() -> Limiter:
    """Find by trying what this machine lets us do, once in the life of this process."""
    parent = _probe_parent()
    enforced = parent.controllers & _DIMENSIONS if parent else frozenset()
    advisory = _DIMENSIONS - enforced
    problem = _probe_systemd() if advisory else None
    if problem is None:
        # One process can be in one group only, be it systemd's.
        return Limiter(_DIMENSIONS, frozenset(), "", parent, systemd=bool(advisory))
    return Limiter(enforced, advisory, _explain(advisory, problem), parent)


def _explain(advisory: frozenset[str], problem: str) -> str:
    names = {CPU: "CPU", MEMORY: "memory"}
    shown = " and ".join(names[name] for name in sorted(advisory))
    verb = "limits are" if len(advisory) > 1 else "limit is"
    return (
        f"The {shown} {verb} advisory: control groups cannot be made here by "
        f"{'root' if os.geteuid() == 0 else 'this user'} that enforce them (cgroup v2), and "
        f"{problem}."
    )


def _probe_parent() -> Parent | None:
    """Find the place where most can be limited, the nearest one of equals."""
    working: list[Parent] = []
    for place in list_places():
        granted = frozenset(n for n in _CONTROLLERS if _works(Parent(place, frozenset({n}))))
        # Without any it still keeps a server's processes together.
        working += filter(_works, [Parent(place, granted)])
        if granted == _CONTROLLERS:
            break
    return max(working, key=lambda parent: len(parent.controllers), default=None)


def _works(parent: Parent) -> bool:
    """Try it for real: create a group, set limits, have a process join it, remove it."""
    try:
        path = parent.make(_probe_name(), _TRIED, _TRIED_PROCESSES)
    except OSError:
        return False
    try:
        argv = [sys.executable, *ISOLATED]
        argv += ["--group", str(path / "cgroup.procs"), "--", "/bin/sh", "-c", "exit 0"]
        return _succeeds(argv)
    finally:
        for _ in range(20):
            if not remove_groups([path]):
                break


def _probe_name() -> str:
    return group_name("probe", "", uuid.uuid4().hex)


def _succeeds(argv: list[str]) -> bool:
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(  # noqa: S603 our own command line
            argv, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=_TRY_SECONDS
        )
        return True
    return False


# What systemd-run needs to reach the user's own systemd, and a server should not have.
_SESSION: Final = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


def _scope(name: str, resources: Resources, processes: int) -> list[str]:
    argv = ["env", *(f"{each}={os.environ[each]}" for each in _SESSION if each in os.environ)]
    argv += ["systemd-run", "--user", "--scope", "--quiet", "--collect", f"--unit={name}"]
    if resources.amount(MEMORY):
        argv += ["-p", f"MemoryMax={resources.amount(MEMORY)}", "-p", "MemorySwapMax=0"]
    if resources.amount(CPU):
        argv += ["-p", f"CPUQuota={max(resources.amount(CPU) // 10, 1)}%"]
    if processes:
        argv += ["-p", f"TasksMax={processes}"]
    return [*argv, "--", "env", *(f"--unset={variable}" for variable in _SESSION)]


def _probe_systemd() -> str | None:
    """Try a scope of the user's own systemd; return the obstacle, None if there is none."""
    if os.geteuid() == 0:
        return "root has no systemd session of its own"
    if shutil.which("systemd-run") is None:
        return "there is no systemd-run"
    name = _probe_name()
    # Inside, the limits must be seen in the scope's own files, or systemd only said yes.
    check = (
        'd=/sys/fs/cgroup$(sed -n "s/^0:://p" /proc/self/cgroup); '
        f'test "$(cat "$d/memory.max")" = {_TRIED.amount(MEMORY)} && '
        'test "$(cut -d" " -f1 "$d/cpu.max")" != max'
    )
    if not _succeeds([*_scope(name, _TRIED, _TRIED_PROCESSES), "/bin/sh", "-c", check]):
        return "systemd does not grant this user a scope with limits"
    return None
