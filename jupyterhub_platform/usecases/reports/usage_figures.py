"""Where the figures of usage come from: sums that the Hub keeps, and rows of the ledger.

Viewers who see everything are answered from the sums, and of what came since, from the ledger. All
others, and questions about one person, group or tier, are answered from the rows of the ledger that
they are about.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
from jupyterhub_platform.store.usage import NamedUsage, Ranges
from jupyterhub_platform.usecases.reports.paging import QueryError
from jupyterhub_platform.usecases.reports.viewer import Viewer

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


def read_figures(
    tx: Transaction, viewer: Viewer, asked: Question, limit: int, offset: int
) -> Figures:
    """Read the figures of a part of the names, and of everything together by period.

    Raises
    ------
    QueryError
        Raised if it is about more rows of the ledger than are added up at once.
    """
    only = dict(asked.only)
    named = only.pop(asked.by, None)
    if viewer.reads_all and not only:
        return _from_sums(tx, asked, named, limit, offset)
    runs = _list_seen(tx, viewer, asked)
    return _from_runs(runs, asked, limit, offset)


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


def _from_runs(runs: Iterable[Run], asked: Question, limit: int, offset: int) -> Figures:
    cells = _add_up(runs, asked)
    totals = _total(cells, 0)
    names = sorted(totals)
    if asked.sort.lstrip("-") != "name":
        key = asked.sort.lstrip("-")
        names.sort(key=lambda name: getattr(totals[name], key), reverse=asked.sort[0] == "-")
    elif asked.sort[0] == "-":
        names.reverse()
    shown = tuple(names[offset : offset + limit])
    return Figures(shown, len(names), _total(cells, 1), asked.until, cells)


def _total(cells: Cells, part: int) -> dict[Any, Usage]:
    totals: defaultdict[Any, Usage] = defaultdict(lambda: NOTHING)
    for key, used in cells.items():
        totals[key[part]] = totals[key[part]].plus(used)
    return dict(totals)


# -- from the sums --------------------------------------------------------------------------------


def _from_sums(
    tx: Transaction, asked: Question, named: str | None, limit: int, offset: int
) -> Figures:
    """Read settled days from the sums, and what came later from the ledger."""
    settled = usage.read_settled(tx) or asked.since.date()
    border = max(asked.since.date(), min(settled, asked.until.date()))
    runs = usage.list_runs(tx, _midnight(border), asked.until, limit=MAX_RUNS + 1)
    # While the Hub adds up earlier days, a part of the later ones would say nothing.
    is_complete = len(runs) <= MAX_RUNS
    late = _add_up(runs, asked, since=border) if is_complete else {}
    ranges = _split(asked.since.date(), border, settled)
    if named is None:
        names, total = usage.rank_names(
            tx, asked.by, ranges, _total(late, 0), sort=asked.sort, limit=limit, offset=offset
        )
    else:
        names, total = [named], 1
    if asked.per != "month":
        # What a month has in one sum, a day and a week need by day.
        ranges = Ranges(((asked.since.date(), border),), (), settled)
    chosen = frozenset(names)
    cells = _gather(usage.list_sums(tx, asked.by, chosen, ranges), asked.per)
    _merge(cells, {key: used for key, used in late.items() if key[0] in chosen})
    if named is None:
        everything = _gather(usage.list_sums(tx, usage.ALL, [""], ranges), asked.per)
        _merge(everything, {("", start): used for start, used in _total(late, 1).items()})
    else:
        everything = cells
    return Figures(
        tuple(names),
        total,
        _total(everything, 1),
        asked.until if is_complete else _midnight(border),
        cells,
    )


def _gather(sums: Iterable[NamedUsage], per: Per) -> dict[tuple[str, datetime], Usage]:
    cells: dict[tuple[str, datetime], Usage] = {}
    for each in sums:
        key = each.name, begin_period(_midnight(each.start), per)
        cells[key] = cells.get(key, NOTHING).plus(each.used)
    return cells


def _merge(cells: dict[tuple[str, datetime], Usage], more: Cells) -> None:
    for key, used in more.items():
        cells[key] = cells.get(key, NOTHING).plus(used)


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
