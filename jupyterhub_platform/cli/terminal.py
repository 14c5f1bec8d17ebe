"""Output on a terminal for people and programs: tables, colours and JSON, in one style."""

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any, Final

import click

from jupyterhub_platform.core.errors import printable as printable

GAP: Final = "  "
_NOTHING: Final = "-"


def echo_json(data: Any) -> None:
    """Print data for programs: one JSON document, indented."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def echo_table(titles: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """Print rows in columns, below their titles; ``empty`` instead if there are none.

    An empty cell is a dash, so that the columns can be told apart by programs, too.
    """
    cells = [[printable(cell) or _NOTHING for cell in row] for row in rows]
    if not cells:
        click.echo(empty, err=True)
        return
    heads = [title.upper() for title in titles]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    click.echo(paint(_align(heads, widths), bold=True))
    for row in cells:
        click.echo(_align(row, widths))


def paint(text: str, **style: Any) -> str:
    """Return text in colour; plain if ``NO_COLOR`` asks for that, and where no terminal is."""
    # click.echo takes colours away where the output is no terminal.
    return text if os.environ.get("NO_COLOR") else click.style(text, **style)


def count(number: int, noun: str) -> str:
    """Say a number of things: ``1 server``, ``2 servers``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _align(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return GAP.join(padded).rstrip()
