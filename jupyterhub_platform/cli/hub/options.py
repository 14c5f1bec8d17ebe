"""The options of every verb that calls a Hub: which Hub, and the output format."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from jupyterhub_platform.settings import STATE_DIRECTORY


@dataclass(frozen=True, slots=True)
class Hub:
    """Which Hub a command calls: that at ``url``, or the one that was started from ``state``."""

    url: str | None
    state: Path

    @property
    def options(self) -> str:
        """The options that lead another command to it, after a blank; empty if none are needed."""
        return render_which(self.url, self.state)


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


def with_state(command: Command) -> Command:
    """Give a command ``state`` alone."""
    return _WHICH[1](command)


with_json = click.option("--json", "as_json", is_flag=True, help="Print the Hub's answer as JSON.")
"""Gives a command ``as_json``."""


def with_hub(command: Command) -> Command:
    """Give a command ``hub``, from the options of :func:`which_hub`."""

    @wraps(command)
    def call(*words: Any, url: str | None, state: Path, **named: Any) -> Any:
        return command(*words, hub=Hub(url, state), **named)

    return which_hub(cast("Command", call))


def hub_options(command: Command) -> Command:
    """Give a command ``url``, ``state`` and ``as_json``."""
    return which_hub(with_json(command))


def render_which(url: str | None, state: Path) -> str:
    """Render the options that lead another command to the same Hub; empty if none are needed."""
    if url is not None:
        return f" --url {shlex.quote(url)}"
    return "" if state == Path(STATE_DIRECTORY) else f" --state {shlex.quote(str(state))}"
