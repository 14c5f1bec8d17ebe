"""What git says of a folder: its commit if nothing in it changed, and what it had in another."""

from pathlib import Path

import pytest

from jupyterhub_platform.deploy.git import (
    GitError,
    commit_all,
    find_commit,
    read_commit,
    say_commit,
    write_files,
)
from tests.cli.test_applied import commits, git

__all__ = ["commits"]


def test_a_folder_is_of_a_commit_until_one_of_its_files_changes(
    tmp_path: Path, commits: list[str]
) -> None:
    folder = tmp_path / "site"
    assert read_commit(folder, ["a"]) == commits[-1]
    (folder / "b").write_text("new")
    assert read_commit(folder, ["a"]) == commits[-1]
    assert read_commit(folder) == ""
    (folder / "a").write_text("3")
    assert read_commit(folder, ["a"]) == ""


def test_without_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert read_commit(tmp_path, ["a"]) == ""
    with pytest.raises(GitError, match="git rev-parse failed"):
        find_commit(tmp_path, "HEAD")


def test_what_a_commit_had_is_written_elsewhere(tmp_path: Path, commits: list[str]) -> None:
    folder = tmp_path / "site"
    into = tmp_path / "into"
    write_files(folder, find_commit(folder, "HEAD~2"), into)
    assert [(each.name, each.read_text()) for each in into.iterdir()] == [("a", "1")]
    whole = write_files(tmp_path, commits[1], tmp_path / "whole")
    assert sorted(str(each.relative_to(whole)) for each in whole.rglob("*") if each.is_file()) == [
        "other",
        "site/a",
    ]
    assert (
        say_commit(folder, commits[1])
        == f"{git(tmp_path, 'rev-parse', '--short', commits[1])} other"
    )


@pytest.mark.parametrize("name", ["nothing", "--output=x", "HEAD:site"])
def test_what_is_no_commit_is_refused(tmp_path: Path, commits: list[str], name: str) -> None:
    with pytest.raises(GitError):
        find_commit(tmp_path, name)


def test_a_folder_that_a_commit_does_not_have_is_refused(
    tmp_path: Path, commits: list[str]
) -> None:
    (tmp_path / "later").mkdir()
    with pytest.raises(GitError, match="does not have the folder"):
        write_files(tmp_path / "later", commits[0], tmp_path / "into")


def test_a_hook_of_another_repository_leads_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, other = tmp_path / "here", tmp_path / "other"
    for folder in (here, other):
        folder.mkdir()
        (folder / "platform.yaml").write_text(folder.name)
        commit_all(folder, ["platform.yaml"], folder.name)
    there = read_commit(other)
    # As git tells its hooks.
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert read_commit(here) != there
    assert say_commit(here, "HEAD").endswith("here")
