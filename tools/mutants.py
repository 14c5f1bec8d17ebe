"""Break each guard of the platform in turn, and see that the tests named for it notice.

What is broken is in ``planted_faults/``, one table for each subject. Each fault is planted in a
scratch copy; the run shows each, and fails if a fault survives or no longer fits the code.
"""

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from changed import list_changed_files
from mutation.definitions import PACKAGE, Package, read_texts
from mutation.faults import Fault
from mutation.planting import prepare
from mutation.selection import TABLES, read_commit, select, select_changed, take_sample
from mutation.slots import MisfitError
from planted_faults import EQUIVALENT, FAULTS
from progress import say

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
MAX_SECONDS = 600

_PYTEST_PASSED, _PYTEST_FAILED = 0, 1

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def make_copy(place: Path) -> Path:
    """Copy what is tracked, or is about to be, and all that the tests look for beside it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    for name in (".venv", "node_modules", "jupyterhub_platform/service/static/htmx.min.js"):
        (place / name).symlink_to((ROOT / name).resolve())
    # People's servers may run as users who must pass through here.
    place.chmod(0o755)
    return place


@cache
def read_package(copy: Path) -> Package:
    """Return the package of a copy, as long as nothing is planted in it."""
    return Package.at(copy)


def run_tests(copy: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Run tests on a copy, up to the first that fails; return the exit code and the last lines.

    Tests that are long or need PostgreSQL run only if a table asks for them by a mark of its own.
    """
    command = [str(PYTHON), "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += ["--hypothesis-profile", "no-shrinking", "-m", "not long and not postgres", *tests]
    # The package of the copy goes before the one that is installed, in every process.
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    try:
        done = subprocess.run(  # noqa: S603
            command,
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _PYTEST_FAILED, "did not end"
    return done.returncode, "\n".join(done.stdout.splitlines()[-12:])


def judge(fault: Fault, copy: Path) -> tuple[str, str]:
    """Plant a fault, run its tests, and take it out again; return the verdict and what to show."""
    try:
        planting = prepare(fault, read_package(copy))
    except MisfitError as error:
        return "MISFIT", f"{fault.where}: {error}"
    path = copy / planting.path
    path.write_text(planting.after)
    try:
        code, output = run_tests(copy, fault.tests)
    finally:
        path.write_text(planting.before)
    if code == _PYTEST_FAILED:
        return "killed", ""
    return ("SURVIVED", "") if code == _PYTEST_PASSED else ("INVALID", output)


@contextlib.contextmanager
def making_copies(number: int) -> Iterator[SimpleQueue[Path]]:
    """Make copies that one run at a time may take, and put back."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        Path(directory).chmod(0o755)
        copies: SimpleQueue[Path] = SimpleQueue()
        for each in range(number):
            place = Path(directory, str(each))
            place.mkdir()
            copies.put(make_copy(place))
        yield copies


def run_each(
    of: Callable[[_Item, Path], _Result],
    items: Sequence[_Item],
    copies: SimpleQueue[Path],
    jobs: int,
) -> Iterator[tuple[str, _Item, _Result, float]]:
    """Do something with each item, in any order; yield how far it is, and how long each took."""

    def one(item: _Item) -> tuple[_Item, _Result, float]:
        copy, start = copies.get(), time.monotonic()
        try:
            return item, of(item, copy), time.monotonic() - start
        finally:
            copies.put(copy)

    with ThreadPoolExecutor(jobs) as pool:
        done = as_completed([pool.submit(one, item) for item in items])
        for number, future in enumerate(done, start=1):
            yield f"{number:>4}/{len(items)}", *future.result()


def leave_out_failing(faults: Sequence[Fault], copies: SimpleQueue[Path], jobs: int) -> list[Fault]:
    """Return the faults whose tests pass as long as nothing is broken: the others show nothing."""
    each_once = list(dict.fromkeys(fault.tests for fault in faults))
    passed = set()
    say(f"{len(faults)} faults; first their tests, with nothing broken:")
    for progress, tests, (code, output), seconds in run_each(
        lambda tests, copy: run_tests(copy, tests), each_once, copies, jobs
    ):
        verdict = "passed" if code == _PYTEST_PASSED else "FAILED"
        say(f"{progress} {verdict:<8} {seconds:6.1f} s  {' '.join(tests)}")
        if code == _PYTEST_PASSED:
            passed.add(tests)
        else:
            say(f"They show nothing, since they fail before anything is broken:\n{output}")
    return [fault for fault in faults if fault.tests in passed]


def judge_all(faults: Sequence[Fault], copies: SimpleQueue[Path], jobs: int) -> bool:
    """Judge faults, and tell whether all were noticed."""
    verdicts = Counter[str]()
    for progress, fault, (verdict, output), seconds in run_each(judge, faults, copies, jobs):
        say(f"{progress} {verdict:<8} {seconds:6.1f} s  {fault.where}: {fault.name}")
        if output:
            say(output)
        verdicts[verdict] += 1
    counts = ", ".join(f"{number} {verdict.lower()}" for verdict, number in verdicts.items())
    say(f"{len(faults)} faults: {counts or 'none was judged'}")
    return set(verdicts) == {"killed"}


def choose(arguments: argparse.Namespace) -> list[Fault]:
    """Return the faults that the command line asks for."""
    package = Package.at(ROOT)
    faults = select(FAULTS, arguments.words, package)
    if arguments.changed is not None:
        then = read_commit(ROOT, arguments.changed)
        now = read_texts(ROOT, PACKAGE, TABLES)
        faults = select_changed(faults, then, now, list_changed_files(arguments.changed))
    if arguments.sample is not None:
        seed = random.randrange(10**6) if arguments.seed is None else arguments.seed  # noqa: S311
        say(f"The same sample again: --sample {arguments.sample} --seed {seed}")
        faults = take_sample(faults, arguments.sample, seed)
    return faults


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only with one of these in file, place or name")
    parser.add_argument(
        "--changed",
        nargs="?",
        const="main",
        metavar="COMMIT",
        help="only where guard, row or tests changed since this branch left COMMIT (main)",
    )
    parser.add_argument("--sample", type=int, metavar="N", help="only N of them, by chance")
    parser.add_argument("--seed", type=int, help="which sample")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--list", action="store_true", help="only say which")
    return parser.parse_args()


def main() -> int:
    """Judge the faults that are asked for, and return 0 if all were noticed."""
    arguments = read_arguments()
    faults = choose(arguments)
    if arguments.list:
        for fault in faults:
            say(f"{fault.where}: {fault.name}")
        return 0
    if not faults and arguments.changed is not None:
        say("No guard, row or test of a planted fault has changed.")
        return 0
    began = time.monotonic()
    with making_copies(arguments.jobs) as copies:
        shown = leave_out_failing(faults, copies, arguments.jobs)
        say("Now broken, one by one:")
        noticed = judge_all(shown, copies, arguments.jobs) and len(shown) == len(faults)
    if len(faults) == len(FAULTS):
        for each in EQUIVALENT:
            say(f"     same               {each.where}: {each.name}: {each.reason}")
    say(f"  in {time.monotonic() - began:.0f} s")
    return 0 if noticed else 1


if __name__ == "__main__":
    sys.exit(main())
