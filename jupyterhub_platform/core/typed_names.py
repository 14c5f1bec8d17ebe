"""Names as people type them: in lists, and in commands.

Lists are separated by lines, blanks, commas or semicolons. User names may have blanks and commas
themselves; such a name stands in double quotes.
"""

import re
import shlex
from collections.abc import Iterable
from typing import Final

_ENTRY: Final = re.compile(r'"((?:[^"]|"")*)"(?=[\s,;]|\Z)|[^\s,;]+')
_QUOTED: Final = re.compile(r'[\s,;]|\A"')


def parse_names(text: str) -> list[str]:
    """Return the names in a text."""
    entries = _ENTRY.finditer(text)
    names = (e[0] if e[1] is None else e[1].replace('""', '"') for e in entries)
    return [name for name in names if name]


def render_names(names: Iterable[str]) -> str:
    """Return a text that :func:`parse_names` reads back, with each name on a line of its own."""
    return "\n".join(map(_quote, names))


def render_command(words: str, name: str, options: str = "") -> str:
    """Return a command that ends with a name and options, as a shell reads it.

    A name that begins as an option does is what no option follows.
    """
    if name.startswith("-"):
        return f"{words}{options} -- {shlex.quote(name)}"
    return f"{words} {shlex.quote(name)}{options}"


def _quote(name: str) -> str:
    quoted = name.replace('"', '""')
    return f'"{quoted}"' if _QUOTED.search(name) else name
