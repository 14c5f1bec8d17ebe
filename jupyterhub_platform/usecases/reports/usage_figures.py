"""The figures of usage, read from the sums that the Hub keeps and from rows of the ledger.

Viewers who see everything get sums of settled days, and rows of the ledger for later ones. Queries
of other viewers, and those about one person, group or tier, are answered from the rows of the
ledger that they are about.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, TypeAlias

from jupyterhub_platform.core.usage import (
    NOTHING,
    Kind,
    Per,
    Period,
    Run,
    Usage,
    add_up,
    begin_period,
    to_seconds,
)
from jupyterhub_platform.store import usage, usage_runs, usage_totals
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.usage_spans import Ranges
from jupyterhub_platform.usecases.reports.kept_runs import MAX_RUNS
from jupyterhub_platform.usecases.reports.paging import QueryError
from jupyterhub_platform.usecases.reports.viewer import Viewer

MAX_NAMES: Final = 10**7

ReadRuns: TypeAlias = Callable[[datetime], list[Run] | None]
"""Gives the runs of everybody since the first day without sums; ``None`` if they are too many."""

Cells: TypeAlias = Mapping[tuple[str, datetime], Usage]
"""What was used, by name and the start of the period."""


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which usage is read: by what, in which periods until when, and of which names ``only``."""

    by: Kind
    per: Per
    periods: tuple[Period, ...]
    until: datetime
    only: Mapping[Kind, str]
    sort: str

    @property
    def since(self) -> datetime:
        """The start of the first period."""
        return self.periods[0].start


@dataclass(frozen=True, slots=True)
class Figures:
    """What was used by each name and in each period; ``names`` are a part of ``total``, in order.

    ``counted_until`` is before the end of the query while the Hub still adds up earlier days.
    """

    names: tuple[str, ...]
    total: int
    periods: Mapping[datetime, Usage]
    counted_until: datetime
    cells: Cells = field(repr=False)

    def cut(self, limit: int, offset: int) -> "Figures":
        """Return the figures of a part of the names."""
        return replace(self, names=self.names[offset : offset + limit])


ReadNamed: TypeAlias = Callable[[Transaction, tuple[str, ...]], Figures]


def read_figures(
    tx: Transaction,
    viewer: Viewer,
    query: UsageQuery,
    limit: int,
    offset: int,
    read_runs: ReadRuns,
) -> Figures:
    """Read the figures of a part of the names, and of all names together by period.

    Raises
    ------
    QueryError
        Raised if more rows of the ledger are needed than are added up at once.
    """
    if not _is_in_sums(viewer, query):
        return _from_runs(_list_seen(tx, viewer, query), query).cut(limit, offset)
    sums = _Sums.read(tx, query, read_runs)
    names, total = sums.rank(tx, limit, offset)
    cells = sums.list_cells(tx, names)
    everything = cells if query.only else sums.list_everything(tx)
    return Figures(names, total, _total(everything, 1), sums.counted_until, cells)


def read_all(
    tx: Transaction, viewer: Viewer, query: UsageQuery, read_runs: ReadRuns
) -> tuple[tuple[str, ...], ReadNamed]:
    """Return all names in the order of the query, and what reads the figures of some of them.

    Raises
    ------
    QueryError
        Raised as :func:`read_figures` does.
    """
    if _is_in_sums(viewer, query):
        sums = _Sums.read(tx, query, read_runs)
        return sums.rank(tx, MAX_NAMES, 0)[0], sums.read_named
    figures = _from_runs(_list_seen(tx, viewer, query), query)
    return figures.names, lambda _tx, names: replace(figures, names=names)


def _is_in_sums(viewer: Viewer, query: UsageQuery) -> bool:
    return viewer.reads_all and not query.only.keys() - {query.by}


# -- from the ledger ------------------------------------------------------------------------------


def _list_seen(tx: Transaction, viewer: Viewer, query: UsageQuery) -> list[Run]:
    """List the runs that the query is about and that the viewer may see."""
    lookups: list[tuple[str, frozenset[str]]] = []
    own = frozenset({viewer.name})
    if not viewer.reads_all:
        lookups += [("group", viewer.reads_groups)] if viewer.reads_groups else []
        lookups += [("person", own)] if viewer.reads_own else []
    else:
        # The most selective index that the query allows: a person has the fewest rows.
        kinds: tuple[Kind, ...] = ("person", "group", "tier")
        first = next((kind for kind in kinds if kind in query.only), None)
        lookups = [(first, frozenset({query.only[first]}))] if first else [("", frozenset())]
    runs: list[Run] = []
    for by, names in lookups:
        found = usage_runs.list_runs(
            tx, query.since, query.until, by=by, names=names, limit=MAX_RUNS + 1
        )
        # Most of a manager's own servers are charged to their groups, and are found already.
        found_already = viewer.reads_groups if by == "person" and len(lookups) > 1 else frozenset()
        runs += (run for run in found if run.group not in found_already)
    if len(runs) > MAX_RUNS:
        raise QueryError(
            f"More than {MAX_RUNS:,} starts would have to be added up. Name a later time as since, "
            "or a person, a group or a tier."
        )
    return [run for run in runs if all(getattr(run, k) == name for k, name in query.only.items())]


