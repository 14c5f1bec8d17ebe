"""Prints what a change did, and the command that undoes it."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from jupyterhub_platform.cli.hub.client import HubRefusedError
from jupyterhub_platform.cli.hub.options import Hub, with_hub, with_json
from jupyterhub_platform.cli.objects.differences import render_differences
from jupyterhub_platform.cli.own_command import as_pasted
from jupyterhub_platform.cli.terminal import echo_json, printable
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.typed_names import render_command
from jupyterhub_platform.rest.managed import Changed

Command = TypeVar("Command", bound=Callable[..., Any])
_LOST = 412

_OF_CHANGES = (
    click.option("--reason", required=True, help="Why, for readers of the audit."),
    click.option("--dry-run", is_flag=True, help="Check everything, and change nothing."),
    with_hub,
    with_json,
)


def change_options(command: Command) -> Command:
    """Give a command ``reason``, ``dry_run``, ``hub`` and ``as_json``."""
    for option in reversed(_OF_CHANGES):
        command = option(command)
    return command


def echo_change(changed: Changed, hub: Hub, *, as_json: bool) -> None:
    """Print what a change did, and the command that undoes it."""
    if as_json:
        echo_json(changed.to_json())
        return
    kind, name = changed.kind, printable(changed.name)
    is_retired, is_new = changed.after is None, changed.before is None
    verb = "retired" if is_retired else "made" if is_new else "changed"
    if changed.dry_run:
        click.echo(f"The {kind} {name} would be {verb}. Nothing was changed.")
    else:
        click.echo(f"{verb.capitalize()} the {kind} {name}: revision {changed.revision}.")
    for line in render_differences(changed.before, changed.after):
        click.echo(line)
    if changed.dry_run:
        return
    if is_new:
        options = f"{hub.options} --reason …"
        echo_undo(render_command(f"jhp {kind} retire", changed.name, options))
    else:
        echo_undo(f"jhp policy rollback {changed.previous}{hub.options} --reason …")


def echo_undo(command: str) -> None:
    """Print the command that undoes a change, on stderr."""
    click.echo(as_pasted(f"To undo it: {command}"), err=True)


def explain_lost(error: HubRefusedError, wanted: dict[str, Any]) -> PlatformError:
    """Return the error of a refused change, which shows both versions of a lost update."""
    if error.status != _LOST:
        return error
    current = error.body.get("current")
    now = current.get("document") if isinstance(current, dict) else None
    lines = [str(error.body.get("message"))]
    if now is not None:
        lines.append("From what it says now (-) to what you wanted (+):")
        lines += map(click.unstyle, render_differences(now, wanted))
    return PlatformError("\n".join(lines))
