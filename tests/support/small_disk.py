"""A real file system that can be filled up or made read-only: a small one in memory, for root."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEEDS_ROOT = "by choice: only root may mount a file system"


def may_mount() -> bool:
    """Tell whether file systems can be mounted here."""
    return os.geteuid() == 0 and sys.platform == "linux" and shutil.which("mount") is not None


class SmallDisk:
    """A file system of ``megabytes`` at a directory."""

    def __init__(self, path: Path, megabytes: int) -> None:
        self.path = path
        self._options = f"size={megabytes}m,mode=0755"

    def mount(self) -> None:
        """Mount it, empty."""
        _run("mount", "-t", "tmpfs", "-o", self._options, "faults", str(self.path))

    def unmount(self) -> None:
        """Throw it away."""
        _run("umount", "--lazy", str(self.path))

    @contextmanager
    def full(self) -> Iterator[None]:
        """Fill it to the last byte, and make room again."""
        filling = self.path / "filling"
        with filling.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        try:
            yield
        finally:
            filling.unlink()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Let nobody write, as a kernel does after an error of a disk.

        What is open for writing would keep the kernel from it; a bind mount over it does not care.
        """
        _run("mount", "-o", "remount,ro,bind", str(self.path))
        try:
            yield
        finally:
            _run("mount", "-o", "remount,rw,bind", str(self.path))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
