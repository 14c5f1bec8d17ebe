"""JSON from outside: what is read, and that it is read in time that grows with its size alone."""

import contextlib
import sys
from types import FrameType
from typing import Any

import pytest
from tornado import web

from jupyterhub_platform.hub.json_bodies import (
    DEEPEST,
    MAX_BYTES_OF_STRANGERS,
    MAX_INTEGER,
    is_storable,
    read_body,
)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def nested_around(values: bytes) -> bytes:
    return b"[" * (DEEPEST - 1) + values + b"]" * (DEEPEST - 1)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"", None),
        (b"null", None),
        (b'{"a": [1, 2.5, true, "\\ud83d\\ude00"]}', {"a": [1, 2.5, True, "\U0001f600"]}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (str(MAX_INTEGER).encode(), MAX_INTEGER),
        (nested(1), []),
    ],
)
def test_json_body_is_read(body: bytes, value: Any) -> None:
    assert read_body(body) == value


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "not JSON"),
        (b" ", "not JSON"),
        (b"\xff", "not JSON"),
        (b'"\xed\xa0\x80"', "not JSON"),
        (b"NaN", "not JSON"),
        (b'{"a": -Infinity}', "not JSON"),
        (b"9" * 5000, "not JSON"),
        (b'{"a": 1e999}', "too large"),
        (str(MAX_INTEGER + 1).encode(), "too large"),
        (b"-" + b"9" * 4000, "too large"),
        (nested(DEEPEST + 1), "levels deep"),
        (b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1), "levels deep"),
        (nested(900), "levels deep"),
        (nested(100_000), "JSON"),
        (b'"\\ud800"', "Unicode"),
        (b'{"\\udc00": 1}', "Unicode"),
        (b'[[{"a": "\\u0000"}]]', "Unicode"),
        (b'"\\ude00\\ud83d"', "Unicode"),
    ],
)
def test_body_that_cannot_be_stored_is_a_bad_request(body: bytes, why: str) -> None:
    with pytest.raises(web.HTTPError) as refused:
        read_body(body)
    assert refused.value.status_code == 400
    assert why in str(refused.value)


def test_the_deepest_body_is_read() -> None:
    assert read_body(nested(DEEPEST)) is not None


def test_body_of_an_anonymous_caller_is_small() -> None:
    assert read_body(b" " * (MAX_BYTES_OF_STRANGERS - 1) + b"1", is_stranger=True) == 1
    with pytest.raises(web.HTTPError) as refused:
        read_body(b" " * MAX_BYTES_OF_STRANGERS + b"1", is_stranger=True)
    assert refused.value.status_code == 413


SIZE = 2**17
WORST = {
    "the attack": b'{"a":' + b"[" * 700 + b'"",' * (SIZE // 3) + b'""' + b"]" * 700 + b"}",
    "within the depth": nested_around(b'"",' * (SIZE // 3) + b'""'),
    "one long text": b'"' + "\u00e9".encode() * (SIZE // 2) + b'"',
    "escapes": b'"' + b"\\u00e9" * (SIZE // 6) + b'"',
    "lists": b"[" + b"[]," * (SIZE // 3) + b"[]]",
    "keys": b"{" + b",".join(b'"%d":1' % each for each in range(SIZE // 12)) + b"}",
    "backslashes": b'"' + b"\\\\" * (SIZE // 2) + b'"',
    "without an end": b'["' + b"\\" * (SIZE - 2),
}
MAX_LINES_A_BYTE = 5
"""A value has two bytes at least, with its comma, and takes nine lines at most."""


def count_lines(body: bytes) -> int:
    """Count the lines of Python that are run to read a body: the same on every machine."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with contextlib.suppress(web.HTTPError):
            read_body(body)
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("body", WORST.values(), ids=WORST.keys())
def test_no_body_costs_more_than_its_size(body: bytes) -> None:
    assert 0 < count_lines(body) <= MAX_LINES_A_BYTE * len(body) + 100


def test_a_body_of_twice_the_size_costs_twice_as_much() -> None:
    small, large = (nested_around(b'"",' * count + b'""') for count in (1_000, 2_000))
    assert count_lines(large) <= 2 * count_lines(small)


def test_text_of_every_kind_is_told_apart() -> None:
    assert all(map(is_storable, ("", "a", "\u00e9", "\U0001f600", "\ud7ff\ue000")))
    assert not any(map(is_storable, ("\0", "\u00e9\0", "\ud800", "a\udfff")))
