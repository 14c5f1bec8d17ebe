"""Clear away a cluster from what is noted in its folder, by a process that is still there."""

import contextlib
import shutil
import subprocess
import time
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.processes import end_process

_GONE_SECONDS = 10


def clear(folder: Path) -> None:
    """End the processes of a cluster, remove what it added to the machine, delete its folder.

    Raises
    ------
    ClusterError
        Raised if something cannot be removed; the folder then stays, for the next attempt.
    """
    for note in (folder / "processes").glob("*"):
        pid, _, start_time = note.read_text().partition(" ")
        if pid:
            end_process(int(pid), start_time)
    for link in _read_notes(folder / "links"):
        _remove_link(link)
    for cgroup in _read_notes(folder / "cgroups"):
        _remove_cgroup(Path(cgroup))
    if mounts := list_mounts(folder):
        raise ClusterError(f"These mounts of a test cluster are left: {', '.join(mounts)}")
    shutil.rmtree(folder)


def list_mounts(folder: Path) -> list[str]:
    """Return what is mounted in a folder; nothing is to be deleted through a mount."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/mounts").read_text().splitlines()
        return [line.split()[1] for line in lines if line.split()[1].startswith(f"{folder}/")]
    return []


def _read_notes(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def _remove_link(name: str) -> None:
    """Remove a network link; the kernel does so too, some time after its other end is gone."""
    link = Path("/sys/class/net", name)
    deadline = time.monotonic() + _GONE_SECONDS
    while link.exists():
        subprocess.run(["ip", "link", "delete", name], capture_output=True, check=False)
        if time.monotonic() > deadline:
            raise ClusterError(f"The network link {name} of a test cluster cannot be removed.")
        time.sleep(0.02)


def _remove_cgroup(path: Path) -> None:
    """Remove a control group and those below it, the innermost first."""
    deadline = time.monotonic() + _GONE_SECONDS
    while path.exists():
        for group in sorted([path, *filter(Path.is_dir, path.rglob("*"))], reverse=True):
            with contextlib.suppress(OSError):  # busy until the kernel has buried its processes
                group.rmdir()
        if time.monotonic() > deadline:
            raise ClusterError(f"The control group {path} of a test cluster cannot be removed.")
        time.sleep(0.02)
