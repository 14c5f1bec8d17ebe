"""Reads JSON bodies in time linear in their size, or not at all.

Nothing here is recursive, and nothing looks at single characters: a stranger's body must not cost
the Hub's loop more than its size does.
"""

import json
import math
from typing import Any, Final

from tornado import web

DEEPEST: Final = 20
MAX_INTEGER: Final = 2**63 - 1
"""The largest integer of a database."""
MAX_BYTES_OF_STRANGERS: Final = 2**16
"""Limit for callers who are not logged in: they send a name and a password at most."""


def read_body(body: bytes, *, is_stranger: bool = False) -> Any:
    """Return a parsed JSON body; ``None`` without one.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 400 if it is not JSON, or cannot be stored: that is the sender's fault, not an
        error of the Hub. Raised with 413 if a stranger sends too much.
    """
    if is_stranger and len(body) > MAX_BYTES_OF_STRANGERS:
        size = MAX_BYTES_OF_STRANGERS // 2**10
        raise web.HTTPError(413, f"Without a login, a body has {size} KiB at most.")
    if not body:
        return None
    try:
        value = json.loads(body.decode("utf8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise web.HTTPError(400, "The body is not JSON.") from None
    fault = find_fault(value)
    if fault:
        raise web.HTTPError(400, fault)
    return value


def find_fault(value: Any) -> str:
    """Say what keeps a JSON value from being stored or traversed; empty if nothing does."""
    waiting = [(value, 1)]
    while waiting:
        each, depth = waiting.pop()
        if isinstance(each, dict | list):
            if depth > DEEPEST:
                return f"The body is nested more than {DEEPEST} levels deep."
            if isinstance(each, dict):
                waiting.extend((key, depth) for key in each)
                each = each.values()
            waiting.extend((inner, depth + 1) for inner in each)
        elif isinstance(each, str) and not is_storable(each):
            return "The body has text that is not valid Unicode."
        elif isinstance(each, int | float) and not _is_countable(each):
            return "The body has a number that is too large."
    return ""


def is_storable(text: str) -> bool:
    """Tell whether databases accept a text: no unpaired surrogates, and no NUL."""
    if text.isascii():
        return "\0" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _is_countable(number: float) -> bool:
    return math.isfinite(number) if isinstance(number, float) else abs(number) <= MAX_INTEGER


def _refuse_constant(name: str) -> float:
    raise ValueError(name)
