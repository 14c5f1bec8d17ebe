"""The last day in half hours: what servers held, by tier, in total, and of some groups.

The first two are added up at once and kept for a minute, since every open page asks for them
repeatedly. Of ten thousand groups a page shows a few: these are read when they are asked for.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from jupyterhub_platform.core.usage import NOTHING, Run, Usage, add_up, to_seconds
from jupyterhub_platform.store import usage_runs
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.reports.kept_runs import make_run
from jupyterhub_platform.usecases.reports.viewer import Viewer

PARTS: Final = 48
STEP: Final = timedelta(minutes=30)
KEPT_FOR: Final = timedelta(minutes=1)
MAX_RUNS: Final = 50_000
"""Rows of the ledger that are added up; with more there is no chart."""
_MAX_KEPT: Final = 64
_GIB: Final = 2**30

Measure: TypeAlias = Literal["servers", "cpu", "memory", "accelerators"]


@dataclass(frozen=True, slots=True)
class Series:
    """What was held on average in each half hour of a day: servers, CPUs, GiB, accelerators."""

    servers: tuple[float, ...]
    cpu: tuple[float, ...]
    memory: tuple[float, ...]
    accelerators: tuple[float, ...]

    def of(self, measure: Measure) -> tuple[float, ...]:
        """Return the values of one measure."""
        found: tuple[float, ...] = getattr(self, measure)
        return found


@dataclass(frozen=True, slots=True)
class LastDay:
    """The last day from ``since`` on, in half hours, the last of which is not over.

    Groups and tiers that held nothing are left out; of the others, ``groups`` are those that an
    overview shows. ``is_whole`` is false if there were too many servers to add up.
    """

    since: datetime
    all: Series
    groups: Mapping[str, Series]
    tiers: Mapping[str, Series]
    is_whole: bool = True


class LastDays:
    """Reads the last day, and keeps it for a minute. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[frozenset[str] | None, tuple[datetime, LastDay]] = OrderedDict()

    def read(self, tx: Transaction, viewer: Viewer, now: datetime) -> LastDay:
        """Return the last day of everything, or of the groups that the viewer may see."""
        groups = None if viewer.reads_all else viewer.reads_groups
        with self._lock:
            read_at, kept = self._kept.get(groups, (None, None))
            if kept is not None and read_at is not None and now - read_at < KEPT_FOR:
                return kept
            day = add_up_day(tx, groups, now)
            self._kept[groups] = (now, day)
            self._kept.move_to_end(groups)
            if len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
            return day


def add_up_day(tx: Transaction, groups: frozenset[str] | None, now: datetime) -> LastDay:
    """Add up the last day of some groups, or of all."""
    since = _begin(now)
    if groups is not None and not groups:
        return LastDay(since, _series({}, now, since), {}, {})
    by = "" if groups is None else "group"
    runs = usage_runs.list_runs(tx, since, now, by=by, names=groups or (), limit=MAX_RUNS + 1)
    if len(runs) > MAX_RUNS:
        return LastDay(since, _series({}, now, since), {}, {}, is_whole=False)
    return _add_up(runs, since, now)


def _begin(now: datetime) -> datetime:
    seconds = int(STEP.total_seconds())
    into = timedelta(seconds=to_seconds(now) % seconds, microseconds=now.microsecond)
    return now - into - (PARTS - 1) * STEP


def read_days_of_groups(
    tx: Transaction, book: Book, names: Sequence[str], now: datetime
) -> dict[str, Series]:
    """Add up the last day of each of some groups, without those that held nothing."""
    since, chosen = _begin(now), frozenset(names)
    runs = usage_runs.list_over(tx, since, now, by="group", names=names, limit=MAX_RUNS + 1)
    runs += (make_run(each) for each in book if each.account in chosen)
    if len(runs) > MAX_RUNS:
        return {}
    added = add_up(runs, _list_borders(since), to_seconds(now), ("group",))
    return {name: _series(parts, now, since) for name, parts in _split(added["group"])}


def _list_borders(since: datetime) -> list[int]:
    return [to_seconds(since + number * STEP) for number in range(PARTS + 1)]


def _add_up(runs: Iterable[Run], since: datetime, now: datetime) -> LastDay:
    added = add_up(runs, _list_borders(since), to_seconds(now), ("tier",))
    total: dict[int, Usage] = {}
    for (_, part), used in added["tier"].items():
        total[part] = total.get(part, NOTHING).plus(used)
    tiers = {name: _series(parts, now, since) for name, parts in _split(added["tier"])}
    return LastDay(since, _series(total, now, since), {}, tiers)


def _split(added: Mapping[tuple[str, int], Usage]) -> Iterable[tuple[str, dict[int, Usage]]]:
    found: dict[str, dict[int, Usage]] = {}
    for (name, part), used in added.items():
        found.setdefault(name, {})[part] = used
    return found.items()


def _series(parts: Mapping[int, Usage], now: datetime, since: datetime) -> Series:
    seconds = [STEP.total_seconds()] * (PARTS - 1)
    seconds.append(max(1.0, (now - since).total_seconds() - sum(seconds)))
    used = [parts.get(number, NOTHING) for number in range(PARTS)]

    def average(measure: Measure, unit: int) -> tuple[float, ...]:
        pairs = zip(used, seconds, strict=True)
        return tuple(round(getattr(each, measure) / unit / span, 3) for each, span in pairs)

    return Series(
        average("servers", 1),
        average("cpu", 1000),
        average("memory", _GIB),
        average("accelerators", 1),
    )
