"""Make, fill, empty and remove control groups, of version 1 and 2.

A control group is the only mark that a process cannot take off. Even a version 2 hierarchy
without any controller keeps membership, and kills all members at one word.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PREFIX: Final = "jupyterhub-platform"
# Systemd makes the group of a scope, and ends its name with this.
SCOPE: Final = ".scope"

_INSTANCE: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_RESERVATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted hierarchy of control groups, and where in it this process is."""

    mount: Path
    version: int
    controllers: frozenset[str]
    own: Path

    def places(self) -> Iterator[Path]:
        """Yield the groups where ours may be made: our own first, then those above it."""
        place = self.own
        while place != self.mount:
            yield place
            place = place.parent
        yield self.mount


def group_name(instance: str, reservation: str) -> str:
    """Name the groups of one reservation.

    Raises
    ------
    ValueError
        Raised if either id would not be a plain name of a directory.
    """
    for part, pattern in ((instance, _INSTANCE), (reservation, _RESERVATION)):
        if not pattern.fullmatch(part):
            raise ValueError(f"“{part[:64]}” cannot be part of the name of a control group")
    return f"{PREFIX}-{instance}-{reservation}"


def hierarchies() -> tuple[Hierarchy, ...]:
    """Find the hierarchies that are mounted here, version 2 first."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        memberships = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ()
    own = {controllers: path for _, controllers, path in (m.split(":", 2) for m in memberships)}
    found = [hierarchy for line in mounts if (hierarchy := _parse_mount(line, own))]
    return tuple(sorted(found, key=lambda one: -one.version))


def _parse_mount(line: str, own: dict[str, str]) -> Hierarchy | None:
    left, _, right = line.partition(" - ")
    root, mount = (_unescape(field) for field in left.split()[3:5])
    kind, _, options = right.split()[:3]
    if kind == "cgroup2":
        version, key = 2, ""
        controllers = _words(Path(mount) / "cgroup.controllers")
    elif kind == "cgroup":
        version = 1
        shown = set(options.split(","))
        key = next((name for name in own if name and set(name.split(",")) <= shown), "none")
        controllers = frozenset(key.split(","))
    else:
        return None
    if key not in own:
        return None
    inside = os.path.relpath(own[key], root)
    path = Path(mount) if inside.startswith("..") else Path(mount) / inside
    return Hierarchy(Path(mount), version, controllers, path if path.is_dir() else Path(mount))


def _unescape(field: str) -> str:
    return field.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")


def _words(path: Path) -> frozenset[str]:
    try:
        return frozenset(path.read_text().split())
    except OSError:
        return frozenset()


def write_value(path: Path, value: str) -> None:
    """Write one control file in one piece, as the kernel wants it."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def make_group(parent: Path, name: str, controllers: Iterable[str], version: int) -> Path:
    """Make a group with all ``controllers`` active in it.

    Raises
    ------
    OSError
        Raised, with nothing left behind, if the system does not let us.
    """
    wanted = frozenset(controllers)
    path = parent / name
    path.mkdir(exist_ok=True)
    try:
        if version == 2:
            _activate(parent, path, wanted)
    except OSError:
        with suppress(OSError):
            path.rmdir()
        raise
    return path


def _activate(parent: Path, path: Path, wanted: frozenset[str]) -> None:
    missing = wanted - _words(path / "cgroup.controllers")
    if missing:
        order = " ".join(f"+{name}" for name in sorted(missing))
        write_value(parent / "cgroup.subtree_control", order)


def members(paths: Iterable[Path]) -> set[int]:
    """Return the ids of the processes in these groups and in groups made inside them."""
    found: set[int] = set()
    for path in paths:
        for group in (path, *_inside(path)):
            with suppress(OSError):
                found.update(int(pid) for pid in (group / "cgroup.procs").read_text().split())
    # Processes of another pid namespace are shown as 0.
    return found - {0}


def _inside(path: Path) -> list[Path]:
    found = [Path(root) for root, _, _ in os.walk(path)]
    return found[1:]


def kill_members(paths: Iterable[Path]) -> None:
    """Kill all members at one word, where the kernel knows that word."""
    for path in paths:
        with suppress(OSError):
            write_value(path / "cgroup.kill", "1")


def remove_groups(paths: Iterable[Path]) -> list[Path]:
    """Remove empty groups, those inside them first; return those that would not go."""
    left = []
    for path in paths:
        for group in (*reversed(_inside(path)), path):
            with suppress(OSError):
                group.rmdir()
        if path.exists():
            left.append(path)
    return left


def find_groups(instance: str, reservation: str | None = None) -> list[Path]:
    """Find the groups that were made for this platform, wherever a former run had to put them."""
    wanted = f"{PREFIX}-{instance}-"
    found = []
    for hierarchy in hierarchies():
        for root, names, _ in os.walk(hierarchy.mount):
            ours = [n for n in names if n.startswith(wanted)]
            found += [
                Path(root) / name
                for name in ours
                if reservation in {None, name.removeprefix(wanted).removesuffix(SCOPE)}
            ]
            names[:] = [name for name in names if name not in ours]
    return found
