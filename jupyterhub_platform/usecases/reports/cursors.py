"""Cursors of lists: opaque texts that encode the sort key of the last line.

A cursor names a line and not a number of lines, so that whatever is made or removed meanwhile, no
line is left out and none comes twice.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from jupyterhub_platform.core.errors import PlatformError

MAX_LENGTH: Final = 2000
_TIME: Final = "time"
_SPAN: Final = "span"
_MICROSECOND: Final = timedelta(microseconds=1)
_FAULT: Final = (
    "cursor is the `next` of a part of the same list, in the same order; send it as it is, or "
    "leave it out."
)


class QueryError(PlatformError, ValueError):
    """Raised if a list is asked for in a way that it cannot be given."""

    code = "query.invalid"


def render_cursor(*parts: object) -> str:
    """Render what a list is sorted by, of its last line."""
    text = json.dumps([_pack(each) for each in parts], ensure_ascii=False, separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_cursor(text: str, kinds: Sequence[type[Any]]) -> tuple[Any, ...]:
    """Read a cursor that has parts of these kinds.

    Raises
    ------
    QueryError
        Raised if it is none of this list.
    """
    try:
        if len(text) > MAX_LENGTH:
            raise ValueError(text)
        raw = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        parts = tuple(_unpack(each) for each in raw)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise explain_cursor() from None
    if len(parts) != len(kinds) or not all(map(_is_of, parts, kinds)):
        raise explain_cursor()
    return parts


def explain_cursor() -> QueryError:
    """Return the refusal of a cursor that is none of the list that is asked for."""
    return QueryError(_FAULT)


def _is_of(part: object, kind: type[Any]) -> bool:
    return isinstance(part, kind) and not (kind is int and isinstance(part, bool))


def _pack(part: object) -> object:
    match part:
        case datetime():
            return {_TIME: part.isoformat()}
        case timedelta():
            return {_SPAN: part // _MICROSECOND}
        case tuple():
            return [_pack(each) for each in part]
        case _:
            return part


def _unpack(raw: object) -> object:
    match raw:
        case dict() if _SPAN in raw:
            return raw[_SPAN] * _MICROSECOND
        case dict():
            return datetime.fromisoformat(str(raw[_TIME]))
        case list():
            return tuple(_unpack(each) for each in raw)
        case _:
            return raw
