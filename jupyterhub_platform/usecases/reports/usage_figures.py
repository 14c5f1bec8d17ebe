"""Where the figures of usage come from: sums that the Hub keeps, and rows of the ledger.

Viewers who see everything are answered from the sums, and of what came since, from the ledger. All
others, and questions about one person, group or tier, are answered from the rows of the ledger that
they are about.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
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
from jupyterhub_platform.store import usage
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.usage_spans import Ranges
from jupyterhub_platform.usecases.reports.paging import QueryError
from jupyterhub_platform.usecases.reports.viewer import Viewer

MAX_NAMES: Final = 10**7

MAX_RUNS: Final = 100_000
"""Rows of the ledger that are added up for one report: half a second."""

Cells: TypeAlias = Mapping[tuple[str, datetime], Usage]
"""What was used, by name and the start of the period."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: by whom or what, in which periods until when, and of which ``only``."""

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
    """The names in the order that was asked for, ``total`` of them, and how they are read.

    ``counted_until`` is earlier than it was asked for while the Hub still adds up older days.
    """

    names: tuple[str, ...]
    total: int
    periods: Mapping[datetime, Usage]
    counted_until: datetime
    cells: Cells = field(repr=False)

    def cut(self, limit: int, offset: int) -> "Figures":
        """Return a part of the names."""
        return replace(self, names=self.names[offset : offset + limit])


def read_figures(
    tx: Transaction, viewer: Viewer, asked: Question, limit: int, offset: int
) -> Figures:
    """Read the figures of a part of the names, and of everything together by period.

    Raises
    ------
    QueryError
        Raised if it is about more rows of the ledger than are added up at once.
    """
    if not _is_in_sums(viewer, asked):
        return _from_runs(_list_seen(tx, viewer, asked), asked).cut(limit, offset)
    sums = _Sums.read(tx, asked)
    names, total = sums.rank(tx, limit, offset)
    cells = sums.list_cells(tx, names)
    everything = cells if asked.only else sums.list_everything(tx)
    return Figures(names, total, _total(everything, 1), sums.counted_until, cells)


def rank_all(tx: Transaction, viewer: Viewer, asked: Question) -> tuple[str, ...]:
    """Return all names, in the order that is asked for.

    Raises
    ------
    QueryError
        Raised as :func:`read_figures` does.
    """
    if not _is_in_sums(viewer, asked):
        return _from_runs(_list_seen(tx, viewer, asked), asked).names
    return _Sums.read(tx, asked).rank(tx, MAX_NAMES, 0)[0]


def read_named(tx: Transaction, viewer: Viewer, asked: Question, names: tuple[str, ...]) -> Figures:
    """Read the figures of some names.

    Raises
    ------
    QueryError
        Raised as :func:`read_figures` does.
    """
    if not _is_in_sums(viewer, asked):
        runs = _list_seen(tx, viewer, asked)
        return replace(_from_runs(runs, asked), names=names)
    sums = _Sums.read(tx, asked)
    cells = sums.list_cells(tx, names)
    return Figures(names, len(names), {}, sums.counted_until, cells)


def _is_in_sums(viewer: Viewer, asked: Question) -> bool:
    return viewer.reads_all and not asked.only.keys() - {asked.by}


# -- from the ledger ------------------------------------------------------------------------------


def _list_seen(tx: Transaction, viewer: Viewer, asked: Question) -> list[Run]:
    """List the runs that are asked for and that the viewer may see."""
    leading: list[tuple[str, frozenset[str]]] = []
    own = frozenset({viewer.name})
    if not viewer.reads_all:
        leading += [("group", viewer.reads_groups)] if viewer.reads_groups else []
        leading += [("person", own)] if viewer.reads_own else []
    else:
        # One of them is asked for; that of a person leads to the fewest rows.
        kinds: tuple[Kind, ...] = ("person", "group", "tier")
        first = next((kind for kind in kinds if kind in asked.only), None)
        leading = [(first, frozenset({asked.only[first]}))] if first else [("", frozenset())]
    runs: list[Run] = []
    for by, names in leading:
        found = usage.list_runs(
            tx, asked.since, asked.until, by=by, names=names, limit=MAX_RUNS + 1
        )
        # A manager's own servers are charged to their groups as a rule: those are here already.
        again = viewer.reads_groups if by == "person" and len(leading) > 1 else frozenset()
        runs += (run for run in found if run.group not in again)
    if len(runs) > MAX_RUNS:
        raise QueryError(
            f"More than {MAX_RUNS:,} starts would have to be added up. Name a later time as since, "
            "or a person, a group or a tier."
        )
    return [run for run in runs if all(getattr(run, k) == name for k, name in asked.only.items())]


