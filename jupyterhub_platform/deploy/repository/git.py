"""Git, as far as a new repository needs it."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jupyterhub_platform.core.errors import PlatformError

_SECONDS: Final = 60
_NOBODY: Final = ("-c", "user.name=jhp init", "-c", "user.email=jhp@localhost")


def commit_all(folder: Path, paths: Sequence[str], message: str) -> str:
    """Make ``folder`` a repository, if it is none, commit files, and return the commit's hash.

    Who has told git no name commits as ``jhp init``.

    Raises
    ------
    PlatformError
        Raised if git is not here, or refuses.
    """
    if not (folder / ".git").exists():
        _run(folder, "init", "--quiet", "--initial-branch=main")
    _run(folder, "add", "--", *paths)
    if _run(folder, "status", "--porcelain", "--", *paths):
        known = _run(folder, "config", "--get-regexp", "^user[.]email$", may_fail=True)
        _run(folder, *(() if known else _NOBODY), "commit", "--quiet", "-m", message)
    return _run(folder, "rev-parse", "HEAD")


def _run(folder: Path, *arguments: str, may_fail: bool = False) -> str:
    # Variables that name another repository must not lead there.
    environ = {key: each for key, each in os.environ.items() if not key.startswith("GIT_DIR")}
    try:
        done = subprocess.run(  # noqa: S603 - arguments are ours
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except FileNotFoundError:
        raise PlatformError(
            "git is not installed here. Install it, and run jhp init again."
        ) from None
    if done.returncode and not may_fail:
        raise PlatformError(
            f"git {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}"
        )
    return done.stdout.strip()
