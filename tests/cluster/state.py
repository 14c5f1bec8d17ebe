"""The folder of a cluster, whose it is, and what becomes of it when its owner is gone.

A cluster belongs to the process that made it, for as long as that process lives: the kernel's
lock on ``owner`` says so, and no process can leave it behind. The next cluster that is made clears
away those without an owner. A cluster that was made to be kept waits for ``down``, or for the
machine to start again.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.cluster.building import find_cache
from tests.cluster.leftovers import clear

_KEPT_LOGS = 5


@dataclass
class State:
    """A folder that nothing outlives: :meth:`remove` ends and deletes what is noted in it."""

    folder: Path
    _lock: int

    @classmethod
    def create(cls, *, is_kept: bool) -> Self:
        """Make the folder of a new cluster, after clearing what dead owners left."""
        root = find_root()
        with _only_one_at_a_time(root):
            for abandoned in filter(_is_abandoned, list_folders()):
                clear(abandoned)
            folder = root / secrets.token_hex(4)
            folder.mkdir()
            if is_kept:
                (folder / "kept").write_text(_read_boot())
            # Like every descriptor of Python's, this one is closed in children.
            lock = os.open(folder / "owner", os.O_WRONLY | os.O_CREAT, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.write(lock, f"{os.getpid()}\n".encode())
        return cls(folder, lock)

    def remove(self) -> None:
        """End what still runs, and delete all of it."""
        clear(self.folder)
        os.close(self._lock)

    def keep_logs(self) -> Path:
        """Copy the logs to where the end of the cluster does not reach, and say where that is."""
        kept = find_cache() / "cluster-logs"
        target = kept / self.folder.name
        shutil.copytree(self.folder / "logs", target, dirs_exist_ok=True)
        for old in sorted(kept.iterdir(), key=lambda path: path.stat().st_mtime)[:-_KEPT_LOGS]:
            shutil.rmtree(old)
        return target


def find_root() -> Path:
    """Return the folder of this user's clusters."""
    return find_cache() / "clusters"


def list_folders() -> list[Path]:
    """Return the folder of every cluster of this user."""
    return sorted(find_root().glob("[0-9a-f]" * 8))


def list_kept() -> list[Path]:
    """Return the folders of the clusters that were made to be kept."""
    return [folder for folder in list_folders() if (folder / "kept").exists()]


def remove_kept() -> list[Path]:
    """End the clusters that were made to be kept, and return what their folders were."""
    with _only_one_at_a_time(find_root()):
        kept = list_kept()
        for folder in kept:
            clear(folder)
    return kept


def _is_abandoned(folder: Path) -> bool:
    kept = folder / "kept"
    if kept.exists():
        return kept.read_text() != _read_boot()
    try:
        with (folder / "owner").open("r") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _read_boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text()
    return ""


@contextlib.contextmanager
def _only_one_at_a_time(root: Path) -> Iterator[None]:
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
