"""Commits have a short subject, and say why."""

import os
import subprocess
from pathlib import Path

import pytest
from commit_messages import MAX_SUBJECT, SMALL_CHANGE, list_commits, main

LATER = "2036-01-01T00:00:00+00:00"
SMALL, LARGE = "line\n" * (SMALL_CHANGE - 1), "line\n" * SMALL_CHANGE


class Repository:
    """A repository with one commit of before the rule on its main branch, and a branch on top."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("first", LARGE, "Begin", date="2026-11-01T00:00:00+00:00")
        self.git("switch", "--quiet", "--create", "change")

    def git(self, *words: str, date: str = LATER) -> None:
        identity = ("-c", "user.name=Kim", "-c", "user.email=kim@example.org")
        environment = {**os.environ, "GIT_COMMITTER_DATE": date}
        subprocess.run(("git", *identity, *words), cwd=self.root, check=True, env=environment)

    def commit(self, file: str, text: str, message: str, *, date: str = LATER) -> None:
        (self.root / file).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={message}", date=date)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_history_of_before_the_rule_stays_as_it_is(repository: Repository) -> None:
    repository.git("switch", "--quiet", "main")
    assert list_commits(repository.root) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LARGE, "Serve pages\n\nThey were not served."),
        (SMALL, "Serve pages"),
        (SMALL, "s" * MAX_SUBJECT),
    ],
)
def test_a_short_subject_and_a_reason_are_enough(
    repository: Repository, text: str, message: str
) -> None:
    repository.commit("second", text, message)
    assert main(repository.root) == 0


@pytest.mark.parametrize(
    ("text", "message", "fault"),
    [
        (LARGE, "Serve pages", f"changes {SMALL_CHANGE} lines and has no body"),
        (SMALL, "s" * (MAX_SUBJECT + 1), f"has {MAX_SUBJECT + 1} characters"),
    ],
)
def test_a_long_subject_or_no_reason_is_named(
    repository: Repository,
    capsys: pytest.CaptureFixture[str],
    text: str,
    message: str,
    fault: str,
) -> None:
    repository.commit("second", text, message)
    repository.commit("third", "", "Empty a file")
    assert main(repository.root) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert fault in line


def test_a_merge_is_left_out_and_what_it_brings_is_checked(repository: Repository) -> None:
    repository.commit("second", LARGE, "On the branch")
    repository.git("switch", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "--no-edit", "change")
    assert [each.subject for each in list_commits(repository.root)] == ["On the branch"]
    assert main(repository.root) == 1


def test_without_a_repository_there_is_nothing_to_check(tmp_path: Path) -> None:
    assert list_commits(tmp_path) == []
