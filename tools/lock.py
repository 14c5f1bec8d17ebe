"""Pin the newest versions that pyproject.toml and package.json allow, with their hashes.

The locks name packages, versions and hashes, and no host: where they are
fetched from is decided on the machine that installs them.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from progress import StepError, run_logged, say, timed

ROOT = Path(__file__).resolve().parent.parent

_COMPILE = (
    *("pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-header", "--no-emit-index-url", "--no-emit-find-links"),
    # Where a pin is not the newest, pip has to read the extra beside it.
    "--no-strip-extras",
)
_START_QUICKLY = ("--group", "start-quickly")
_RUNTIME = ("pyproject.toml", "--extra", "local", "--group", "build", *_START_QUICKLY)
_AS_TESTED = ("--constraints", "requirements/runtime.txt")
_LOCKS = {
    "runtime": _RUNTIME,
    "test": (*_RUNTIME, "--group", "test", "--group", "docs", *_AS_TESTED),
    "node": ("--group", "node"),
    "hub-image": (
        *("pyproject.toml", "--group", "build", "--group", "hub-image"),
        *(*_START_QUICKLY, *_AS_TESTED),
    ),
    "singleuser-image": ("--group", "singleuser-image", *_START_QUICKLY, *_AS_TESTED),
    "sbom": ("--group", "sbom"),
    "docs": ("--group", "docs", "--constraints", "requirements/test.txt"),
    "publish": ("--group", "publish"),
    "go": ("--group", "go"),
}


def lock() -> None:
    """Write all locks anew.

    Raises
    ------
    StepError
        Raised if a tool is missing, or if there are no versions that fit together.
    """
    if not shutil.which("npm"):
        raise StepError("npm is needed to pin the proxy: install Node >= 20 with npm.")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with timed("Fetching the tool that pins Python packages"):
            subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True)  # noqa: S603
            pip = place / "venv/bin/pip"
            run_logged([pip, "install", "uv"], place / "log")
        for name, arguments in _LOCKS.items():
            with timed(f"Pinning requirements/{name}.txt"):
                output = ROOT / "requirements" / f"{name}.txt"
                uv = place / "venv/bin/uv"
                command: list[str | Path] = [uv, *_COMPILE, *arguments, "--output-file", output]
                run_logged(command, place / "log", folder=ROOT)
        with timed("Pinning package-lock.json"):
            npm = ["npm", "update", "--package-lock-only", "--ignore-scripts"]
            run_logged(npm, place / "log", folder=ROOT)


if __name__ == "__main__":
    try:
        lock()
    except StepError as error:
        say(f"Nothing more was pinned. {error}")
        sys.exit(1)
