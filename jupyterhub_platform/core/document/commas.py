"""Numbers with a decimal comma, which YAML reads as two entries: ``{cpu: 1,5, memory: 2Gi}``."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from jupyterhub_platform.core.document.faults import KeyPath, quote

_WHOLE: Final = re.compile(r"[-+]?\d{1,30}", re.ASCII)
_REST: Final = re.compile(r"(?P<digits>\d{1,30}) ?(?P<unit>[A-Za-z]{0,8})", re.ASCII)
_OF_TIME: Final = frozenset({"s", "h", "d", "min"})


def find_split_numbers(
    node: object, at: KeyPath = ()
) -> Iterator[tuple[KeyPath, KeyPath, str, str]]:
    """Yield where a number was cut: its first part, the key made of the rest, what and fix."""
    if isinstance(node, list):
        for number, entry in enumerate(node):
            yield from find_split_numbers(entry, (*at, number))
    elif isinstance(node, dict):
        for (name, value), (key, empty) in pairwise(node.items()):
            rest = _REST.fullmatch(str(key)) if empty is None else None
            if rest is not None and _WHOLE.fullmatch(str(value)):
                what = f"{quote(f'{value},{key}')} is two entries: within braces a comma ends one"
                yield (*at, name), (*at, key), what, _say_fix(str(value), rest)
        for key, below in node.items():
            yield from find_split_numbers(below, (*at, key))


def _say_fix(whole: str, rest: re.Match[str]) -> str:
    if rest["unit"] in _OF_TIME:
        return "write it without a comma, for example 90m or 1h30m"
    return f"write {whole}.{rest['digits']}{rest['unit']}"
