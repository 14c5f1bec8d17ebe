"""Check the messages of commits, on the main branch as on any other.

A subject fits into one line of ``git log``. A body says why, unless the change is so small that it
says so itself. Commits from before the rule held everywhere stay as they are.
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
SINCE: Final = "2026-11-29T21:30:00+00:00"
"""Commits that were made later are checked."""


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
    """Return the commits behind ``HEAD`` that are checked, without merges, the oldest first."""
    command = ("git", "log", "--reverse", "--no-merges", f"--since={SINCE}", "--numstat")
    end = "%x00"
    done = subprocess.run(  # noqa: S603
        (*command, f"--format={end}%h{end}%s{end}%b{end}"),
        cwd=root,
        capture_output=True,
        text=True,
        check=False,  # outside of a repository, or before its first commit, there is none
    )
    parts = iter(done.stdout.split("\0")[1:])
    return [
        Commit(id_, subject, body.strip(), _count_lines(counts))
        for id_, subject, body, counts in zip(parts, parts, parts, parts, strict=True)
    ]


def _count_lines(counts: str) -> int:
    added_and_removed = (count for line in counts.splitlines() for count in line.split("\t")[:2])
    # A binary file has a dash in place of each number.
    return sum(int(count) for count in added_and_removed if count.isdecimal())


def main(root: Path = ROOT) -> int:
    """Name each commit whose message has a fault, and return the exit code."""
    commits = list_commits(root)
    faults = [(each, fault) for each in commits for fault in find_faults(each)]
    for commit, fault in faults:
        say(f"{commit.id} {commit.subject!r}: {fault}. Reword it: git rebase -i")
    if not faults:
        say(f"{len(commits)} commits since {SINCE}, and each says what and why")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
