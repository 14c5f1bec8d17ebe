"""``jhp init``: a dozen questions, and the repository of a platform."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.terminal import echo_json, paint
from jupyterhub_platform.deploy.repository.answers import read_place
from jupyterhub_platform.deploy.repository.contents import name_apply
from jupyterhub_platform.deploy.repository.creation import (
    check_empty,
    create,
    keep_progress,
    read_progress,
    read_texts,
)
from jupyterhub_platform.deploy.repository.pools import AnswerError
from jupyterhub_platform.deploy.repository.questions import QUESTIONS, Question, text_of

_HELP: Final = "?"
_BACK: Final = "<"


def _flags(command: Callable[..., Any]) -> Callable[..., Any]:
    for question in reversed(QUESTIONS):
        option = click.option(f"--{question.key}", metavar="ANSWER", help=question.asks)
        command = option(command)
    return command


@click.command(short_help="Make the repository of a new platform, by a dozen questions.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@_flags
@click.option(
    "--answers",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Answer from a file; what it leaves out takes its default.",
)
@click.option("--defaults", is_flag=True, help="Ask nothing: what has a default takes it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@click.pass_context
def init(
    ctx: click.Context,
    /,
    folder: Path,
    file: Path | None,
    defaults: bool,
    as_json: bool,
    **flags: str | None,
) -> None:
    """Make the repository of a new platform in FOLDER, by default here.

    \b
      jhp init my-platform
      jhp init my-platform --defaults --target cluster
      jhp init my-platform --answers answers.yaml

    Each question has a default (Enter), help (?) and a way back (<). Nothing is asked of a network
    or a cluster, and no secret is asked for or written. Interrupted, it goes on where it was; it
    never overwrites. What it leaves is one commit that validates. answers.yaml in it makes the same
    again, byte for byte.

    \b
    With --json:
      folder, commit, files
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    check_empty(folder)
    given = read_texts(file) if file else {}
    given |= {key: text for key, text in flags.items() if text is not None}
    kept = read_progress(folder)
    if kept and not given:
        click.echo(f"Going on with {len(kept)} answers from before.", err=True)
    texts = kept | given
    if defaults or file:
        _fill(texts)
    else:
        _ask_all(ctx, folder, texts)
    files, commit = create(folder, texts)
    if as_json:
        echo_json({"folder": str(folder), "commit": commit, "files": sorted(files)})
        return
    target = read_place(texts["target"]).target
    to_do = ("jhp plan",) if target == "laptop" else ("less RUNBOOK.md",)
    _report(folder, len(files), commit, (*to_do, name_apply(target)))


def _fill(texts: dict[str, str]) -> None:
    """Take defaults, and name everything that has none."""
    texts.setdefault("target", QUESTIONS[0].default["*"])
    target = read_place(texts["target"]).target
    missing = [each for each in QUESTIONS if each.is_asked(target) and not text_of(each, texts)]
    if missing:
        named = "; ".join(f"--{each.key} ({each.asks})" for each in missing)
        raise AnswerError(f"{target} has no default for: {named}")


def _ask_all(ctx: click.Context, folder: Path, texts: dict[str, str]) -> None:
    number = 0
    if sys.stdin.isatty():
        click.echo("Enter takes what is in brackets, ? explains, < goes back.", err=True)
    while number < len(QUESTIONS):
        question = QUESTIONS[number]
        target = texts["target"].split()[0] if number else ""
        if (target and not question.is_asked(target)) or question.key in texts:
            number += 1
            continue
        try:
            answer = _ask(question, target, texts)
        except (EOFError, KeyboardInterrupt, click.Abort):
            keep_progress(folder, texts)
            click.echo(
                f"\nInterrupted. The answers so far are kept: run jhp init {folder} again to go "
                "on.",
                err=True,
            )
            ctx.exit(REFUSED)
        if answer == _BACK:
            number = _go_back(number, texts)
            continue
        texts[question.key] = answer
        keep_progress(folder, texts)


def _ask(question: Question, target: str, texts: dict[str, str]) -> str:
    """Return an answer that can be taken, or that one goes back."""
    default = question.default_for(target or QUESTIONS[0].default["*"])
    shown = f" [{default}]" if default else ""
    while True:
        click.echo(paint(question.asks, bold=True) + shown, err=True)
        click.echo("> ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        text = line.strip() or default or ""
        if text == _HELP:
            click.echo(question.help, err=True)
            continue
        if text == _BACK:
            return _BACK
        if not text:
            click.echo(f"It has no default. {question.help}", err=True)
            continue
        try:
            place = read_place(texts.get("target") or text)
            question.read(text, place)
        except AnswerError as error:
            click.echo(str(error), err=True)
            continue
        return text


def _go_back(number: int, texts: dict[str, str]) -> int:
    """Forget the last answer that was given, and return the number of its question."""
    for before in range(number - 1, -1, -1):
        if texts.pop(QUESTIONS[before].key, None) is not None:
            return before
    click.echo("This is the first question.", err=True)
    return number


def _report(folder: Path, number: int, commit: str, commands: Sequence[str]) -> None:
    where = "" if folder == Path() else f"cd {folder} && "
    click.echo(f"{number} files in {folder.absolute()}, commit {commit[:12]}.", err=True)
    click.echo("What comes next:", err=True)
    click.echo(f"  {where}jhp validate platform.yaml")
    for command in commands:
        click.echo(f"  {command}")