def _add_up(runs: Iterable[Run], asked: Question, since: date | None = None) -> Cells:
    """Add up what runs used in the periods; with ``since``, only of that day and later ones."""
    start = max(asked.since, _midnight(since)) if since else asked.since
    periods = [period for period in asked.periods if period.end > start]
    borders = [max(start, period.start) for period in periods] + [
        period.end for period in periods[-1:]
    ]
    seconds = [to_seconds(border) for border in borders]
    added = add_up(runs, seconds, to_seconds(asked.until), [asked.by])[asked.by]
    return {(name, periods[n].start): used for (name, n), used in added.items()}


def _from_runs(runs: Iterable[Run], asked: Question) -> Figures:
    cells = _add_up(runs, asked)
    totals = _total(cells, 0)
    names, column = sorted(totals), asked.sort.removeprefix("-")
    if column == "name":
        names.sort(reverse=asked.sort != column)
    else:
        names.sort(key=lambda name: getattr(totals[name], column), reverse=asked.sort != column)
    return Figures(tuple(names), len(names), _total(cells, 1), asked.until, cells)


def _total(cells: Cells, part: int) -> dict[Any, Usage]:
    totals: defaultdict[Any, Usage] = defaultdict(lambda: NOTHING)
    for key, used in cells.items():
        totals[key[part]] = totals[key[part]].plus(used)
    return dict(totals)


# -- from the sums --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sums:
    """Where figures of everybody are read: sums of settled days, and what came ``late``.

    ``border`` is the first day that is not read from the sums, ``settled`` the first that could not
    be.
    """

    asked: Question
    settled: date
    border: date
    late: Cells
    is_complete: bool

    @classmethod
    def read(cls, tx: Transaction, asked: Question) -> "_Sums":
        """Find out how far the sums go, and read what came later from the ledger."""
        since = asked.since.date()
        settled = usage.read_settled(tx) or since
        border = max(since, min(settled, asked.until.date()))
        runs = usage.list_runs(tx, _midnight(border), asked.until, limit=MAX_RUNS + 1)
        # While the Hub adds up earlier days, a part of the later ones would say nothing.
        is_complete = len(runs) <= MAX_RUNS
        late = _add_up(runs, asked, since=border) if is_complete else {}
        return cls(asked, settled, border, late, is_complete)

    @property
    def counted_until(self) -> datetime:
        """Until when everything counts."""
        return self.asked.until if self.is_complete else _midnight(self.border)

    def rank(self, tx: Transaction, limit: int, offset: int) -> tuple[tuple[str, ...], int]:
        """Return a part of the names, and how many there are."""
        asked = self.asked
        if asked.by in asked.only:
            return (asked.only[asked.by],)[offset : offset + limit], 1
        late = _total(self.late, 0)
        names, total = usage.rank_names(
            tx, asked.by, self._months, late, sort=asked.sort, limit=limit, offset=offset
        )
        return tuple(names), total

    def list_cells(self, tx: Transaction, names: Collection[str]) -> Cells:
        """List what these names used, by period."""
        chosen = frozenset(names)
        late = {key: used for key, used in self.late.items() if key[0] in chosen}
        return self._list(tx, self.asked.by, chosen, late)

    def list_everything(self, tx: Transaction) -> Cells:
        """List what all names used together, by period."""
        late = {("", start): used for start, used in _total(self.late, 1).items()}
        return self._list(tx, usage.ALL, [""], late)

    def _list(self, tx: Transaction, kind: str, names: Collection[str], late: Cells) -> Cells:
        per, days = (
            self.asked.per,
            Ranges(((self.asked.since.date(), self.border),), (), self.settled),
        )
        found = usage.list_sums(tx, kind, names, self._months if per == "month" else days)
        cells = dict(late)
        for each in found:
            key = each.name, begin_period(_midnight(each.start), per)
            cells[key] = cells.get(key, NOTHING).plus(each.used)
        return cells

    @property
    def _months(self) -> Ranges:
        return _split(self.asked.since.date(), self.border, self.settled)


def _split(since: date, border: date, settled: date) -> Ranges:
    """Cut a time into whole months and the days around them.

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
