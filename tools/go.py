"""Find a Go that is new enough to build the Kubernetes of the tests."""

import os
import re
import shutil
import subprocess
from pathlib import Path

OLDEST_GO = (1, 26)


def find_go(environment: Path) -> Path | None:
    """Return the machine's own Go, or else that of a virtual environment, if one will do."""
    own = shutil.which("go")
    candidates = [Path(own)] if own else []
    candidates += environment.glob("lib/python*/site-packages/go/bin/go")
    return next((each for each in candidates if read_version(each) >= OLDEST_GO), None)


def read_version(go: Path) -> tuple[int, ...]:
    """Return the version of a Go; empty if it cannot be run."""
    # Go would otherwise become another version that some other project asked for.
    environ = os.environ | {"GOTOOLCHAIN": "local"}
    try:
        answer = subprocess.run(  # noqa: S603
            [go, "version"], capture_output=True, text=True, env=environ, check=False
        )
    except OSError:
        return ()
    found = re.search(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else ()
