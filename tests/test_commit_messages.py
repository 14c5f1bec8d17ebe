"""Commits that are not on the main branch have a short subject, and say why."""

import subprocess
from pathlib import Path

import pytest
from commit_messages import MAX_SUBJECT, SMALL_CHANGE, list_commits, main

SMALL, LARGE = "line\n" * (SMALL_CHANGE - 1), "line\n" * SMALL_CHANGE


class Repository:
    """A repository with one commit on its main branch, and a branch on top."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("first", LARGE, "Begin")
        self.git("switch", "--quiet", "--create", "change")

    def git(self, *words: str) -> None:
        identity = ("-c", "user.name=Kim", "-c", "user.email=kim@example.org")
        subprocess.run(("git", *identity, *words), cwd=self.root, check=True)

    def commit(self, file: str, text: str, message: str) -> None:
        (self.root / file).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={message}")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_main_branch_has_nothing_to_check(repository: Repository) -> None:
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


def test_merges_and_what_is_merged_already_are_left_out(repository: Repository) -> None:
    repository.commit("second", LARGE, "On the branch")
    repository.git("switch", "--quiet", "main")
    repository.commit("third", LARGE, "On main")
    repository.git("switch", "--quiet", "change")
    repository.git("merge", "--quiet", "--no-edit", "main")
    assert [each.subject for each in list_commits(repository.root)] == ["On the branch"]


def test_a_clone_is_compared_with_the_main_branch_of_its_origin(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit("second", LARGE, "On the branch")
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--branch=change", ".", str(clone))
    assert [each.subject for each in list_commits(clone)] == ["On the branch"]


def test_without_a_main_branch_there_is_nothing_to_compare_with(repository: Repository) -> None:
    repository.commit("second", LARGE, "On the branch")
    repository.git("branch", "--quiet", "-D", "main")
    assert list_commits(repository.root) == []
