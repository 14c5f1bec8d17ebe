"""JSON from outside: what is read, and that it is read in time that grows with its size alone."""

import contextlib
import time
from typing import Any

import pytest
from tornado import web

from jupyterhub_platform.hub.json_bodies import (
    DEEPEST,
    LARGEST_INTEGER,
    MOST_BYTES_OF_STRANGERS,
    is_storable,
    read_body,
)

MEGABYTE = 2**20


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"", None),
        (b"null", None),
        (b'{"a": [1, 2.5, true, "\\ud83d\\ude00"]}', {"a": [1, 2.5, True, "\U0001f600"]}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (str(LARGEST_INTEGER).encode(), LARGEST_INTEGER),
        (nested(1), []),
    ],
)
def test_what_is_json_is_read(body: bytes, value: Any) -> None:
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
        (str(LARGEST_INTEGER + 1).encode(), "too large"),
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
def test_what_cannot_be_kept_is_the_senders_fault(body: bytes, why: str) -> None:
    with pytest.raises(web.HTTPError) as refused:
        read_body(body)
    assert refused.value.status_code == 400
    assert why in str(refused.value)


def test_the_deepest_body_is_read() -> None:
    assert read_body(nested(DEEPEST)) is not None


def test_a_stranger_sends_little() -> None:
    assert read_body(b" " * (MOST_BYTES_OF_STRANGERS - 1) + b"1", is_stranger=True) == 1
    with pytest.raises(web.HTTPError) as refused:
        read_body(b" " * MOST_BYTES_OF_STRANGERS + b"1", is_stranger=True)
    assert refused.value.status_code == 413


WORST = {
    "the attack": b'{"a":' + b"[" * 700 + b'"",' * 300_000 + b'""' + b"]" * 700 + b"}",
    "within the depth": b"[" * (DEEPEST - 1) + b'"",' * 340_000 + b'""' + b"]" * (DEEPEST - 1),
    "one long text": b'"' + "\u00e9".encode() * (MEGABYTE // 2) + b'"',
    "escapes": b'"' + b"\\u00e9" * (MEGABYTE // 6) + b'"',
    "lists": b"[" + b"[]," * 340_000 + b"[]]",
    "keys": b"{" + b",".join(b'"%d":1' % each for each in range(90_000)) + b"}",
    "backslashes": b'"' + b"\\\\" * (MEGABYTE // 2) + b'"',
    "without an end": b'["' + b"\\" * (MEGABYTE - 2),
}


@pytest.mark.parametrize("body", WORST.values(), ids=WORST.keys())
def test_no_body_costs_more_than_its_size(body: bytes) -> None:
    def cost(part: bytes) -> float:
        began = time.process_time()
        with contextlib.suppress(web.HTTPError):
            read_body(part)
        return time.process_time() - began

    # The attack took 21 s; any of these takes some tenths of a second, and more on a busy machine.
    assert min(cost(body) for _ in range(3)) < 5.0


def test_text_of_every_kind_is_told_apart() -> None:
    assert all(map(is_storable, ("", "a", "\u00e9", "\U0001f600", "\ud7ff\ue000")))
    assert not any(map(is_storable, ("\0", "\u00e9\0", "\ud800", "a\udfff")))
