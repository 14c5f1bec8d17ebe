"""``jhp suspend`` and ``jhp resume``: suspend a user at once, and lift the suspension."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from jupyterhub_platform.cli.hub.client import HubClient
from jupyterhub_platform.cli.hub.options import hub_options, render_which
from jupyterhub_platform.cli.hub.until import read_end
from jupyterhub_platform.cli.own_command import as_pasted
from jupyterhub_platform.cli.terminal import count, echo_json
from jupyterhub_platform.core.times import describe_instant, read_stored
from jupyterhub_platform.core.typed_names import render_command


@click.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why, for readers of the audit.")
@click.option("--until", help="When it ends by itself: 8h, 7d, or a time with its zone.")
@hub_options
def suspend(
    name: str, reason: str, until: str | None, url: str | None, state: Path, as_json: bool
) -> None:
    """Suspend NAME: logged out everywhere, tokens dead, servers stopped, within seconds.

    \b
      jhp suspend dev1 --reason "laptop stolen"
      jhp suspend dev1 --reason "on leave" --until 14d

    Nothing is deleted: `jhp resume` restores level, groups, grants, files and shares. Tokens and
    sessions are not restored.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    body: dict[str, Any] = {"reason": reason}
    end = read_end(until, datetime.now(UTC))
    if end is not None:
        body["until"] = end
    with HubClient.find(url, state) as hub:
        answer = hub.post(
            f"platform/users/{quote(name, safe='')}/suspend", body, keys=("ended", "until")
        )
    if as_json:
        echo_json(answer)
        return
    ended = answer["ended"]
    click.echo(f"{name} is suspended{_say_end(answer['until'])}.")
    click.echo(
        f"Ended: {count(len(ended['servers']), 'server')}, {count(ended['tokens'], 'token')}, "
        f"{count(ended['shares'], 'share')}, and every session. Tokens and sessions are not "
        "restored.",
        err=True,
    )
    if "not_ended" in answer:
        click.echo(f"Not ended: {answer['not_ended']}", err=True)
    _tell_how_to_undo("resume", name, render_which(url, state))


@click.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why, for readers of the audit.")
@hub_options
def resume(name: str, reason: str, url: str | None, state: Path, as_json: bool) -> None:
    """Lift the suspension of NAME.

    \b
      jhp resume dev1 --reason "laptop found"
      jhp resume dev1 --reason "back from leave" --json

    Level, groups, grants, files and shares are restored; tokens and sessions are not. A
    suspension that the policy declares is lifted there.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with HubClient.find(url, state) as hub:
        answer = hub.post(
            f"platform/users/{quote(name, safe='')}/resume",
            {"reason": reason},
            keys=("given_back", "shares", "message"),
        )
    if as_json:
        echo_json(answer)
        return
    click.echo(f"{name} is no longer suspended.")
    click.echo(
        f"Restored: {', '.join(answer['given_back'])} ({count(answer['shares'], 'share')}). "
        f"{answer['message']}",
        err=True,
    )
    _tell_how_to_undo("suspend", name, render_which(url, state))


def _tell_how_to_undo(verb: str, name: str, which: str) -> None:
    command = render_command(f"jhp {verb}", name, f"{which} --reason …")
    click.echo(as_pasted(f"To undo it: {command}"), err=True)


def _say_end(until: str | None) -> str:
    if until is None:
        return ""
    return f" until {describe_instant(read_stored(until))}"
