"""What git knows of the folder of a policy: its commit, and the files of another one."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from jupyterhub_platform.core.errors import PlatformError


class GitError(PlatformError):
    """Raised if git cannot say what is asked; with its own words."""


def read_commit(folder: Path, names: Sequence[str] = ()) -> str:
    """Return the commit that has these files as they are on disk; empty if none has."""
    try:
        changed = _run(folder, "status", "--porcelain", "--", *(names or ["."]))
        return "" if changed.strip() else _run(folder, "rev-parse", "HEAD").strip()
    except GitError:
        return ""


def find_commit(folder: Path, revision: str) -> str:
    """Return the whole id of a commit that is named in any way that git takes.

    Raises
    ------
    GitError
        Raised if there is none.
    """
    return _run(
        folder, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}"
    ).strip()


def list_commits(folder: Path, before: str, limit: int = 2) -> list[str]:
    """Return commits that changed this folder, the newest first, from one of them on.

    Raises
    ------
    GitError
        Raised if there is no such commit.
    """
    return _run(folder, "rev-list", f"-n{limit}", before, "--", ".").split()


def say_commit(folder: Path, commit: str) -> str:
    """Say which commit it is: its short id and its first line."""
    return _run(folder, "log", "-1", "--format=%h %s", commit).strip()


def write_files(folder: Path, commit: str, into: Path) -> Path:
    """Write what a folder had in a commit below another one, and return where it is.

    Raises
    ------
    GitError
        Raised if the commit does not have the folder.
    """
    prefix = _run(folder, "rev-parse", "--show-prefix").strip()
    names = _run(
        folder, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, "--", prefix or "."
    )
    if not names:
        raise GitError(f"The commit {commit[:10]} does not have the folder {folder}.")
    with TemporaryDirectory() as scratch:
        archive = Path(scratch) / "files.zip"
        # From the top: below it, git wants the folder to be there in the commit by its own path.
        top = Path(_run(folder, "rev-parse", "--show-toplevel").rstrip("\n"))
        tree = f"{commit}:{prefix.rstrip('/')}"
        _run(top, "archive", "--format=zip", f"--output={archive}", tree)
        # Links in it become small files: nothing leads out of the folder.
        with ZipFile(archive) as files:
            files.extractall(into)
    return into


def _run(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a program that the operator has
            ["git", "-C", str(folder), *words],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except FileNotFoundError:
        raise GitError("There is no git on this machine.") from None
    if done.returncode:
        raise GitError(f"git {words[0]} failed: {done.stderr.strip()}")
    return done.stdout
