"""An instant is read with its zone, and kept and said in UTC; a duration is said in two units."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.times import (
    LONGEST,
    describe_age,
    describe_duration,
    describe_instant,
    describe_length,
    describe_second,
    parse_duration,
    parse_instant,
    read_stored,
)

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(
    datetime(1900, 1, 1),  # noqa: DTZ001 hypothesis adds the zones
    datetime(9990, 1, 1),  # noqa: DTZ001 likewise
    timezones=ZONES,
)


@given(TIMES)
def test_instant_of_any_zone_is_the_same_instant_in_utc(at: datetime) -> None:
    for text in (at.isoformat(), at.isoformat(" "), f"{at:%Y%m%dT%H%M%S.%f%z}"):
        read = parse_instant(text)
        assert (read, read.tzinfo) == (at, UTC)
        assert read_stored(text).tzinfo is UTC
    assert describe_instant(at) == f"{at.astimezone(UTC):%d %b %Y %H:%M} UTC"
    assert describe_second(at) == f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2030-01-31T18:00:00-05:00", "31 Jan 2030 23:00 UTC"),
        ("2030-01-31T18:00:00 -05:00", "31 Jan 2030 23:00 UTC"),
        ("2030-01-31 18:00 +05", "31 Jan 2030 13:00 UTC"),
        ("2030-01-31t18:00z", "31 Jan 2030 18:00 UTC"),
        ("20300131T1800Z", "31 Jan 2030 18:00 UTC"),
        ("2030-W05-4T18:00Z", "31 Jan 2030 18:00 UTC"),
        ("2030-01-01T00:30:00+14:00", "31 Dec 2029 10:30 UTC"),
        ("2030-01-31T18:00:00.123456789Z", "31 Jan 2030 18:00 UTC"),
    ],
)
def test_reads_what_people_write(text: str, said: str) -> None:
    assert describe_instant(parse_instant(text)) == said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2030-01-31", "is a date, and says neither at what time nor in which time zone"),
        ("20300131", "is a date"),
        ("2030-W05-4", "is a date"),
        ("2030-W05", "is a date"),
        ("2030-01-31T18:00:00", "does not say in which time zone"),
        ("2030-01-31T24:00:00Z", "next day; write 2030-02-01T00:00:00Z"),
        ("2029-12-31T24:00-05:00", "next day; write 2030-01-01T00:00:00-05:00"),
        ("2030-06-30T23:59:60Z", "next minute; write 2030-07-01T00:00:00Z"),
        ("9999-12-31T23:59:59-05:00", "too far away"),
        ("0001-01-01T00:00:00+05:00", "too far away"),
        ("9999-12-31T24:00Z", "not a date and time"),
        ("2030-01-31T24:30Z", "not a date and time"),
        ("2030-02-30T00:00:00Z", "not a date and time"),
        ("2030-01-31T18:00 EST", "not a date and time"),
        ("2030-01-31T18:00+25:00", "not a date and time"),
        ("2030-01-31T18:00\u221205:00", "not a date and time"),
        ("\u0662030-01-31T18:00Z", "not a date and time"),
        ("next week", "not a date and time"),
        ("", "not a date and time"),
        (20300131, "not a date and time"),
        (None, "not a date and time"),
    ],
)
def test_invalid_instant_is_refused_with_an_example(text: object, words: str) -> None:
    with pytest.raises(QuantityError, match="; write ") as caught:
        parse_instant(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["2030-01-31T18:00:00", "2030-01-31", "x", "", None, 5])
def test_stored_instant_without_a_zone_is_refused(text: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        read_stored(text)  # type: ignore[arg-type]  # it comes out of a database


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_an_age_is_said_in_the_unit_people_use(age: timedelta, said: str) -> None:
    now = datetime(2030, 1, 31, tzinfo=UTC)
    assert describe_age(now - age, now) == said


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("30m", 1800), ("8h", 28800), ("2d", 172800), ("1h30m", 5400), ("1d1s", 86401)],
)
def test_reads_durations_as_people_write_them(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", "8", "h", "8 h", "8H", "-8h", "+8h", "1.5h", "30m1h", "8h8h", "0s", "0d0h", "367d"),
        *("8h\n", "999999999d", "999999999d24h", "\u0668h", 8, None, True, ["8h"]),
    ],
)
def test_invalid_duration_is_refused_with_an_example(text):
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


@pytest.mark.parametrize(
    ("hours", "words"), [(48, "2 days"), (24 * 14, "14 days"), (24, "1 d"), (50, "2 d 2 h")]
)
def test_whole_days_are_said_as_days(hours: int, words: str) -> None:
    assert describe_length(timedelta(hours=hours)) == words
