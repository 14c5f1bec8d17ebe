"""Check the messages of the commits that are not on the main branch yet.

A subject fits into one line of ``git log``. A body says why, unless the change is so small that it
says so itself. Without a main branch to compare with there is nothing to check.
"""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from progress import say

ROOT: Final = Path(__file__).resolve().parent.parent
MAX_SUBJECT: Final = 72
SMALL_CHANGE: Final = 20
"""The number of changed lines from which a commit needs a body."""
_MAIN: Final = ("origin/main", "main")


@dataclass(frozen=True)
class Commit:
    """A commit, and how many lines it adds and removes."""

    id: str
    subject: str
    body: str
    lines: int


def find_faults(commit: Commit) -> Iterator[str]:
    """Yield what is wrong with the message of a commit."""
    if len(commit.subject) > MAX_SUBJECT:
        yield f"its subject has {len(commit.subject)} characters; shorten it to {MAX_SUBJECT}"
    if not commit.body and commit.lines >= SMALL_CHANGE:
        yield f"it changes {commit.lines} lines and has no body; say in a sentence why"


def list_commits(root: Path) -> list[Commit]:
    """Return the commits that are not on the main branch, without merges, the oldest first."""
    known = [name for name in _MAIN if _find(root, name)]
    if not known or not _find(root, "HEAD"):
        return []
    excluded = [f"^{name}" for name in known]
    ids = _ask_git(root, "rev-list", "--reverse", "--no-merges", "HEAD", *excluded).split()
    return [_read(root, each) for each in ids]


def _read(root: Path, id_: str) -> Commit:
    subject, _, body = _ask_git(root, "show", "-s", "--format=%s%n%b", id_).partition("\n")
    counts = _ask_git(root, "show", "--numstat", "--format=", id_).splitlines()
    added_and_removed = (count for line in counts for count in line.split("\t")[:2])
    # A binary file has a dash in place of each number.
    lines = sum(int(count) for count in added_and_removed if count.isdecimal())
    return Commit(id_[:9], subject, body.strip(), lines)


def _find(root: Path, name: str) -> bool:
    command = ("git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0  # noqa: S603


def _ask_git(root: Path, *words: str) -> str:
    command = ("git", *words)
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout


def main(root: Path = ROOT) -> int:
    """Name each commit whose message has a fault, and return the exit code."""
    commits = list_commits(root)
    faults = [(each, fault) for each in commits for fault in find_faults(each)]
    for commit, fault in faults:
        say(f"{commit.id} {commit.subject!r}: {fault}. Reword it: git rebase -i")
    if not faults:
        say(f"{len(commits)} commits beyond the main branch, and each says what and why")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
