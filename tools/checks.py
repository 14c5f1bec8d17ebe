"""Run the checks and the tests in order of their price, and sum up once at the end.

A failure does not keep the later ones from running: one run tells everything.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from progress import say

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"

_EXIT_INTERRUPTED = 130
_PYTEST_INTERRUPTED = 2
_PYTEST_NOTHING_SELECTED = 5
_SLOW = "hub or browser or postgres"
_KUBERNETES = "cluster or node"
_NOTES = "TEST_NOTES"


@dataclass(frozen=True)
class Check:
    """A command of the virtual environment whose exit code is the verdict.

    ``module`` is a module of Python, or a script of this directory.
    """

    title: str
    module: str
    arguments: tuple[str, ...]


CHECKS = (
    Check("ruff check", "ruff", ("check", ".")),
    Check("ruff format", "ruff", ("format", "--check", ".")),
    Check("mypy", "mypy", ()),
    Check("import contracts", "importlinter", ()),
)
# Two modules at a time: those with real servers wait more than they compute.
_TWO = ("-n", "2", "--dist", "loadfile")
# A cluster of our own for each; somebody else's may be one namespace.
_CLUSTERS = () if os.environ.get("TEST_KUBECONFIG") else _TWO
_WAITING = Check(
    "tests with real servers",
    "pytest",
    (*_TWO, "-m", f"({_SLOW}) and not ({_KUBERNETES}) and not long"),
)
TESTS = (
    Check("quick tests", "pytest", (*_TWO, "-m", f"not ({_SLOW} or {_KUBERNETES}) and not long")),
    _WAITING,
    Check(
        "tests on Kubernetes",
        "pytest",
        (*_CLUSTERS, "-m", "cluster and not node and not long"),
    ),
    # One after another: they share one node.
    Check("tests on a node", "pytest", ("-m", "node and not long")),
)
MUTANTS = Check("mutants of the guards", "mutants.py", ())
LONG_TESTS = (Check("long tests", "pytest", ("-m", "long")), MUTANTS)
# With a chart in Z2JH_CHART there are more of them than in `make test`.
HELM_TESTS = (Check("values with their chart", "pytest", ("tests/helm",)),)
SUITES = {
    "check": CHECKS,
    "test": CHECKS + TESTS,
    "long": LONG_TESTS,
    "helm": HELM_TESTS,
    "mutants": (MUTANTS,),
}


def list_words(check: Check) -> list[str]:
    """Return the command line of a check."""
    if check.module == "importlinter":
        return [str(PYTHON.with_name("lint-imports")), *check.arguments]
    if check.module.endswith(".py"):
        return [str(PYTHON), "-B", str(Path(__file__).with_name(check.module)), *check.arguments]
    return [str(PYTHON), "-m", check.module, *check.arguments]


def run(check: Check, notes: Path) -> str:
    """Run one check, its output shown as it comes; tests add to ``notes`` what they left out.

    Returns
    -------
    str
        ``ok``, ``none`` where no test was selected, or ``FAILED``.
    """
    say(f"\n--- {check.title}")
    environ = os.environ | {_NOTES: str(notes)}
    code = subprocess.run(  # noqa: S603
        list_words(check), cwd=ROOT, env=environ, check=False
    ).returncode
    if check.module == "pytest" and code == _PYTEST_INTERRUPTED:
        raise KeyboardInterrupt
    if check.module == "pytest" and code == _PYTEST_NOTHING_SELECTED:
        return "none"
    return "ok" if code == 0 else "FAILED"


@contextlib.contextmanager
def building_kubernetes() -> Iterator[None]:
    """Build what the tests' Kubernetes needs meanwhile: minutes of a new machine, once.

    The tests with real servers wait more than they compute, unlike the quick ones. What goes wrong
    is said by those that need it: they build what is missing, one after another with this.
    """
    uses = {"": ("images", "node"), "api": ("api",)}.get(os.environ.get("KUBERNETES", ""), ())
    if not uses or os.environ.get("TEST_KUBECONFIG"):
        yield
        return
    command = (PYTHON, "-B", "-m", "tests.cluster", "build", *uses)
    process = subprocess.Popen(  # noqa: S603
        ("nice", "-n", "19", *command),  # noqa: S607
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def main() -> int:
    """Run one suite, and return the exit code."""
    parser = argparse.ArgumentParser(description="Run checks and tests.")
    parser.add_argument("suite", choices=sorted(SUITES))
    suite = SUITES[parser.parse_args().suite]
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        notes.touch()
        try:
            failed = run_all(suite, notes)
        except KeyboardInterrupt:
            say("\nInterrupted.")
            return _EXIT_INTERRUPTED
        if left_out := notes.read_text().splitlines():
            say(f"  not tested, {render_notes(left_out)}")
    return 1 if failed else 0


def render_notes(notes: Sequence[str]) -> str:
    """Say on one line what several checks left out, and why only once."""
    words: dict[str, list[str]] = {}
    for note in notes:
        why, _, what = note.partition(": ")
        words.setdefault(why, []).append(what)
    return "; ".join(f"{why}: {'; '.join(what)}" for why, what in words.items())


def run_all(suite: tuple[Check, ...], notes: Path) -> int:
    """Run the checks of a suite, sum them up, and return how many failed."""
    lines, failed = [], 0
    start = time.monotonic()
    with contextlib.ExitStack() as meanwhile:
        for check in suite:
            if check is _WAITING:
                meanwhile.enter_context(building_kubernetes())
            began = time.monotonic()
            verdict = run(check, notes)
            failed += verdict == "FAILED"
            lines.append(f"  {verdict:<7} {check.title:<24} {time.monotonic() - began:6.1f} s")
    say("\n--- summary")
    for line in lines:
        say(line)
    verdict = f"{failed} of {len(lines)} failed" if failed else "all passed"
    say(f"  {verdict} in {time.monotonic() - start:.0f} s")
    return failed


if __name__ == "__main__":
    sys.exit(main())
