"""Name, make, find, empty and remove control groups, of version 2.

A control group is the only mark that a process cannot take off. Even a hierarchy without any
controller keeps membership, and can kill all members with one write.
"""

import hashlib
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from jupyterhub_platform.core.resource_names import CPU, MEMORY
from jupyterhub_platform.core.resources import Resources

_PREFIX: Final = "jupyterhub-platform"
# Systemd makes the group of a scope, and ends its name with this.
_SCOPE: Final = ".scope"

_RESERVATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_DIGITS: Final = 32
_PERIOD: Final = 100_000  # microseconds; the kernel's own default
_MIN_QUOTA: Final = 1_000  # microseconds; the kernel refuses less


def group_name(instance: str, server: str, reservation: str) -> str:
    """Name the group of one run of one server.

    Raises
    ------
    ValueError
        Raised if the reservation would not be a plain name of a directory.
    """
    if not _RESERVATION.fullmatch(reservation):
        raise ValueError(f"“{reservation[:64]}” cannot be part of the name of a control group")
    return f"{_begin(instance, server)}{reservation}"


def _begin(instance: str, server: str | None) -> str:
    begin = f"{_PREFIX}-{instance}-"
    if server is None:
        return begin
    # A server's own name may be of any length, in any script.
    return f"{begin}{hashlib.sha256(server.encode()).hexdigest()[:_DIGITS]}-"


def reservation_of(instance: str, group: Path) -> str:
    """Return the reservation that an existing group belongs to."""
    name = group.name.removesuffix(_SCOPE)
    return name.removeprefix(_begin(instance, None))[_DIGITS + 1 :]


def _list_mounts() -> list[Path]:
    mounted = psutil.disk_partitions(all=True)
    return [Path(one.mountpoint) for one in mounted if one.fstype == "cgroup2"]


def list_places() -> list[Path]:
    """Return the groups where ours may be created: our own first, then its parents."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    own = next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    found: list[Path] = []
    for mount in _list_mounts():
        # In a container this may be the path that the host sees, and the mount is our own group.
        place = mount / own if (mount / own).is_dir() else mount
        found += [place, *(above for above in place.parents if above.is_relative_to(mount))]
    return found


def render_control_files(resources: Resources, processes: int) -> dict[str, str]:
    """Return the content of a group's control files, by name; what is unlimited has none."""
    cpu, memory = resources.amount(CPU), resources.amount(MEMORY)
    quota = max(cpu * _PERIOD // 1000, _MIN_QUOTA)
    wanted = {
        "cpu.max": f"{quota} {_PERIOD}" if cpu else "",
        "memory.max": str(memory or ""),
        "memory.swap.max": "0" if memory else "",
        "pids.max": str(processes or ""),
    }
    return {file: value for file, value in wanted.items() if value}


@dataclass(frozen=True, slots=True)
class Parent:
    """A control group in which groups for servers can be made, with what they can limit."""

    path: Path
    controllers: frozenset[str]

    def make(self, name: str, resources: Resources, processes: int) -> Path:
        """Create a group with these limits; on failure nothing is left behind."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        try:
            self._activate(path)
            for file, value in render_control_files(resources, processes).items():
                # A kernel without swap accounting has no such file.
                missing = (FileNotFoundError, PermissionError) if "swap" in file else ()
                if file.partition(".")[0] in self.controllers:
                    with suppress(*missing):
                        (path / file).write_text(value)
        except OSError:
            remove_groups([path])
            raise
        return path

    def _activate(self, group: Path) -> None:
        missing = self.controllers.difference((group / "cgroup.controllers").read_text().split())
        if missing:
            order = " ".join(f"+{name}" for name in sorted(missing))
            (self.path / "cgroup.subtree_control").write_text(order)


def members(paths: Iterable[Path]) -> set[int]:
    """Return the ids of the processes in these groups and in groups made inside them."""
    found: set[int] = set()
    for path in paths:
        for group in _tree(path):
            with suppress(OSError):
                found.update(int(pid) for pid in (group / "cgroup.procs").read_text().split())
    # Processes of another pid namespace are shown as 0.
    return found - {0}


def _tree(path: Path) -> list[Path]:
    return [Path(root) for root, _, _ in os.walk(path)]


def kill_members(paths: Iterable[Path]) -> None:
    """Kill all members with one write, where the kernel supports that."""
    for path in paths:
        with suppress(OSError):
            (path / "cgroup.kill").write_text("1")


def remove_groups(paths: Iterable[Path]) -> list[Path]:
    """Remove empty groups, nested ones first; return those that could not be removed."""
    left = []
    for path in paths:
        for group in reversed(_tree(path)):
            with suppress(OSError):
                group.rmdir()
        if path.exists():
            left.append(path)
    return left


def find_groups(
    instance: str, server: str | None = None, reservation: str | None = None
) -> list[Path]:
    """Find the groups that were made for a platform, or one server, or one run of it.

    They are wherever a former run had to put them.
    """
    begin = _begin(instance, server)
    found: list[Path] = []
    for mount in _list_mounts():
        for root, names, _ in os.walk(mount):
            found += [Path(root) / name for name in names if name.startswith(begin)]
            names[:] = [name for name in names if not name.startswith(begin)]
    ours = [path for path in found if _is_ours(path)]
    return [path for path in ours if reservation in {None, reservation_of(instance, path)}]


def _is_ours(path: Path) -> bool:
    # Where systemd delegates a part of the tree, another user may create groups with any name.
    try:
        return path.stat().st_uid == os.geteuid()
    except OSError:
        return False
