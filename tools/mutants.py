"""Break each guard of the platform in turn, and see that the tests named for it notice.

The table of what is broken is ``mutants_table.py``. Each fault is planted in a scratch copy; the
run prints a table, and fails if a fault survives or no longer fits the code.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from mutants_table import EQUIVALENT, FAULTS, Fault
from progress import say

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
MAX_SECONDS = 600

_PYTEST_PASSED, _PYTEST_FAILED = 0, 1


def make_copy(place: Path) -> Path:
    """Copy what is tracked, or is about to be, and all that the tests look for beside it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    for name in (".venv", "node_modules"):
        (place / name).symlink_to((ROOT / name).resolve())
    # People's servers may run as users who must pass through here.
    place.chmod(0o755)
    return place


def plant(fault: Fault, copy: Path) -> str:
    """Plant a fault, and return the text of before.

    Raises
    ------
    ValueError
        Raised if what is replaced does not stand there exactly once.
    """
    path = copy / fault.file
    text = path.read_text()
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.name}: its text stands {text.count(fault.old)} times in the file")
    path.write_text(text.replace(fault.old, fault.new))
    return text


def run_tests(copy: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Run tests on a copy, up to the first that fails; return the exit code and the last lines."""
    command = [str(PYTHON), "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    command += ["--hypothesis-profile", "no-shrinking", "-m", "not long and not postgres"]
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
        before = plant(fault, copy)
    except ValueError as error:
        return "MISFIT", str(error)
    try:
        code, output = run_tests(copy, fault.tests)
    finally:
        (copy / fault.file).write_text(before)
    if code == _PYTEST_FAILED:
        return "killed", ""
    return ("SURVIVED", "") if code == _PYTEST_PASSED else ("INVALID", output)


def select(words: Sequence[str]) -> list[Fault]:
    """Return the faults whose file or name has one of ``words`` in it; all, without words."""
    return [
        fault
        for fault in FAULTS
        if not words or any(word in f"{fault.file} {fault.name}" for word in words)
    ]


def check_unbroken(copy: Path, faults: Iterable[Fault]) -> bool:
    """Tell whether all tests pass as long as nothing is broken: otherwise nothing is shown."""
    for tests in dict.fromkeys(fault.tests for fault in faults):
        code, output = run_tests(copy, tests)
        if code != _PYTEST_PASSED:
            say(f"{' '.join(tests)} fails before anything is broken:\n{output}")
            return False
    return True


def main() -> int:
    """Judge every fault, and return 0 if all were noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only faults with one of these in file or name")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    faults = select(arguments.words)
    began = time.monotonic()
    verdicts: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        Path(directory).chmod(0o755)
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(arguments.jobs):
            place = Path(directory, str(number))
            place.mkdir()
            copies.put(make_copy(place))
        first = copies.get()
        if not check_unbroken(first, faults):
            return 1
        copies.put(first)

        def one(fault: Fault) -> tuple[Fault, str, str, float]:
            copy, start = copies.get(), time.monotonic()
            try:
                return fault, *judge(fault, copy), time.monotonic() - start
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(arguments.jobs) as pool:
            for fault, verdict, output, seconds in pool.map(one, faults):
                say(f"  {verdict:<8} {seconds:6.1f} s  {fault.file}: {fault.name}")
                if output:
                    say(output)
                verdicts[verdict] = verdicts.get(verdict, 0) + 1
    for each in EQUIVALENT if not arguments.words else ():
        say(f"  same               {each.file}: {each.name}: {each.reason}")
    counts = ", ".join(f"{number} {verdict.lower()}" for verdict, number in verdicts.items())
    say(f"{len(faults)} faults in {time.monotonic() - began:.0f} s: {counts}")
    return 0 if set(verdicts) == {"killed"} else 1


if __name__ == "__main__":
    sys.exit(main())
