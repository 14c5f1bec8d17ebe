"""Tables and JSON, as people and programs read them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from jupyterhub_platform.cli.main import VERBS, main
from jupyterhub_platform.cli.terminal import echo_json, echo_table

ROWS = [("kim", "", "1"), ("\x1b[2Jevil\n", "b", "22")]


@click.command()
def show() -> None:
    """Show a table."""
    echo_table(("name", "level", "servers"), ROWS, "Nothing.")


def test_a_table_is_aligned_and_holds_nothing_that_moves_a_cursor() -> None:
    done = CliRunner().invoke(show)
    assert done.stdout.splitlines() == [
        "NAME           LEVEL  SERVERS",
        "kim            -      1",
        "\\x1b[2Jevil\\n  b      22",
    ]


@pytest.mark.parametrize(("no_color", "is_painted"), [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(no_color: str, is_painted: bool) -> None:
    done = CliRunner().invoke(show, color=True, env={"NO_COLOR": no_color})
    assert ("\x1b[1m" in done.stdout) is is_painted
    assert "\x1b" not in CliRunner().invoke(show, env={"NO_COLOR": no_color}).stdout


def test_json_is_one_document_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    echo_json({"name": "Ä"})
    assert capsys.readouterr().out == '{\n  "name": "Ä"\n}\n'
    assert json.loads('{\n  "name": "Ä"\n}\n') == {"name": "Ä"}


def list_commands() -> list[str]:
    context = click.Context(main, info_name="jhp")
    found = []
    for verb in VERBS:
        command = main.get_command(context, verb)
        assert command is not None
        below = command.commands if isinstance(command, click.Group) else {}
        found += [f"{verb} {name}" for name in below] or [verb]
    return found


@pytest.mark.parametrize("command", list_commands())
def test_help_opens_with_two_examples(command: str) -> None:
    """Each is a command line that can be read, with the options that it names."""
    text = CliRunner().invoke(main, [*command.split(), "--help"], prog_name="jhp").stdout
    shown = [line.strip() for line in text.partition("Options:")[0].splitlines()[1:]]
    examples = [line for line in shown if "jhp " in line and "`" not in line]
    assert len(examples) >= 2, text
    assert all(command.split()[-1] in line for line in examples[:2]), examples


def test_verbs_are_completed_by_the_shell() -> None:
    words = {"COMP_WORDS": "jhp log", "COMP_CWORD": "1", "_JHP_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("jhp"))],
        env={**os.environ, **words},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.split() == ["plain,login", "plain,logout", "plain,logs"]