def _add_up(runs: Iterable[Run], query: UsageQuery, since: date | None = None) -> Cells:
    """Add up what runs used in each period; with ``since``, from that day on."""
    start = max(query.since, _midnight(since)) if since else query.since
    periods = [period for period in query.periods if period.end > start]
    borders = [max(start, period.start) for period in periods] + [
        period.end for period in periods[-1:]
    ]
    seconds = [to_seconds(border) for border in borders]
    added = add_up(runs, seconds, to_seconds(query.until), [query.by])[query.by]
    return {(name, periods[n].start): used for (name, n), used in added.items()}


def _from_runs(runs: Iterable[Run], query: UsageQuery) -> Figures:
    cells = _add_up(runs, query)
    totals = _total(cells, 0)
    names, column = sorted(totals), query.sort.removeprefix("-")
    if column == "name":
        names.sort(reverse=query.sort != column)
    else:
        names.sort(key=lambda name: getattr(totals[name], column), reverse=query.sort != column)
    return Figures(tuple(names), len(names), _total(cells, 1), query.until, cells)


def _total(cells: Cells, part: int) -> dict[Any, Usage]:
    totals: defaultdict[Any, Usage] = defaultdict(lambda: NOTHING)
    for key, used in cells.items():
        totals[key[part]] = totals[key[part]].plus(used)
    return dict(totals)


# -- from the sums --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sums:
    """Figures of all users: sums of settled days, and ``later`` usage, read from the ledger.

    ``border`` is the first day of the query that is not read from the sums. ``settled`` is the
    first day that has no complete sums. Without ``is_complete`` later usage was left out.
    """

    query: UsageQuery
    settled: date
    border: date
    later: Cells
    is_complete: bool

    @classmethod
    def read(cls, tx: Transaction, query: UsageQuery, read_runs: ReadRuns) -> "_Sums":
        """Find out how far the sums go, and read later usage from the ledger."""
        since = query.since.date()
        settled = usage.read_settled(tx) or since
        border = max(since, min(settled, query.until.date()))
        # Of a time that is settled to its end nothing is left to read.
        runs = read_runs(_midnight(border)) if query.until > _midnight(border) else []
        # While the Hub adds up earlier days, there is too much to read: a part would mislead.
        is_complete = runs is not None
        later = _add_up(runs, query, since=border) if runs else {}
        return cls(query, settled, border, later, is_complete)

    @property
    def counted_until(self) -> datetime:
        """The moment until which all usage is counted."""
        return self.query.until if self.is_complete else _midnight(self.border)

    def rank(self, tx: Transaction, limit: int, offset: int) -> tuple[tuple[str, ...], int]:
        """Return a part of the names, and how many there are."""
        query = self.query
        if query.by in query.only:
            return (query.only[query.by],)[offset : offset + limit], 1
        later = _total(self.later, 0)
        names, total = usage_totals.rank_names(
            tx, query.by, self._months, later, sort=query.sort, limit=limit, offset=offset
        )
        return tuple(names), total

    def read_named(self, tx: Transaction, names: tuple[str, ...]) -> Figures:
        """Read the figures of some names."""
        cells = self.list_cells(tx, names)
        return Figures(names, len(names), {}, self.counted_until, cells)

    def list_cells(self, tx: Transaction, names: Collection[str]) -> Cells:
        """List what these names used, by period."""
        chosen = frozenset(names)
        later = {key: used for key, used in self.later.items() if key[0] in chosen}
        return self._list(tx, self.query.by, chosen, later)

    def list_everything(self, tx: Transaction) -> Cells:
        """List what all names used together, by period."""
        later = {("", start): used for start, used in _total(self.later, 1).items()}
        return self._list(tx, usage.ALL, [""], later)

    def _list(self, tx: Transaction, kind: str, names: Collection[str], later: Cells) -> Cells:
        per = self.query.per
        days = Ranges(((self.query.since.date(), self.border),), (), self.settled)
        ranges = self._months if per == "month" else days
        cells, starts = dict(later), dict[date, datetime]()
        for each in usage_totals.list_sums(tx, kind, names, ranges):
            if each.start not in starts:
                starts[each.start] = begin_period(_midnight(each.start), per)
            key = each.name, starts[each.start]
            cells[key] = cells.get(key, NOTHING).plus(each.used)
        return cells

    @property
    def _months(self) -> Ranges:
        return _split(self.query.since.date(), self.border, self.settled)


def _split(since: date, border: date, settled: date) -> Ranges:
    """Divide a time into whole months and the days around them.

    The month of the last settled day counts as whole: its sum is that of its settled days.
    """
    first = since if since.day == 1 else _next_month(since)
    last = border.replace(day=1)
    if border == settled and border.day > 1:
        last = _next_month(border)
    if first >= last:
        return Ranges(((since, border),), (), settled)
    return Ranges(((since, first), (min(last, border), border)), ((first, last),), settled)


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
