"""Durations are read strictly, and said in two units."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.durations import LONGEST, describe_duration, parse_duration
from jupyterhub_platform.core.errors import QuantityError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("30m", 1800), ("8h", 28800), ("2d", 172800), ("1h30m", 5400), ("1d1s", 86401)],
)
def test_reads_what_people_write(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", "8", "h", "8 h", "8H", "-8h", "+8h", "1.5h", "30m1h", "8h8h", "0s", "0d0h", "367d"),
        *("8h\n", "999999999d", "999999999d24h", "\u0668h", 8, None, True, ["8h"]),
    ],
)
def test_refuses_everything_else(text):
    with pytest.raises(QuantityError, match="write for example 30m, 8h or 2d"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (45, "45 s"), (60, "1 min"), (5400, "1 h 30 min"), (86400 * 2 + 61, "2 d 1 min")],
)
def test_says_the_two_largest_units(seconds, words):
    assert describe_duration(timedelta(seconds=seconds)) == words


@given(st.integers(1, int(LONGEST.total_seconds())))
def test_reads_what_it_could_have_written(seconds):
    assert parse_duration(f"{seconds}s") == timedelta(seconds=seconds)
