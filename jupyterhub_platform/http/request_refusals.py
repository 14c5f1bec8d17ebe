"""Refuses requests before anything of them is looked at."""

import re
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from tornado.httputil import HTTPHeaders

MAX_BODY_BYTES: Final = 2**20
MAX_TARGET_BYTES: Final = 2**13
MAX_HEADERS: Final = 100
MAX_COOKIES: Final = 200
"""Each one is an object to the Hub; browsers keep up to 180 for one host."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a request is refused that would cost more than it may."""

    status: int
    phrase: str
    code: str
    sentence: str


TOO_LARGE: Final = Refusal(
    413,
    "Content Too Large",
    "request.too_large",
    f"The body of a request has {MAX_BODY_BYTES // 2**20} MiB at most. Send less at once.",
)
TOO_LONG: Final = Refusal(
    414,
    "URI Too Long",
    "request.too_long",
    f"The address of a request has {MAX_TARGET_BYTES // 2**10} KiB at most. Send the rest in its "
    "body.",
)
TOO_MANY_HEADERS: Final = Refusal(
    431,
    "Request Header Fields Too Large",
    "request.too_many_headers",
    f"A request has {MAX_HEADERS} headers and {MAX_COOKIES} cookies at most. Remove the cookies "
    "that your browser keeps for this site.",
)

_LENGTH: Final = re.compile(r"(\d+)(?:,[ \t]*\1)*", re.ASCII)
"""A length, which may be repeated: all else tornado refuses."""


def find_refusal(start_line: Any, headers: HTTPHeaders) -> Refusal | None:
    """Return why a request is refused before anything of it is looked at."""
    if is_too_long(headers, MAX_BODY_BYTES):
        return TOO_LARGE
    if len(start_line.path) > MAX_TARGET_BYTES:
        return TOO_LONG
    named = islice(headers.get_all(), MAX_HEADERS + 1)
    if sum(1 for _ in named) > MAX_HEADERS or headers.get("Cookie", "").count(";") >= MAX_COOKIES:
        return TOO_MANY_HEADERS
    return None


def is_too_long(headers: HTTPHeaders, maximum: int) -> bool:
    """Tell whether Content-Length exceeds ``maximum``; tornado refuses an invalid one."""
    length = _LENGTH.fullmatch(headers.get("Content-Length", ""))
    if length is None or "Transfer-Encoding" in headers:
        return False
    digits = length[1].lstrip("0")
    return len(digits) > len(str(maximum)) or int(digits or 0) > maximum
