"""``jhp audit list``, ``show`` and ``export``: what the audit says, as a table or JSON Lines."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from jupyterhub_platform.cli.audit.source import Source, open_source
from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.core.errors import PlatformError, printable
from jupyterhub_platform.core.times import describe_second, read_stored
from jupyterhub_platform.usecases.reports.audit import RESULTS
from jupyterhub_platform.usecases.reports.paging import MAX_LIMIT

Command = TypeVar("Command", bound=Callable[..., Any])
Event = dict[str, Any]

_FOLLOW_SECONDS: Final = 2.0
_PART: Final = str(MAX_LIMIT)
_WHERE: Final = (
    click.option("--url", envvar="PLATFORM_URL", help="Ask the Hub at this address, by REST."),
    click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        help="The state directory with the store; PLATFORM_DB_URL names another database.",
    ),
)
_FILTERS: Final = (
    click.option("--actor", default="", help="Only what this user did."),
    click.option("--action", default="", help="Only this action, or those that begin so: person."),
    click.option("--subject", default="", help="Only what was done to this user, group or server."),
    click.option("--result", type=click.Choice(RESULTS), help="Only what ended so."),
    click.option("--since", default="", help="Since then: 2d, 8h, or a time with its zone."),
    click.option("--until", default="", help="Until then, written in the same way."),
)


def _add(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.command("list", short_help="List what happened, newest first.")
@_add(*_FILTERS, *_WHERE)
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Rows at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each row.")
def list_events(
    url: str | None, state: Path | None, limit: int, as_json: bool, **filters: str | None
) -> None:
    """List what happened, newest first: who did what to whom, from where, and how it ended.

    \b
      jhp audit list --since 2d --result refused
      jhp audit list --actor admin --action person. --json

    It reads the store directly, or asks the Hub at --url with a token of an auditor or an admin.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with open_source(url, state) as source:
        for event in _go_back(source, _clean(filters), limit):
            click.echo(json.dumps(event) if as_json else render_line(event))


@click.command(short_help="Show one row, with what changed.")
@click.argument("number", type=click.IntRange(1))
@_add(*_WHERE)
@click.option("--json", "as_json", is_flag=True, help="Print the row as JSON.")
@click.pass_context
def show(
    ctx: click.Context, number: int, url: str | None, state: Path | None, as_json: bool
) -> None:
    """Show one row of the audit, with what changed.

    \b
      jhp audit show 1234
      jhp audit show 1234 --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with open_source(url, state) as source:
        event = source.find(number)
    if event is None:
        click.echo(f"The audit has no row {number}. The newest are: jhp audit list", err=True)
        ctx.exit(REFUSED)
    click.echo(json.dumps(event, indent=2) if as_json else "\n".join(render_whole(event)))


@click.command(short_help="Print all rows as JSON Lines, oldest first; --follow goes on.")
@_add(*_FILTERS, *_WHERE)
@click.option("--after", type=click.IntRange(0), default=0, help="Only rows after this number.")
@click.option("--before", type=click.IntRange(1), help="Only rows before this number.")
@click.option("--follow", is_flag=True, help="Wait for further rows, until interrupted.")
def export(
    url: str | None,
    state: Path | None,
    after: int,
    before: int | None,
    follow: bool,
    **filters: str | None,
) -> None:
    """Print rows as JSON Lines, oldest first: one object a line, as `jhp audit list --json` does.

    \b
      jhp audit export --since 30d > audit.jsonl
      jhp audit export --until 360d > old.jsonl    # what c.Platform.audit_keep_days removes next
      jhp audit export --after 1234 --follow | vector

    With --follow it waits for further rows, and goes on after an outage. --after with the last
    `number` that arrived continues without gaps or repeats.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    if before is not None and follow:
        raise click.UsageError("--before and --follow exclude each other; leave one out.")
    query = _clean(filters)
    with open_source(url, state) as source:
        while True:
            try:
                for event in _read_parts(source, query, after):
                    if before is not None and int(event["number"]) >= before:
                        return
                    click.echo(json.dumps(event))
                    after = int(event["number"])
            except PlatformError as error:
                if not follow:
                    raise
                click.echo(f"{error} Trying again.", err=True)
            if not follow:
                return
            # A filter of time or person may pass over every new row: each look is short.
            time.sleep(_FOLLOW_SECONDS)


def _clean(filters: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in filters.items() if value}


def _go_back(source: Source, query: dict[str, str], limit: int) -> Iterator[Event]:
    before = ""
    while limit > 0:
        page = {**query, "limit": str(min(limit, MAX_LIMIT))}
        part = source.read(page | ({"before": before} if before else {}))
        yield from part["items"]
        limit -= len(part["items"])
        if part["go_on"] is None:
            return
        before = str(part["go_on"])


def _read_parts(source: Source, query: dict[str, str], after: int) -> Iterator[Event]:
    go_on: int | None = after
    while go_on is not None:
        part = source.read({**query, "limit": _PART, "after": str(go_on)})
        yield from part["items"]
        go_on = part["go_on"]


def render_line(event: Event) -> str:
    """Render a row for a terminal, on one line."""
    at = describe_second(read_stored(event["at"]))
    mark = "" if event["result"] == "done" else f"[{event['result']}] "
    where = " ".join(filter(None, (event["via"], event["address"])))
    line = f"{event['number']:>7}  {at}  {mark}{event['sentence']}{f'  ({where})' if where else ''}"
    return printable(line)


def render_whole(event: Event) -> list[str]:
    """Render a row for a terminal, with all that it holds."""
    names = ("number", "at", "actor", "action", "subject", "result", "reason", "via", "address")
    lines = [f"{name:10}{printable(str(event[name]))}".rstrip() for name in names]
    return [printable(event["sentence"]), "", *lines, "", json.dumps(event["detail"], indent=2)]
