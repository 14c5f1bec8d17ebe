"""The options of every verb that calls a Hub: which Hub, and the output format."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from jupyterhub_platform.settings import STATE_DIRECTORY

Command = TypeVar("Command", bound=Callable[..., Any])

_WHICH = (
    click.option(
        "--url", envvar="PLATFORM_URL", help="The Hub, if it is not the one that `jhp up` started."
    ),
    click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(STATE_DIRECTORY),
        show_default=True,
        help="The state directory of the Hub that `jhp up` started.",
    ),
)


def which_hub(command: Command) -> Command:
    """Give a command ``url`` and ``state``."""
    for option in reversed(_WHICH):
        command = option(command)
    return command


def hub_options(command: Command) -> Command:
    """Give a command ``url``, ``state`` and ``as_json``."""
    as_json = click.option(
        "--json", "as_json", is_flag=True, help="Print the Hub's answer as JSON."
    )
    return which_hub(as_json(command))


def render_which(url: str | None, state: Path) -> str:
    """Render the options that lead another command to the same Hub; empty if none are needed."""
    if url is not None:
        return f" --url {shlex.quote(url)}"
    return "" if state == Path(STATE_DIRECTORY) else f" --state {shlex.quote(str(state))}"
