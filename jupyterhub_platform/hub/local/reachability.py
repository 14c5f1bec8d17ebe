"""Checks that a user's id can reach what it needs: the Python that runs here, and its home."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from jupyterhub_platform.core.errors import LocalSpawnerError
from jupyterhub_platform.hub.local.processes import ISOLATED, PYTHON
from jupyterhub_platform.hub.local.uid_register import FIRST_UID
from jupyterhub_platform.hub.upstream.jupyter_server import PASSED_LISTENER

_TRY_SECONDS: Final = 60


def check_reachable(
    homes: Path, uid: int = FIRST_UID, program: str = PYTHON, module: str = "jupyterhub"
) -> None:
    """Check that a user's id can run the server and reach its home.

    Raises
    ------
    LocalSpawnerError
        Raised with the directory that blocks it, and what to do about it.
    """
    homes.mkdir(mode=0o711, parents=True, exist_ok=True)
    closed = _first_closed(homes)
    if closed is not None:
        raise LocalSpawnerError(
            f"People's servers cannot reach their homes in {homes}: {closed} is closed to other "
            f"users. Open it for passing through (chmod o+x {closed}), or put them "
            "where all may pass, with c.PlatformLocalSpawner.homes_dir."
        )
    needed = (Path(program), Path(program).resolve(), PASSED_LISTENER)
    trial = f"import os, {module}; os.listdir({str(PASSED_LISTENER)!r})"
    problem = _try_as(uid, [program, "-I", "-c", trial])
    if problem is not None:
        closed = next(filter(None, map(_first_closed, needed)), None)
        where = f"{closed} is closed to other users" if closed else problem
        raise LocalSpawnerError(
            f"People's servers cannot run {program} as a user of their own: {where}. Make the "
            "virtual environment, and the Python it is made of, where all may read, such as "
            "/opt/jupyterhub-platform; or run the platform as an ordinary user."
        )


def _first_closed(path: Path) -> Path | None:
    """Return the first directory above or at ``path`` that others may not pass through."""
    for place in reversed((path, *path.parents)):
        if place.is_dir() and not place.stat().st_mode & 0o001:
            return place
    return None


def _try_as(uid: int, argv: list[str]) -> str | None:
    """Run a command as a server is run; return the obstacle, None if there is none."""
    try:
        done = subprocess.run(  # noqa: S603 our own command line
            [sys.executable, *ISOLATED, "--uid", str(uid), "--", *argv],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.defpath},
            timeout=_TRY_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it ended with status {done.returncode}"
