"""Tables and prose in Markdown."""

import re
from collections.abc import Iterable


def render_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Render a table; a bar or a line break in a cell would end it, and is written otherwise."""
    names = list(head)
    lines = [names, ["---"] * len(names), *([" ".join(c.split()) for c in row] for row in rows)]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def plain(text: str) -> str:
    """Turn the literals of a docstring or a help text into those of Markdown."""
    return re.sub(r"``(.+?)``", r"`\1`", " ".join(text.split()))


def first_line(thing: object) -> str:
    """Return the first line of a docstring."""
    return plain((thing.__doc__ or "").strip().splitlines()[0])
