"""Run the checks and the tests in order of their price, and sum up once at the end.

A failure does not keep the later ones from running: one run tells everything.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from durations import (
    find_exceeded,
    read_budgets,
    read_durations,
    render_exceeded,
    render_slowest,
)
from module_sizes import list_long_modules
from progress import say
from suites import CHECKS, SUITES, WAITING, Check, list_tests_of_change

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"

_EXIT_INTERRUPTED = 130
_PYTEST_INTERRUPTED = 2
_PYTEST_NOTHING_SELECTED = 5
CHANGED = "changed"
_NOTES = "TEST_NOTES"
_REPORTS = ROOT / "build" / "test-reports"


def list_words(check: Check) -> list[str]:
    """Return the command line of a check."""
    if check.module == "importlinter":
        return [str(PYTHON.with_name("lint-imports")), *check.arguments]
    if check.module.endswith(".py"):
        return [str(PYTHON), "-B", str(Path(__file__).with_name(check.module)), *check.arguments]
    return [str(PYTHON), "-m", check.module, *check.arguments]


def start(check: Check, notes: Path, output: int | None = None) -> subprocess.Popen[bytes]:
    """Start one check; tests add to ``notes`` what they left out, and keep a report."""
    words = list_words(check)
    if check.runs_tests:
        words += ["--junit-xml", str(locate_report(check))]
    environ = os.environ | {_NOTES: str(notes)}
    return subprocess.Popen(words, cwd=ROOT, env=environ, stdout=output, stderr=output)  # noqa: S603


def locate_report(check: Check) -> Path:
    """Return where a check of tests writes how they went."""
    return _REPORTS / f"{check.title.replace(' ', '-')}.xml"


def judge(check: Check, code: int) -> str:
    """Say how a check went: ``ok``, ``none`` where no test was selected, or ``FAILED``."""
    if check.runs_tests and code == _PYTEST_INTERRUPTED:
        raise KeyboardInterrupt
    if check.runs_tests and code == _PYTEST_NOTHING_SELECTED:
        return "none"
    return "ok" if code == 0 else "FAILED"


@dataclass(frozen=True)
class Beside:
    """A check that runs in the background, and where its output is kept."""

    check: Check
    began: float
    process: subprocess.Popen[bytes]
    output: Path

    def wait(self) -> "Result":
        """Wait for its end, and show what it wrote."""
        code = self.process.wait()
        say(f"\n--- {self.check.title}, which ran meanwhile")
        say(self.output.read_text(errors="replace"))
        return Result(self.check, judge(self.check, code), time.monotonic() - self.began)

    def end(self) -> None:
        """End it, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()


@dataclass(frozen=True)
class Result:
    """How a check went, and what it took in seconds."""

    check: Check
    verdict: str
    seconds: float


@contextlib.contextmanager
def building_kubernetes() -> Iterator[None]:
    """Build what the tests' Kubernetes needs meanwhile: minutes of a new machine, once.

    The tests with real servers wait more than they compute, unlike the quick ones. What goes wrong
    is said by those that need it: they build what is missing, one after another with this.
    """
    of_each: dict[str, tuple[str, ...]] = {"": ("images", "node"), "api": ("api",)}
    uses = of_each.get(os.environ.get("KUBERNETES", ""), ())
    if not uses or os.environ.get("TEST_KUBECONFIG"):
        yield
        return
    command: tuple[str | Path, ...] = (PYTHON, "-B", "-m", "tests.cluster", "build", *uses)
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
    parser.add_argument("suite", choices=sorted({*SUITES, CHANGED}))
    parser.add_argument("--base", default="main", help="what a change is a change of")
    options = parser.parse_args()
    if options.suite == CHANGED:
        suite = CHECKS + list_tests_of_change(options.base)
    else:
        suite = SUITES[options.suite]
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
    shutil.rmtree(_REPORTS, ignore_errors=True)
    began = time.monotonic()
    results = list(run_in_order(suite, notes))
    slow = list_slow([each.check for each in results if each.check.runs_tests])
    say("\n--- summary")
    for each in results:
        say(f"  {each.verdict:<7} {each.check.title:<28} {each.seconds:6.1f} s")
    for line in slow:
        say(f"  SLOW    {line}")
    for line in list_long_modules():
        say(f"  LONG    {line}")
    failed = sum(each.verdict == "FAILED" for each in results) + len(slow)
    verdict = f"{failed} failed" if failed else "all passed"
    say(f"  {verdict} in {time.monotonic() - began:.0f} s")
    return failed


def run_in_order(suite: tuple[Check, ...], notes: Path) -> Iterator[Result]:
    """Run one check after another, but those that go on beside the next ones."""
    with contextlib.ExitStack() as meanwhile:
        folder = Path(meanwhile.enter_context(tempfile.TemporaryDirectory()))
        in_background: list[Beside] = []
        for check in suite:
            began = time.monotonic()
            if check.title == WAITING:
                meanwhile.enter_context(building_kubernetes())
            if check.beside:
                output = folder / str(len(in_background))
                with output.open("wb") as file:
                    process = start(check, notes, file.fileno())
                in_background.append(Beside(check, began, process, output))
                meanwhile.callback(in_background[-1].end)
                continue
            say(f"\n--- {check.title}")
            with start(check, notes) as process:
                code = process.wait()
            yield Result(check, judge(check, code), time.monotonic() - began)
        for each in in_background:
            yield each.wait()


def list_slow(tests: Sequence[Check]) -> list[str]:
    """Show which modules of tests took longest, and return those that took over their budget.

    One that did is run again alone, since a machine may stand still for a while.
    """
    taken = {k: v for each in tests for k, v in read_durations(locate_report(each)).items()}
    if not taken:
        return []
    say("\n--- modules that took longest")
    for line in render_slowest(taken):
        say(line)
    budgets = read_budgets()
    for name in find_exceeded(taken, budgets):
        taken |= measure_again(name)
    return [
        render_exceeded(name, seconds, budgets)
        for name, seconds in find_exceeded(taken, budgets).items()
    ]


def measure_again(module: str) -> dict[str, float]:
    """Run one module of tests by itself, and return the seconds that it took now."""
    path = f"{module.replace('.', '/')}.py"
    check = Check(f"{module}, again", "pytest", ("-q", "-m", "not long", path))
    say(f"\n--- {check.title}, since it took over its budget")
    with tempfile.NamedTemporaryFile() as notes, start(check, Path(notes.name)) as process:
        process.wait()
    return read_durations(locate_report(check))


if __name__ == "__main__":
    sys.exit(main())
