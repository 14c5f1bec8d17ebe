"""Sums of usage are what counting minute by minute gives, and cutting loses nothing."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.usage import (
    KINDS,
    NOTHING,
    PERIODS,
    Kind,
    Per,
    Run,
    Usage,
    add_up,
    begin_period,
    end_period,
    list_periods,
    parse_moment,
    to_seconds,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = 60
DAY_MINUTES = 24 * 60
START = to_seconds(datetime(2026, 2, 26, tzinfo=UTC))
"""A Thursday: the days after it end a week and a month."""

NAMES = st.sampled_from(["a", "b"])
RATES = st.builds(
    Usage, st.just(1), st.integers(0, 2**70), st.integers(0, 2**70), st.integers(0, 9)
)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Runs that begin and end on a minute, within nine days, or have not ended."""
    opened = draw(st.integers(0, 9 * DAY_MINUTES))
    lasted = draw(st.none() | st.integers(0, 4 * DAY_MINUTES) | st.sampled_from([1, DAY_MINUTES]))
    released = None if lasted is None else START + (opened + lasted) * MINUTE
    person, group, tier, image = (draw(NAMES) for _ in KINDS)
    return Run(person, group, tier, image, draw(RATES), START + opened * MINUTE, released)


def count_minutes(
    held: list[Run], borders: list[int], now: int, kind: Kind
) -> dict[tuple[str, int], Usage]:
    """Look at each minute of each period, and add up what is held in it."""
    minutes: Counter[tuple[int, int]] = Counter()
    for number in range(len(borders) - 1):
        for minute in range(borders[number], borders[number + 1], MINUTE):
            for index, run in enumerate(held):
                ends = now if run.released is None else min(run.released, now)
                if run.opened <= minute < ends:
                    minutes[index, number] += 1
    sums: dict[tuple[str, int], Usage] = {}
    for (index, number), count in minutes.items():
        key = getattr(held[index], kind), number
        sums[key] = sums.get(key, NOTHING).plus(held[index].rate.times(count * MINUTE))
    return sums


@given(st.lists(runs(), max_size=3), st.sampled_from(PERIODS), st.integers(0, 9 * DAY_MINUTES))
def test_sums_are_those_of_counting_minute_by_minute(
    held: list[Run], per: Per, now_minutes: int
) -> None:
    first = datetime.fromtimestamp(START, UTC)
    periods = list_periods(first, first + timedelta(days=4), per, 10)
    borders = [to_seconds(period.start) for period in periods] + [to_seconds(periods[-1].end)]
    if per == "month":
        # A minute at a time, a month takes long: the part of it in which something is held.
        borders = [START - MINUTE, *borders[1:-1], START + 6 * DAY_MINUTES * MINUTE]
    now = START + now_minutes * MINUTE
    added = add_up(held, borders, now, KINDS)
    for kind in KINDS:
        assert added[kind] == count_minutes(held, borders, now, kind)


@given(
    st.lists(runs(), max_size=5),
    st.lists(st.integers(-5, 9 * 86400), min_size=2, max_size=8, unique=True),
)
def test_however_a_time_is_cut_its_parts_add_up(held: list[Run], cuts: list[int]) -> None:
    borders = sorted(START + cut for cut in cuts)
    now = START + 9 * 86400

    def total(borders: list[int]) -> Usage:
        total = NOTHING
        for used in add_up(held, borders, now, ["tier"])["tier"].values():
            total = total.plus(used)
        return total

    assert total(borders) == total([borders[0], borders[-1]])


def test_what_ends_at_a_border_is_not_in_the_next_period() -> None:
    borders = [0, 100, 200]
    run = Run("kim", "vision", "small", "lab", Usage(1, 500, 2**30, 0), 50, 100)
    assert add_up([run], borders, 999, ["person"]) == {
        "person": {("kim", 0): Usage(50, 25_000, 50 * 2**30, 0)}
    }
    begins = run._replace(opened=100, released=150)
    assert list(add_up([begins], borders, 999, ["group"])["group"]) == [("vision", 1)]
    for outside in (run._replace(opened=-9, released=0), run._replace(opened=200, released=None)):
        assert add_up([outside], borders, 999, ["tier"]) == {"tier": {}}


def test_a_server_that_runs_counts_until_now() -> None:
    run = Run("kim", "vision", "small", "lab", Usage(1, 1, 1, 1), 50, None)
    assert add_up([run], [0, 100, 200], 120, ["image"])["image"] == {
        ("lab", 0): Usage(50, 50, 50, 50),
        ("lab", 1): Usage(20, 20, 20, 20),
    }
    # A clock that was set back shows an end in the future.
    ended = run._replace(released=10**6)
    assert add_up([ended], [0, 100, 200], 120, ["image"])["image"]["lab", 1].servers == 20


def test_devices_of_every_kind_are_accelerators() -> None:
    demand = {"servers": 1, "cpu": 500, "nvidia.com/gpu": 2, "amd.com/gpu": 1, "hugepages-2Mi": 9}
    assert Usage.of(demand) == Usage(1, 500, 0, 3)
    assert Usage.of({"memory": 7}) == Usage(0, 0, 7, 0)


@given(st.datetimes(datetime(1971, 1, 1), datetime(9990, 1, 1)), st.integers(-14, 14))  # noqa: DTZ001 zones follow
def test_a_period_has_the_instant_and_ends_where_the_next_begins(at: datetime, hours: int) -> None:
    here = at.replace(tzinfo=timezone(timedelta(hours=hours)))
    for per in PERIODS:
        start = begin_period(here, per)
        end = end_period(start, per)
        assert start <= here < end
        assert (start.tzinfo, start.hour, start.minute, start.microsecond) == (UTC, 0, 0, 0)
        assert begin_period(end, per) == end
    assert begin_period(here, "week").weekday() == 0
    assert begin_period(here, "month").day == 1


def test_periods_are_whole_and_not_too_many() -> None:
    since = datetime(2026, 1, 15, 9, tzinfo=UTC)
    months = list_periods(since, NOW, "month", 3)
    assert [period.start.isoformat()[:10] for period in months] == [
        *("2026-01-01", "2026-02-01", "2026-03-01")
    ]
    assert months[-1].end == datetime(2026, 4, 1, tzinfo=UTC)
    assert [p.start.day for p in list_periods(since, since + timedelta(days=8), "week", 9)] == [
        *(12, 19)
    ]
    assert len(list_periods(since, begin_period(since, "day") + timedelta(days=2), "day", 9)) == 2
    with pytest.raises(QuantityError, match="more than 2 months; name a later time as since"):
        list_periods(since, NOW, "month", 2)
    for until in (since, since - timedelta(days=1)):
        with pytest.raises(QuantityError, match="since is not before until"):
            list_periods(since, until, "day", 9)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30d", NOW - timedelta(days=30)),
        ("90m", NOW - timedelta(minutes=90)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T18:00:00-05:00", datetime(2026, 1, 31, 23, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_time_a_date_or_how_long_ago(text: str, meant: datetime) -> None:
    assert parse_moment(text, NOW) == meant


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "0d", "31.1.2026", "2026-01-31T1"])
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(QuantityError, match="write for example"):
        parse_moment(text, NOW)
