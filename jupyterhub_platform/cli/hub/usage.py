"""``jhp usage``: what was used, by whom and when, as a table, as JSON or as CSV."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import click

from jupyterhub_platform.cli.hub.client import HubClient
from jupyterhub_platform.cli.hub.options import hub_options
from jupyterhub_platform.core.times import read_stored
from jupyterhub_platform.core.usage import KINDS, PERIODS

PATH: Final = "usage/history"
ANSWER_KEYS: Final = ("sentence", "by", "per", "until", "counted_until", "periods", "lines")
_HOURS: Final = ("cpu_hours", "memory_gib_hours", "accelerator_hours", "server_hours")
_HEADS: Final = ("CPU HOURS", "GIB HOURS", "GPU HOURS", "SERVER HOURS")


@click.command()
@click.option("--by", type=click.Choice(KINDS), default="group", show_default=True)
@click.option("--per", type=click.Choice(PERIODS), help="Show each period, not only the whole.")
@click.option("--since", help="From when: 30d (the default), 2026-01-31, or a time with its zone.")
@click.option("--until", help="Until when, written alike; by default now.")
@click.option("--person", help="Only this person.")
@click.option("--group", help="Only what is charged to this group.")
@click.option("--tier", help="Only servers of this tier.")
@click.option("--image", help="Only servers with this image.")
@click.option("--sort", help="cpu, memory, accelerators, servers or name; - before it in reverse.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--all", "as_whole", is_flag=True, help="All names, however many.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all names as CSV, a row a period.")
@hub_options
def usage(
    url: str | None, state: Path, as_json: bool, as_csv: bool, as_whole: bool, **asked: Any
) -> None:
    """Show what was used: hours of CPU, memory and GPUs that servers held.

    \b
      jhp usage --by group --per month --since 30d
      jhp usage --by person --tier gpu --since 2026-01-01 --csv > gpu.csv

    Days, weeks and months are those of UTC; since goes back to the beginning of its period.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other; leave one out.")
    query = {name: str(value) for name, value in asked.items() if value is not None}
    with HubClient.find(url, state) as hub:
        if as_csv:
            for part in hub.stream(PATH, query | {"format": "csv"}):
                click.echo(part, nl=False)
            return
        answer = hub.read(PATH, query, keys=ANSWER_KEYS)
        while as_whole and answer["lines"]["next"] is not None:
            further = query | {"cursor": answer["lines"]["next"]}
            part = hub.read(PATH, further, keys=ANSWER_KEYS)["lines"]
            answer["lines"] |= {"items": [*answer["lines"]["items"], *part["items"]]}
            answer["lines"]["next"] = part["next"]
    if as_json:
        click.echo(json.dumps(answer))
        return
    for line in render(answer, by_period=asked["per"] is not None):
        click.echo(line)
    for remark in list_remarks(answer):
        click.echo(remark, err=True)


def render(answer: dict[str, Any], *, by_period: bool) -> list[str]:
    """Render the answer as a table: a row for each name, or for each of its periods."""
    head = (answer["by"].upper(), *_HEADS)
    if not by_period:
        rows = [
            (line["name"] or "unknown", *_list_hours(line)) for line in answer["lines"]["items"]
        ]
        return [answer["sentence"], "", *_align([head, *rows])] if rows else [answer["sentence"]]
    rows = sorted(
        (period["start"][:10], line["name"] or "unknown", *_list_hours(period))
        for line in answer["lines"]["items"]
        for period in line["periods"]
    )
    table = _align([(answer["per"].upper(), *head), *rows], texts=2)
    return [answer["sentence"], "", *table] if rows else [answer["sentence"]]


def list_remarks(answer: dict[str, Any]) -> Iterator[str]:
    """Say what is not in the table."""
    shown, total = len(answer["lines"]["items"]), answer["lines"]["total"]
    if shown < total:
        yield f"{shown} of {total} names; see the rest with --all, or everything with --csv."
    if read_stored(answer["counted_until"]) < read_stored(answer["until"]):
        yield f"What came after {answer['counted_until'][:10]} is still being added up."


def _list_hours(part: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{part['used'][name]:,.1f}" for name in _HOURS)


def _align(rows: Iterable[tuple[str, ...]], texts: int = 1) -> list[str]:
    """Put columns below each other: texts to the left, numbers to the right."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number < texts else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
