"""A command that the terminal names can be pasted into the shell that `jhp` was started from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

JHP = Path(sys.executable).with_name("jhp")


def run(command: str, *, cwd: Path, path: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell where ``jhp`` is found only by what ``path`` says."""
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=cwd,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "a checkout"
    (folder / ".venv").mkdir(parents=True)
    (folder / ".venv/bin").symlink_to(JHP.parent)
    return folder


def last_command(text: str) -> str:
    """Return the command between the last two backquotes of a text."""
    return text.rpartition("`")[0].rpartition("`")[2]


def test_command_in_an_error_is_the_one_that_was_typed(checkout: Path) -> None:
    refused = run(".venv/bin/jhp why dev1", cwd=checkout, path=os.defpath)
    assert refused.returncode == 1
    command = last_command(refused.stderr)
    assert command == ".venv/bin/jhp up"
    pasted = run(f"{command} --help", cwd=checkout, path=os.defpath)
    assert pasted.returncode == 0
    assert "  .venv/bin/jhp up --file platform.yaml" in pasted.stdout


def test_command_that_is_called_from_elsewhere_is_named_by_its_whole_path(
    checkout: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    refused = run(f"'{checkout}/.venv/bin/jhp' why dev1", cwd=elsewhere, path=os.defpath)
    command = last_command(refused.stderr)
    assert command == f"'{checkout}/.venv/bin/jhp' up"
    assert run(f"{command} --help", cwd=tmp_path, path=os.defpath).returncode == 0


def test_command_in_path_keeps_its_name(tmp_path: Path) -> None:
    refused = run("jhp why dev1", cwd=tmp_path, path=f"{JHP.parent}:{os.defpath}")
    assert last_command(refused.stderr) == "jhp up"


def test_another_program_of_that_name_in_path_is_not_taken_for_it(
    checkout: Path, tmp_path: Path
) -> None:
    other = tmp_path / "bin/jhp"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    path = f"{other.parent}:{os.defpath}"
    refused = run(".venv/bin/jhp why dev1", cwd=checkout, path=path)
    assert last_command(refused.stderr) == ".venv/bin/jhp up"
