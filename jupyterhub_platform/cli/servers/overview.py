"""``jhp overview``: what needs attention, and how full groups and tiers are."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from jupyterhub_platform.cli.hub.options import Hub, with_hub
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.terminal import echo_json, echo_table, printable
from jupyterhub_platform.core.times import describe_instant, read_stored
from jupyterhub_platform.usecases.reports.attention import KINDS

_LOG_LINES: Final = 8


@click.command(short_help="Show what needs attention.")
@click.option(
    "--show", type=click.Choice(KINDS), help="List up to 100 of this kind, instead of the first 5."
)
@click.option("--logs", is_flag=True, help="Show the end of the logs of failed servers.")
@with_hub
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
def overview(show: str | None, logs: bool, hub: Hub, as_json: bool) -> None:
    """Show what needs attention: faults, failed servers, requests, full groups, ending grants.

    \b
      jhp overview
      jhp overview --show failed --logs

    The rest is how full groups and tiers are. jhp ls lists the servers that run.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        answer = api.call("readOverview", query={"show": show} if show else {})
    if as_json:
        echo_json(answer)
        return
    click.echo(answer["sentence"])
    for line in (*_list_faults(answer), *_list_concerns(answer, with_logs=logs)):
        click.echo(printable(line))
    rows = [
        (kind, each["name"], str(each["servers"]), _say_held(each))
        for kind, key in (("group", "accounts"), ("tier", "tiers"))
        for each in answer[key]
    ]
    click.echo("")
    echo_table(("kind", "name", "servers", "held"), rows, "There is no group and no tier.")


def _list_faults(answer: Mapping[str, Any]) -> Iterator[str]:
    for each in answer["troubles"]:
        yield ""
        yield f"{each['title']}: {each['sentence']}"
        yield from (f"  {detail}" for detail in each["details"])
        yield f"  {each['fix']}"
    if answer["weakened"]:
        yield ""
        yield "Settings that are weaker than the platform's own"
        yield from (f"  {sentence}" for sentence in answer["weakened"])


def _list_concerns(answer: Mapping[str, Any], *, with_logs: bool) -> Iterator[str]:
    for concern in answer["attention"]:
        yield ""
        yield f"{concern['title']} ({concern['total']})"
        for entry in concern["entries"]:
            at = entry["since"] or entry["until"]
            when = f", {describe_instant(read_stored(at))}" if at else ""
            yield f"  {entry['subject']}{when}: {entry['sentence']}"
            yield f"    {entry['fix']}"
            if with_logs and entry["log"]:
                yield from (f"    | {line}" for line in entry["log"].splitlines()[-_LOG_LINES:])
        left = concern["total"] - len(concern["entries"])
        if left:
            yield f"  and {left} more: jhp overview --show {concern['kind']}"


def _say_held(each: Mapping[str, Any]) -> str:
    figures = (f"{limit['figures']} ({limit['state']})" for limit in each["limits"])
    return ", ".join(figures) or "no limit of its own"
