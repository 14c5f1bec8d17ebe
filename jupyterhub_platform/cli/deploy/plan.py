"""``jhp plan``: what applying the files of this folder would do, before it is done."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import click

from jupyterhub_platform.cli.deploy.found_files import FILE, FoundFiles, find_files
from jupyterhub_platform.cli.deploy.rendered import compare_deployments
from jupyterhub_platform.cli.deploy.report import Report, render_markdown, render_terminal
from jupyterhub_platform.cli.deploy.target import HubFaultsError, open_target, plan_beside
from jupyterhub_platform.cli.exit_codes import MISUSED, REFUSED
from jupyterhub_platform.cli.hub.options import Hub, with_hub
from jupyterhub_platform.cli.policy.sarif import render_sarif
from jupyterhub_platform.cli.terminal import count, echo_json, printable
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.deploy.git import find_commit, say_commit, write_files
from jupyterhub_platform.policy_files import read_policy

Command = TypeVar("Command", bound=Callable[..., Any])
CODES: Final = (
    *("admins", "suspended", "removed", "group", "tier"),
    *("proxy", "database", "storage", "namespace", "all"),
)
"""What can be destructive, and all of it."""

file_argument: Final = click.argument(
    "file", type=click.Path(path_type=Path, dir_okay=False), default=FILE, required=False
)
allow_option: Final = click.option(
    "--allow",
    "allow",
    type=click.Choice(CODES),
    multiple=True,
    help="Let something destructive be done, by the word that the plan has for it.",
)


@click.command(short_help="Show what applying platform.yaml would do.")
@file_argument
@click.option("--against", metavar="REV", help="Compare with a git revision; no Hub is asked.")
@allow_option
@click.option("--json", "form", flag_value="json", help="Print it as JSON: jhp apply --plan.")
@click.option("--markdown", "form", flag_value="markdown", help="Print it for a merge request.")
@click.option("--sarif", "form", flag_value="sarif", help="Print what it found as SARIF.")
@with_hub
@click.pass_context
def plan(
    ctx: click.Context,
    file: Path,
    against: str | None,
    allow: tuple[str, ...],
    form: str | None,
    hub: Hub,
) -> None:
    """Show what applying FILE would do: what it hits first, then what differs.

    \b
      jhp plan
      jhp plan --markdown --against origin/main > comment.md

    The Hub is asked, if one answers: it knows what is in force, managed and running. Of one that
    was stopped here, its store says it. With --against, what is rendered for a cluster is compared
    as well. FILE is ./platform.yaml by default; nothing is changed, and secrets are not shown.

    The exit code is 0 if there is nothing to do or nothing is destroyed, 1 if the file cannot be
    applied, 2 if it is destructive and that is not allowed.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    try:
        found = find_files(file)
        if against is not None:
            report = _plan_against(found, against, frozenset(allow))
        else:
            with open_target(hub) as target:
                report = target.plan(found, frozenset(allow))
    except (PolicyError, HubFaultsError) as error:
        echo_faults(file, error.faults, form)
        ctx.exit(REFUSED)
    if form == "json":
        echo_json(report.to_json())
    elif form == "sarif":
        echo_json(render_sarif(str(file), report.plan, ()))
    elif form == "markdown":
        click.echo("\n".join(render_markdown(report)))
    else:
        click.echo("\n".join(render_terminal(report)))
    ctx.exit(choose_exit_code(report))


def _plan_against(found: FoundFiles, revision: str, allowed: frozenset[str]) -> Report:
    """Return what changed since a git revision."""
    folder = found.path.absolute().parent
    commit = find_commit(folder, revision)
    with TemporaryDirectory() as scratch:
        before = read_policy(write_files(folder, commit, Path(scratch)) / found.path.name)
        parts = compare_deployments(before, read_policy(found.path))
    return plan_beside(before, found, f"git revision {say_commit(folder, commit)}", parts, allowed)


def choose_exit_code(report: Report) -> int:
    """Return with which exit code a plan ends."""
    if report.plan.conflicts_count:
        return REFUSED
    return MISUSED if report.refused else 0


def echo_faults(file: Path, faults: tuple[Fault | str, ...], form: str | None = None) -> None:
    """Print the faults of files, each with its line."""
    texts = [str(each) for each in faults]
    if form == "json":
        echo_json({"file": str(file), "faults": texts})
    elif form == "sarif":
        echo_json(render_sarif(str(file), None, texts))
    elif form == "markdown":
        click.echo("\n".join([f"### `{file}` has {count(len(texts), 'fault')}", "", "```"]))
        click.echo("\n".join([*map(printable, texts), "```"]))
    else:
        click.echo("\n".join(map(printable, texts)))
        click.echo(f"{count(len(texts), 'fault')} in {file}: nothing was changed.", err=True)


def read_plan(path: Path) -> dict[str, Any]:
    """Read a plan that ``jhp plan --json`` printed.

    Raises
    ------
    click.UsageError
        Raised if it is none.
    """
    try:
        read = json.loads(path.read_text())
        return {"base": dict(read["base"]), "proposed": str(read["proposed"])}
    except (ValueError, KeyError, TypeError):
        raise click.UsageError(f"{path} is no plan: make one with `jhp plan --json`.") from None
