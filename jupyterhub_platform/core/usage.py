"""Usage: amounts that were held, times how long, cut at the borders of periods.

Periods begin and end in UTC. A day is always 24 hours then, days add up to months, and every reader
sees the same figures; a zone with summer time has none of this. Weeks begin on Monday. All
intervals are half-open: what ends at a border is not in the next period.

Instants count to the second below, at both ends: what is cut adds up to the whole.
"""

import re
from bisect import bisect_right
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.resource_names import CPU, MEMORY, SERVERS, is_accelerator
from jupyterhub_platform.core.times import parse_duration, parse_instant

Per: TypeAlias = Literal["day", "week", "month"]
Kind: TypeAlias = Literal["person", "group", "tier", "image"]

PERIODS: Final[tuple[Per, ...]] = get_args(Per)
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Usage(NamedTuple):
    """Amounts times seconds, in base units: thousandths of a core, bytes, devices, servers.

    ``accelerators`` are devices of every kind together. As a rate it is what is held at once.
    """

    servers: int = 0
    cpu: int = 0
    memory: int = 0
    accelerators: int = 0

    @classmethod
    def of(cls, demand: Mapping[str, int]) -> "Usage":
        """Return what a demand holds at once."""
        devices = sum(amount for name, amount in demand.items() if is_accelerator(name))
        return cls(demand.get(SERVERS, 0), demand.get(CPU, 0), demand.get(MEMORY, 0), devices)

    def times(self, seconds: int) -> "Usage":
        """Return what is used in so many seconds."""
        return Usage(*(amount * seconds for amount in self))

    def plus(self, other: "Usage") -> "Usage":
        """Add two sums."""
        # Written out: added tens of thousands of times for a report.
        return Usage(
            self.servers + other.servers,
            self.cpu + other.cpu,
            self.memory + other.memory,
            self.accelerators + other.accelerators,
        )


NOTHING: Final = Usage()


class Run(NamedTuple):
    """What one server held from ``opened`` to ``released``, or still holds; both in seconds."""

    person: str
    group: str
    tier: str
    image: str
    rate: Usage
    opened: int
    released: int | None


@dataclass(frozen=True, slots=True)
class Period:
    """A part of the time, from ``start`` to before ``end``."""

    start: datetime
    end: datetime


def to_seconds(at: datetime) -> int:
    """Return the second of an instant, since 1970."""
    return (at - _EPOCH) // _SECOND


def begin_period(at: datetime, per: Per) -> datetime:
    """Return when the period of ``at`` began."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match per:
        case "week":
            return midnight - midnight.weekday() * _DAY
        case "month":
            return midnight.replace(day=1)
        case _:
            return midnight


def end_period(start: datetime, per: Per) -> datetime:
    """Return when the period that began at ``start`` ends."""
    days = {"day": 1, "week": 7}.get(per) or monthrange(start.year, start.month)[1]
    return start + days * _DAY


def list_periods(since: datetime, until: datetime, per: Per, maximum: int) -> tuple[Period, ...]:
    """List the whole periods that ``since`` to ``until`` touches, oldest first.

    Raises
    ------
    QuantityError
        Raised if there is none, or more than ``maximum``.
    """
    if not since < until:
        raise QuantityError("since is not before until; name an earlier time as since")
    periods: list[Period] = []
    start = begin_period(since, per)
    while start < until:
        if len(periods) == maximum:
            raise QuantityError(
                f"these are more than {maximum} {per}s; name a later time as since, or longer "
                "periods as per"
            )
        periods.append(Period(start, end_period(start, per)))
        start = periods[-1].end
    return tuple(periods)


def parse_moment(text: str, now: datetime) -> datetime:
    """Read a time, a date of UTC such as ``2026-01-31``, or how long ago it was: ``30d``.

    Raises
    ------
    QuantityError
        Raised if it is none of them, with what to write.
    """
    if _DATE.fullmatch(text):
        return parse_instant(f"{text}T00:00:00Z")
    try:
        return now - parse_duration(text)
    except QuantityError:
        pass
    try:
        return parse_instant(text)
    except QuantityError:
        raise QuantityError(
            f"“{text[:64]}” is not a time; write for example 30d, 2026-01-31 or "
            "2026-01-31T18:00:00Z"
        ) from None


def add_up(
    runs: Iterable[Run], borders: Sequence[int], now: int, kinds: Sequence[Kind]
) -> dict[Kind, dict[tuple[str, int], Usage]]:
    """Add up what runs used between borders, by each of ``kinds``, name and period.

    Parameters
    ----------
    runs
        What was held; what overlaps no period is left out.
    borders
        Seconds, ascending: the period with the number n lies between the n-th and the next one.
    now
        The second until which a server counts that still runs; nothing later counts.
    kinds
        By what it is added up.
    """
    sums: dict[Kind, defaultdict[tuple[str, int], list[int]]] = {
        kind: defaultdict(lambda: [0, 0, 0, 0]) for kind in kinds
    }
    last = len(borders) - 1
    for run in runs:
        end = now if run.released is None else min(run.released, now)
        number = max(0, bisect_right(borders, run.opened) - 1)
        while number < last and (start := max(run.opened, borders[number])) < end:
            seconds = min(borders[number + 1], end) - start
            servers, cpu, memory, accelerators = run.rate
            for kind in kinds:
                total = sums[kind][getattr(run, kind), number]
                total[0] += servers * seconds
                total[1] += cpu * seconds
                total[2] += memory * seconds
                total[3] += accelerators * seconds
            number += 1
    return {
        kind: {key: Usage(*total) for key, total in of_kind.items()}
        for kind, of_kind in sums.items()
    }
