"""Git, as far as the folder of a policy needs it: its commits, and the files of one."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from zipfile import ZipFile

from jupyterhub_platform.core.errors import PlatformError

_SECONDS: Final = 60
_NOBODY: Final = ("-c", "user.name=jhp init", "-c", "user.email=jhp@localhost")


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


def commit_all(folder: Path, paths: Sequence[str], message: str) -> str:
    """Make ``folder`` a repository, if it is none, commit files, and return the commit's hash.

    Who has told git no name commits as ``jhp init``.

    Raises
    ------
    GitError
        Raised if git is not here, or refuses.
    """
    if not (folder / ".git").exists():
        _run(folder, "init", "--quiet", "--initial-branch=main")
    _run(folder, "add", "--", *paths)
    if _run(folder, "status", "--porcelain", "--", *paths):
        known = _run(folder, "config", "--get-regexp", "^user[.]email$", may_fail=True)
        _run(folder, *(() if known else _NOBODY), "commit", "--quiet", "-m", message)
    return _run(folder, "rev-parse", "HEAD").strip()


def _run(folder: Path, *words: str, may_fail: bool = False) -> str:
    # Variables that name another repository, as in a hook, must not lead there.
    environ = {key: each for key, each in os.environ.items() if not key.startswith("GIT_DIR")}
    try:
        done = subprocess.run(  # noqa: S603 - a program that the operator has
            ["git", "-C", str(folder), *words],  # noqa: S607
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except FileNotFoundError:
        raise GitError("There is no git on this machine. Install it, and try again.") from None
    if done.returncode and not may_fail:
        raise GitError(f"git {words[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
