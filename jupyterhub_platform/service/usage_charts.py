"""Draw usage by period: a figure, and bars of one colour with the hours at their axis."""

from dataclasses import dataclass
from datetime import datetime
from math import floor, log10
from typing import Final

from jupyterhub_platform.core.usage import Per
from jupyterhub_platform.usecases.reports.usage import (
    UsageHistory,
    UsagePeriod,
    Used,
    render_hours,
)

HEIGHT: Final = 100
_GAP: Final = 0.2
_MAX_HOVERED: Final = 62
"""Bars that say what they are; of more, each is too thin to be pointed at."""

_TITLES: Final = (
    ("cpu_hours", "CPU", "CPU hours"),
    ("memory_gib_hours", "Memory", "GiB hours"),
    ("accelerator_hours", "GPU", "GPU hours"),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One period: where it stands, and what it says. ``is_partial`` while it is not over."""

    x: float
    y: float
    width: float
    height: float
    title: str
    is_partial: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars of one resource, ``top`` hours high; ``path`` has all of them if they are many.

    ``field`` is where a sum has the hours.
    """

    field: str
    title: str
    unit: str
    total: str
    top: float
    bars: tuple[Bar, ...]
    path: str
    first: str
    last: str


def draw_charts(report: UsageHistory) -> tuple[Chart, ...]:
    """Draw each resource of which anything was used; CPU in any case."""
    return tuple(
        _draw(report, field, title, unit)
        for field, title, unit in _TITLES
        if getattr(report.used, field) or field == "cpu_hours"
    )


def _draw(report: UsageHistory, field: str, title: str, unit: str) -> Chart:
    values = [_hours(period.used, field) for period in report.periods]
    top = find_top(max(values))
    width, many = 100 / len(values), len(values) > _MAX_HOVERED
    gap = 0 if many else width * _GAP
    bars = tuple(
        Bar(
            x=round(number * width + gap / 2, 3),
            y=round(HEIGHT - value / top * HEIGHT, 3),
            width=round(width - gap, 3),
            height=round(value / top * HEIGHT, 3),
            title=f"{describe_period(period, report.per)}: {render_hours(value)} {unit}",
            is_partial=period.end > report.until,
        )
        for number, (period, value) in enumerate(zip(report.periods, values, strict=True))
    )
    path = "".join(f"M{b.x} {HEIGHT}v-{b.height}h{b.width}V{HEIGHT}z" for b in bars if b.height)
    return Chart(
        field=field,
        title=title,
        unit=unit,
        total=render_hours(_hours(report.used, field)),
        top=top,
        bars=() if many else bars,
        path=path if many else "",
        first=describe_start(report.periods[0].start, report),
        last=describe_start(report.periods[-1].start, report),
    )


def _hours(used: Used, field: str) -> float:
    hours: float = getattr(used, field)
    return hours


def find_top(highest: float) -> float:
    """Return the number at the end of an axis: one that is round, and so is its half."""
    if highest <= 0:
        return 1.0
    power = 10.0 ** floor(log10(highest))
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= highest)


def describe_start(start: datetime, report: UsageHistory) -> str:
    """Say a period by its beginning: ``Nov 2026``, ``3 Nov``; with its year if there are two."""
    if report.per == "month":
        return f"{start:%b %Y}"
    is_of_one_year = report.since.year == report.until.year
    return f"{start:%-d %b}" if is_of_one_year else f"{start:%-d %b %Y}"


def describe_period(period: UsagePeriod, per: Per) -> str:
    """Say which period it is: ``November 2026``, ``week of 2 Nov 2026``, ``3 Nov 2026``."""
    if per == "month":
        return f"{period.start:%B %Y}"
    day = f"{period.start:%-d %b %Y}"
    return f"week of {day}" if per == "week" else day
