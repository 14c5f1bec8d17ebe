"""Divides a time into days, months, quarters and years that have sums."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Table, and_

from jupyterhub_platform.store.schema import usage_day, usage_span

MONTH, QUARTER, YEAR = 1, 3, 12
SPANS: Final = (MONTH, QUARTER, YEAR)
"""The lengths, in months, of spans that have sums; a year of all users is a few rows each."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """The days and months that make up a time, each range from its first to before its last.

    Days from ``beyond`` on are not part of it, though the sums of their months include them.
    """

    days: tuple[tuple[date, date], ...]
    months: tuple[tuple[date, date], ...]
    beyond: date


def begin_span(day: date, months: int) -> date:
    """Return the first day of the span of ``months`` that a day is in."""
    return day.replace(day=1, month=(day.month - 1) // months * months + 1)


def end_span(start: date, months: int) -> date:
    """Return the day after a span of ``months``."""
    over = start.month - 1 + months
    return date(start.year + over // YEAR, over % YEAR + 1, 1)


def _list_days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days)]


class Part(NamedTuple):
    """Rows to add or subtract: their table, its column with the time, a condition, and the sign."""

    table: Table
    start: str
    bounds: ColumnElement[bool]
    sign: int


def list_parts(ranges: Ranges, spans: Collection[int]) -> list[Part]:
    """Return the parts of a time: its days, and as few of these ``spans`` as cover its months."""
    day, span = usage_day.c.day, usage_span.c
    days = [at for first, last in ranges.days for at in _list_days(first, last)]
    parts: list[Part] = []
    if days:
        # Each day is named, so that an index leads to it and to its names.
        parts.append(Part(usage_day, "day", day.in_(days), 1))
    starts: dict[int, list[date]] = {}
    end = date.min
    for first, last in ranges.months:
        for start, months in cover(first, last, ranges.beyond, spans):
            starts.setdefault(months, []).append(start)
            end = max(end, end_span(start, months))
    for months, each in starts.items():
        among = and_(span.months == months, span.start.in_(each))
        parts.append(Part(usage_span, "start", among, 1))
    if end > ranges.beyond:
        parts.append(Part(usage_day, "day", and_(day >= ranges.beyond, day < end), -1))
    return parts


def cover(
    first: date, last: date, beyond: date, spans: Collection[int]
) -> Iterator[tuple[date, int]]:
    """Divide whole months into the longest spans; yield the start and the length of each.

    A span may reach past ``beyond``, since no day counts from there on.
    """
    while first < last:
        months = next(
            months
            for months in sorted(spans, reverse=True)
            if begin_span(first, months) == first
            and (end_span(first, months) <= last or last >= beyond)
        )
        yield first, months
        first = end_span(first, months)
