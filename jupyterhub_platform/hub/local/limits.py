"""What of a server's limits the operating system lets us apply, found out by trying.

What cannot be applied is said to be advisory, with the reason: a limit that is only believed
in is worse than none.
"""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from jupyterhub_platform.core.resources import CPU, MEMORY, Resources
from jupyterhub_platform.hub.local.cgroups import (
    Hierarchy,
    group_name,
    hierarchies,
    make_group,
    remove_groups,
    write_value,
)
from jupyterhub_platform.hub.local.processes import SUPERVISOR

_PIDS: Final = "pids"
_DIMENSIONS: Final = frozenset({CPU, MEMORY})
_CONTROLLERS: Final = frozenset({CPU, MEMORY, _PIDS})
_PERIOD: Final = 100_000  # microseconds; the kernel's own default
_LEAST_QUOTA: Final = 1_000  # microseconds; the kernel refuses less
_TRIED: Final = Resources.of({CPU: 500, MEMORY: 2**28})
_TRIED_PROCESSES: Final = 64
_TRY_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Enforcement:
    """Which limits of a server hold on this machine, and which are only said.

    Attributes
    ----------
    enforced, advisory
        Names of resources; everything that is in neither is only counted.
    how
        By which means, in a few words; empty if by none.
    why_not
        One sentence for page and terminal; empty if nothing is advisory.
    """

    enforced: frozenset[str]
    advisory: frozenset[str]
    how: str
    why_not: str


