"""``jhp request``: ask for access, and answer those who do."""

import shlex
from datetime import timedelta
from typing import Any

import click

from jupyterhub_platform.cli.hub.options import Hub, with_hub, with_json
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.objects.changes import echo_undo
from jupyterhub_platform.cli.objects.fields import read_amounts
from jupyterhub_platform.cli.terminal import echo_json, echo_table, printable
from jupyterhub_platform.cli.verb_names import VerbGroup
from jupyterhub_platform.core.access_requests import RequestState
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.times import describe_duration, describe_instant, read_stored

_REASON = click.option("--reason", required=True, help="Why; the other side reads it.")
_FOR = click.option("--for", "lasts", help="For how long: 8h, 2d.")
_ADD = click.option("--add", multiple=True, metavar="RESOURCE=AMOUNT", help="What is added.")


@click.group(cls=VerbGroup, short_help="Ask for access, and answer those who do.")
def request() -> None:
    """Ask for a tier, more quota, a longer grant or a level; and answer those who do.

    \b
      jhp request ls --only open
      jhp request approve 4f2a --reason "for the paper"
    """  # noqa: D301 click reads a backspace as: leave the lines as they are


@request.command("ls", short_help="List requests, newest first.")
@click.option(
    "--only",
    "wanted",
    type=click.Choice(tuple(map(str, RequestState))),
    help="Only those in this state.",
)
@with_hub
@with_json
def list_requests(wanted: str | None, hub: Hub, as_json: bool) -> None:
    """List requests, newest first: one's own, and those that one may answer.

    \b
      jhp request ls
      jhp request ls --only open --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    query = {"state": wanted} if wanted else {}
    with PlatformApi.of(hub) as api:
        lines = list(api.list_pages("listRequests", **query))
    if as_json:
        echo_json(lines)
        return
    rows = [
        (
            each["id"],
            each["state"],
            each["user"],
            each["account"],
            say_wish(each),
            describe_instant(read_stored(each["at"])),
            each["reason"],
            each["answer"] or "",
        )
        for each in lines
    ]
    titles = ("request", "state", "user", "account", "asks for", "at", "reason", "answer")
    echo_table(titles, rows, "There are no requests to list.")


def say_wish(asked: dict[str, Any]) -> str:
    """Say what is asked for: ``tier gpu for 2 d``."""
    wish = asked["wish"]
    parts = [
        f"{key} {' '.join(f'{k}={v}' for k, v in value.items())}"
        if isinstance(value, dict)
        else f"{key} {value}"
        for key, value in wish.items()
    ]
    lasts = asked["seconds"]
    return ", ".join(parts) + (
        f" for {describe_duration(timedelta(seconds=lasts))}" if lasts else ""
    )


@request.command("add", short_help="Ask for something.")
@click.option("--account", default="", help="The group in which it counts.")
@click.option("--tier", help="A tier to be opened.")
@_ADD
@click.option("--grant", help="A grant of yours that shall last longer.")
@click.option("--level", type=click.Choice(tuple(map(str, Level))), help="Another level.")
@_FOR
@_REASON
@with_hub
@with_json
def add_request(
    account: str,
    tier: str | None,
    add: tuple[str, ...],
    grant: str | None,
    level: str | None,
    lasts: str | None,
    reason: str,
    hub: Hub,
    as_json: bool,
) -> None:
    """Ask for a tier, more quota, a longer grant or a level, with a token of your own.

    \b
      jhp request add --tier gpu --account vision --for 2d --reason "paper" --url URL
      jhp request add --add servers=1 --account vision --for 8h --reason "two jobs" --url URL
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    chosen = {"account": account, "tier": tier, "grant": grant, "level": level, "for": lasts}
    body: dict[str, Any] = {key: value for key, value in chosen.items() if value}
    body["reason"] = reason
    if add:
        body["add"] = read_amounts("add", add)
    with PlatformApi.of(hub) as api:
        answer = api.call("makeRequest", body=body)
    _echo(answer, "Asked", as_json=as_json)
    if not as_json:
        echo_undo(f"jhp request withdraw {shlex.quote(answer['id'])}{hub.options} --reason …")


@request.command(short_help="Approve a request, or less than it asks for.")
@click.argument("name", metavar="REQUEST")
@_FOR
@_ADD
@_REASON
@with_hub
@with_json
def approve(
    name: str, lasts: str | None, add: tuple[str, ...], reason: str, hub: Hub, as_json: bool
) -> None:
    """Approve a request, or less than it asks for; a grant comes into force at once.

    \b
      jhp request approve 4f2a --reason "for the paper"
      jhp request approve 4f2a --for 1d --reason "one day is enough"

    jhp grant retire ends the grant early.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    body: dict[str, Any] = {"reason": reason}
    if lasts:
        body["for"] = lasts
    if add:
        body["add"] = read_amounts("add", add)
    with PlatformApi.of(hub) as api:
        _echo(api.call("approveRequest", name, body=body), "Approved", as_json=as_json)


@request.command(short_help="Refuse a request.")
@click.argument("name", metavar="REQUEST")
@_REASON
@with_hub
@with_json
def refuse(name: str, reason: str, hub: Hub, as_json: bool) -> None:
    """Refuse a request; the user reads the reason, and can ask again.

    \b
      jhp request refuse 4f2a --reason "the node is taken this week"
      jhp request refuse 4f2a --reason "use small" --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        _echo(api.call("refuseRequest", name, body={"reason": reason}), "Refused", as_json=as_json)


@request.command(short_help="Withdraw a request of your own.")
@click.argument("name", metavar="REQUEST")
@_REASON
@with_hub
@with_json
def withdraw(name: str, reason: str, hub: Hub, as_json: bool) -> None:
    """Withdraw a request of your own, with a token of yours.

    \b
      jhp request withdraw 4f2a --reason "done without" --url URL
      jhp request withdraw 4f2a --reason "done without" --url URL --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        answer = api.call("withdrawRequest", name, body={"reason": reason})
    _echo(answer, "Withdrew", as_json=as_json)


def _echo(asked: dict[str, Any], verb: str, *, as_json: bool) -> None:
    if as_json:
        echo_json(asked)
    else:
        where = f" in {asked['account']}" if asked["account"] else ""
        line = f"{verb}: {asked['user']}{where}, {say_wish(asked)}"
        click.echo(printable(f"{line}. Request {asked['id']} is {asked['state']}."))
