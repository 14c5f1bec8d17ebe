"""A real file system that can be filled up or made read-only: a small one in memory, for root."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEEDS_ROOT = "by choice: only root may mount a file system"
NEEDS_LOOP = "by choice: only root, on a kernel with loop devices and ext4, may break a file system"


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
        """Let no process write; nothing may be open for writing."""
        _run("mount", "-o", "remount,ro", str(self.path))
        try:
            yield
        finally:
            _run("mount", "-o", "remount,rw", str(self.path))


def may_break() -> bool:
    """Tell whether there are file systems here that can be made to break."""
    return may_mount() and Path("/dev/loop-control").exists() and _has("mkfs.ext4", "fsck.ext4")


class BreakingDisk:
    """An ext4 file system at a directory, which the kernel makes read-only at an error, as ever."""

    def __init__(self, path: Path, image: Path) -> None:
        self.path = path
        self._image = image

    def create(self) -> None:
        """Make the file system and mount it."""
        with self._image.open("wb") as file:
            file.truncate(64 * 2**20)
        _run("mkfs.ext4", "-q", str(self._image))
        self.mount()
        self.path.chmod(0o755)

    def mount(self) -> None:
        """Mount it as it is."""
        _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.path))

    def unmount(self) -> None:
        """Take it away, also while files of it are open."""
        _run("umount", "--lazy", str(self.path))

    def fail(self) -> None:
        """Have the kernel find an error: it lets no process write from here on."""
        os.sync()  # what it has not written yet is lost
        device = self.path.stat().st_dev
        for name in Path("/sys/fs/ext4").iterdir():
            number = Path("/sys/class/block") / name.name / "dev"
            if number.exists() and number.read_text().strip() == _render_device(device):
                (name / "trigger_fs_error").write_text("an error that a test asked for")
                return
        raise AssertionError("the kernel does not know this file system")

    def repair(self) -> None:
        """Check and repair it, as an operator does; it must not be mounted."""
        done = subprocess.run(["fsck.ext4", "-fy", self._image], check=False, capture_output=True)
        assert done.returncode in {0, 1}, done.stdout  # 1: there was something to repair


def _render_device(device: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}"


def _has(*programs: str) -> bool:
    return all(shutil.which(each) for each in programs)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
