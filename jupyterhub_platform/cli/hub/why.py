"""``jhp why``: why a server waits, failed, ended or was refused, who can help, and how."""

from pathlib import Path
from typing import Any, Final

import click

from jupyterhub_platform.cli.hub.client import HubClient
from jupyterhub_platform.cli.hub.options import hub_options
from jupyterhub_platform.cli.terminal import echo_json
from jupyterhub_platform.core.times import describe_instant, read_stored

_STATES: Final = {
    "running": "runs",
    "starting": "is starting",
    "checking": "is being checked",
    "stopping": "is stopping",
    "counted": "is counted",
    "refused": "was refused",
    "ended": "has ended",
}


ANSWER_KEYS: Final = (
    *("cause", "server", "since", "user", "state"),
    *("tier", "account", "decision"),
)


@click.command()
@click.argument("server", metavar="NAME[/SERVER]")
@hub_options
def why(server: str, url: str | None, state: Path, as_json: bool) -> None:
    """Explain the state of a server: what it waits for, how it ended, or why it was refused.

    \b
      jhp why dev1
      jhp why dev1/train --json

    NAME alone is the default server of NAME. NAME/pod/POD is a pod that counts as theirs.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    user, _, name = server.partition("/")
    with HubClient.find(url, state) as hub:
        answer = hub.get("platform/why", {"user": user, "server": name}, keys=ANSWER_KEYS)
    if as_json:
        echo_json(answer)
    else:
        click.echo("\n".join(render(answer)))


def render(answer: dict[str, Any]) -> list[str]:
    """Render the Hub's answer for a terminal: the sentence first, then what to do."""
    cause, name = answer["cause"], answer["server"] or "the default server"
    since = describe_instant(read_stored(answer["since"]))
    lines = [
        f"{name} of {answer['user']} {_STATES[answer['state']]}, since {since}.",
        cause["sentence"],
        "",
        f"What to do    {cause['fix']}",
        f"Who can help  {_say_who(cause['who'], answer)}",
        f"Code          {cause['code']}",
    ]
    if answer["tier"]:
        lines.append(
            f"Tier          {answer['tier']}, charged to {answer['account'] or 'no account'}"
        )
    if answer["decision"]:
        again = f", given {times} times" if (times := answer.get("times") or 1) > 1 else ""
        lines.append(f"Decision      {answer['decision']}{again}")
    return lines


def _say_who(who: str, answer: dict[str, Any]) -> str:
    if who == "you":
        return str(answer["user"])
    if who == "nobody":
        return "no one needs to"
    return f"a manager of {answer['account']}" if who == "manager" else f"an {who}"
