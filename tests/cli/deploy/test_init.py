"""``jhp init``: asked, answered from a file, interrupted, and kept from overwriting."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jupyterhub_platform.cli.main import main
from jupyterhub_platform.deploy.repository.creation import PROGRESS, keep_progress
from tests.deploy.repository.sites import PLACES

LAPTOP_QUESTIONS = 8


def run(*arguments: str | Path, keys: str = "") -> Result:
    return CliRunner().invoke(main, ["init", *map(str, arguments)], input=keys)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def read_all(folder: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file() and ".git/" not in f"{each.relative_to(folder)}/"
        if each.relative_to(folder).parts[0] != ".git"
    }


def test_enter_through_everything_leaves_one_clean_commit(tmp_path: Path) -> None:
    done = run(tmp_path / "new", keys="\n" * LAPTOP_QUESTIONS)
    assert done.exit_code == 0, done.output
    assert git(tmp_path / "new", "rev-list", "--count", "HEAD") == "1"
    assert git(tmp_path / "new", "status", "--porcelain") == ""
    assert [line.strip() for line in done.stdout.splitlines()] == [
        f"cd {tmp_path / 'new'} && jhp validate platform.yaml",
        "jhp plan",
        "jhp apply",
    ]
    checked = CliRunner().invoke(main, ["validate", str(tmp_path / "new" / "platform.yaml")])
    assert checked.exit_code == 0


def test_the_answers_of_a_repository_make_the_same_again(tmp_path: Path) -> None:
    keys = "eks eu-central-1 123456789012\nhttps://hub.site.org\n\nboss\nvision: kim lee\n"
    assert run(tmp_path / "a", keys=keys + "\n" * 7).exit_code == 0
    again = run(tmp_path / "b", "--answers", tmp_path / "a" / "answers.yaml")
    assert again.exit_code == 0, again.output
    assert read_all(tmp_path / "a") == read_all(tmp_path / "b")


def test_help_a_way_back_and_a_second_chance(tmp_path: Path) -> None:
    keys = "moon\nlaptop\n?\n\nroot\n<\nboss\n\n\n\n\n\n"
    done = run(tmp_path / "new", keys=keys)
    assert done.exit_code == 0, done.output
    assert "“moon” is no target. Answer one of laptop" in done.stderr
    assert "passwords that they set by an invite" in done.stderr
    policy = (tmp_path / "new" / "platform.yaml").read_text()
    assert '"boss": {level: admin}' in policy
    assert "root" not in policy


def test_what_is_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    first = run(folder, keys="laptop\nlocal\nboss\n")
    assert first.exit_code == 1
    assert "The answers so far are kept" in first.stderr
    assert list(read_all(folder)) == [PROGRESS]
    second = run(folder, keys="\n" * 5)
    assert second.exit_code == 0, second.output
    assert "Going on with 3 answers from before." in second.stderr
    assert PROGRESS not in read_all(folder)
    assert '"boss"' in (folder / "platform.yaml").read_text()


def test_killed_while_it_writes_it_ends_the_same(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run(whole, "--defaults").exit_code == 0
    files = read_all(whole)
    for number in range(len(files)):
        folder = cut / str(number)
        keep_progress(folder, {"target": "laptop"})
        for path, text in list(files.items())[:number]:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text)
        done = run(folder, "--defaults")
        assert done.exit_code == 0, done.output
        assert read_all(folder) == files
        assert git(folder, "status", "--porcelain") == ""


def test_it_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "platform.yaml").write_text("mine")
    done = run(tmp_path, "--defaults")
    assert done.exit_code == 1
    assert "is not empty: platform.yaml. Nothing was written." in done.stderr
    assert read_all(tmp_path) == {"platform.yaml": b"mine"}
    keep_progress(tmp_path, {"target": "laptop"})
    done = run(tmp_path, "--defaults")
    assert done.exit_code == 1
    assert "was left as it is" in done.stderr
    assert (tmp_path / "platform.yaml").read_text() == "mine"


def test_a_repository_that_is_one_already_is_left_alone(tmp_path: Path) -> None:
    assert run(tmp_path / "new", "--defaults").exit_code == 0
    before = read_all(tmp_path / "new")
    done = run(tmp_path / "new", "--defaults")
    assert "It is a repository of jhp init already." in done.stderr
    assert read_all(tmp_path / "new") == before


@pytest.mark.parametrize("target", sorted(PLACES))
def test_flags_answer_and_nothing_is_asked(tmp_path: Path, target: str) -> None:
    flags = [part for key, text in PLACES[target].items() for part in (f"--{key}", text)]
    done = run(tmp_path / "new", "--defaults", "--json", *flags)
    assert done.exit_code == 0, done.output
    assert '"platform.lock"' in done.stdout


def test_without_a_default_it_names_what_is_missing(tmp_path: Path) -> None:
    done = run(
        tmp_path / "new", "--defaults", "--target", "eks-govcloud us-gov-west-1 123456789012"
    )
    assert done.exit_code == 1
    assert "--address (At which address will users find it?); --egress" in done.stderr
    assert not (tmp_path / "new").exists()


def test_an_answers_file_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "answers.yaml").write_text("target: laptop\ntier: small\n")
    done = run(tmp_path / "new", "--answers", tmp_path / "answers.yaml")
    assert done.exit_code == 1
    assert "tier is no question; known are target, address" in done.stderr