@dataclass(frozen=True, slots=True)
class Confinement:
    """Where one server is put: control groups to join, and a command to be started by."""

    groups: tuple[Path, ...] = ()
    wrapper: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Parent:
    """A control group in which groups for servers can be made."""

    path: Path
    version: int
    controllers: frozenset[str]

    def make(self, name: str, resources: Resources, processes: int) -> Path:
        """Make a group with these limits; nothing is left behind where that fails."""
        path = make_group(self.path, name, self.controllers, self.version)
        try:
            for file, value in self._values(resources, processes):
                write_value(path / file, value)
            if MEMORY in self.controllers and resources.amount(MEMORY):
                self._forbid_swap(path, resources.amount(MEMORY))
        except OSError:
            remove_groups([path])
            raise
        return path

    def _values(self, resources: Resources, processes: int) -> list[tuple[str, str]]:
        values: list[tuple[str, str]] = []
        cpu, memory = resources.amount(CPU), resources.amount(MEMORY)
        if CPU in self.controllers and cpu:
            quota = max(cpu * _PERIOD // 1000, _LEAST_QUOTA)
            if self.version == 2:
                values.append(("cpu.max", f"{quota} {_PERIOD}"))
            else:
                values.append(("cpu.cfs_period_us", str(_PERIOD)))
                values.append(("cpu.cfs_quota_us", str(quota)))
        if MEMORY in self.controllers and memory:
            name = "memory.max" if self.version == 2 else "memory.limit_in_bytes"
            values.append((name, str(memory)))
        if _PIDS in self.controllers and processes:
            values.append(("pids.max", str(processes)))
        return values

    def _forbid_swap(self, path: Path, memory: int) -> None:
        # A kernel without swap accounting has no such file.
        with suppress(FileNotFoundError, PermissionError):
            if self.version == 2:
                write_value(path / "memory.swap.max", "0")
            else:
                write_value(path / "memory.memsw.limit_in_bytes", str(memory))


@dataclass(frozen=True, slots=True)
class Limiter:
    """What this machine can do about limits, and the means to do it."""

    enforcement: Enforcement
    parents: tuple[Parent, ...] = ()
    systemd: bool = False

    def confine(
        self, instance: str, reservation: str, resources: Resources, processes: int = 0
    ) -> Confinement:
        """Make the control groups of one server, with its limits written into them.

        Raises
        ------
        OSError
            Raised, with nothing left behind, if the system refuses now what it granted before.
        """
        name = group_name(instance, reservation)
        made: list[Path] = []
        try:
            for parent in self.parents:
                made.append(parent.make(name, resources, processes))  # noqa: PERF401 undone below
        except OSError:
            remove_groups(made)
            raise
        if self.systemd:
            return Confinement(
                groups=tuple(made),
                wrapper=tuple(_scope(name, resources, processes)),
                unset=tuple(_SESSION),
                environment={n: os.environ[n] for n in _SESSION if n in os.environ},
            )
        return Confinement(groups=tuple(made))


def probe_enforcement() -> Enforcement:
    """Tell what holds on this machine; tried once in the life of this process."""
    return probe_limiter().enforcement


@cache
def probe_limiter() -> Limiter:
    """Find by trying what this machine lets us do; tried once in the life of this process."""
    parents = _probe_parents()
    enforced = frozenset().union(*(parent.controllers for parent in parents)) & _DIMENSIONS
    if enforced == _DIMENSIONS:
        return Limiter(Enforcement(enforced, frozenset(), "control groups", ""), parents)
    problem = _probe_systemd()
    if problem is None:
        # One process can be in one version 2 group only, and this is systemd's.
        kept = tuple(parent for parent in parents if parent.version == 1)
        done = Enforcement(_DIMENSIONS, frozenset(), "a systemd scope of this user", "")
        return Limiter(done, kept, systemd=True)
    advisory = _DIMENSIONS - enforced
    how = "control groups" if enforced else ""
    return Limiter(Enforcement(enforced, advisory, how, _explain(advisory, problem)), parents)


def _explain(advisory: frozenset[str], problem: str) -> str:
    names = {CPU: "CPU", MEMORY: "memory"}
    shown = " and ".join(names[name] for name in sorted(advisory))
    verb = "limits are" if len(advisory) > 1 else "limit is"
    return (
        f"The {shown} {verb} advisory: control groups cannot be made here by "
        f"{'root' if os.geteuid() == 0 else 'this user'}, and {problem}."
    )


def _probe_parents() -> tuple[Parent, ...]:
    found: list[Parent] = []
    for hierarchy in hierarchies():
        taken = frozenset().union(*(parent.controllers for parent in found))
        wanted = (hierarchy.controllers & _CONTROLLERS) - taken
        # The freezer, on old systems, is the group that everything can always be put into.
        tracking = hierarchy.version == 2 or (not found and "freezer" in hierarchy.controllers)
        if wanted or tracking:
            parent = _probe_hierarchy(hierarchy, wanted)
            if parent is not None:
                found.append(parent)
    return tuple(found)


def _probe_hierarchy(hierarchy: Hierarchy, wanted: frozenset[str]) -> Parent | None:
    """Find the place where most of ``wanted`` holds, the nearest one of those that are equal."""
    best: Parent | None = None
    for place in hierarchy.places():
        working = frozenset(
            name for name in wanted if _works(Parent(place, hierarchy.version, frozenset({name})))
        )
        parent = Parent(place, hierarchy.version, working)
        better = best is None or len(working) > len(best.controllers)
        if better and (working or not wanted or hierarchy.version == 2) and _works(parent):
            best = parent
        if best is not None and best.controllers == wanted:
            break
    return best


def _works(parent: Parent) -> bool:
    """Try it in earnest: make a group, set limits, have a process join it, remove it."""
    try:
        path = parent.make(group_name("probe", uuid.uuid4().hex), _TRIED, _TRIED_PROCESSES)
    except OSError:
        return False
    try:
        argv = [sys.executable, "-I", "-S", str(SUPERVISOR)]
        argv += ["--group", str(path / "cgroup.procs"), "--", "/bin/sh", "-c", "exit 0"]
        return _succeeds(argv)
    finally:
        for _ in range(20):
            if not remove_groups([path]):
                break


def _succeeds(argv: list[str]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 our own command line
            argv, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=_TRY_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


# What systemd-run needs to reach the user's own systemd, and a server should not have.
_SESSION: Final = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


def _scope(name: str, resources: Resources, processes: int) -> list[str]:
    argv = ["systemd-run", "--user", "--scope", "--quiet", "--collect", f"--unit={name}"]
    if resources.amount(MEMORY):
        argv += ["-p", f"MemoryMax={resources.amount(MEMORY)}", "-p", "MemorySwapMax=0"]
    if resources.amount(CPU):
        argv += ["-p", f"CPUQuota={max(resources.amount(CPU) // 10, 1)}%"]
    if processes:
        argv += ["-p", f"TasksMax={processes}"]
    return [*argv, "--"]


def _probe_systemd() -> str | None:
    """Try a scope of the user's own systemd; return what is in the way, None if nothing."""
    if os.geteuid() == 0:
        return "root has no systemd session of its own"
    if shutil.which("systemd-run") is None:
        return "there is no systemd-run"
    name = group_name("probe", uuid.uuid4().hex)
    # Inside, the limits must be seen in the scope's own files, or systemd only said yes.
    check = (
        'd=/sys/fs/cgroup$(sed -n "s/^0:://p" /proc/self/cgroup); '
        f'test "$(cat "$d/memory.max")" = {_TRIED.amount(MEMORY)} && '
        'test "$(cut -d" " -f1 "$d/cpu.max")" != max'
    )
    if not _succeeds([*_scope(name, _TRIED, _TRIED_PROCESSES), "/bin/sh", "-c", check]):
        return "systemd does not grant this user a scope with limits"
    return None
