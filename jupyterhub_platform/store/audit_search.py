"""Rows of the audit that match a filter, a page at a time, and never for longer than a moment.

One of the conditions leads, by its index; the others are tried on at most :data:`MAX_LOOKED_AT`
rows. A page may therefore have fewer rows than it has room for, and say how far it looked.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, case, func, select

from jupyterhub_platform.store.audit import DONE, REFUSED, AuditRow
from jupyterhub_platform.store.audit_chain import any_text, select_columns, select_time
from jupyterhub_platform.store.column_types import clean_text, render_time
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import audit

MAX_LOOKED_AT: Final = 10_000
"""Rows on which conditions without a leading index are tried, for one page."""

MAX_NUMBER: Final = 2**31 - 1
"""The largest number that a row can have."""

MAX_ACTIONS: Final = 500
_PROBES: Final = 32
_DISORDER: Final = timedelta(minutes=5)
"""By how much times of rows may go down while their numbers go up: counts are entered later."""

_COLUMNS = audit.c
_REFUSED_BEFORE: Final = ("server.denied", "server.denied_again", "server.denials_counted")
"""Actions that are refusals in rows from before there was a result."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows are wanted; an empty value asks for nothing. ``action`` may be a beginning."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    result: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class FoundRows:
    """A page of rows; the next one, if there is one, continues from the number ``go_on``."""

    rows: tuple[AuditRow, ...]
    go_on: int | None


def find_rows(
    tx: Transaction,
    wanted: AuditFilter,
    *,
    limit: int,
    before: int | None = None,
    after: int | None = None,
) -> FoundRows:
    """Find rows, newest first; with ``after`` oldest first, those beyond that number."""
    search = _Search(tx, wanted, limit, before, after)
    leads = search.list_leads()
    rows_each = MAX_LOOKED_AT // max(1, len(leads))
    streams = [search.follow(lead, rest, rows_each) for lead, rest in leads]
    # No stream has been followed beyond this number: what the others found there is left for later.
    edges = [edge for _, edge in streams if edge is not None]
    reached = search.nearest(edges) if edges else None
    rows = sorted(
        (row for found, _ in streams for row in found), key=lambda r: r.seq, reverse=after is None
    )
    whole = [row for row in rows if reached is None or search.is_within(row.seq, reached)]
    if len(whole) > limit:
        return FoundRows(tuple(whole[:limit]), whole[limit - 1].seq)
    return FoundRows(tuple(whole), reached)


def find_row(tx: Transaction, number: int) -> AuditRow | None:
    """Find the row with this number."""
    with any_text(tx):
        row = tx.execute(select_columns(tx).where(_COLUMNS.seq == number)).first()
    return None if row is None else _read(row)


class _Search:
    """One search: its range of numbers, and the streams of rows that lead it."""

    def __init__(
        self,
        tx: Transaction,
        wanted: AuditFilter,
        limit: int,
        before: int | None,
        after: int | None,
    ) -> None:
        self._tx = tx
        self._wanted = wanted
        self._limit = limit
        self._down = after is None
        self._low, self._high = _bound_numbers(tx, wanted, before, after)
        self._in_time = [
            *([_COLUMNS.at >= wanted.since] if wanted.since is not None else ()),
            *([_COLUMNS.at < wanted.until] if wanted.until is not None else ()),
        ]

    def list_leads(self) -> list[tuple[ColumnElement[bool] | None, list[ColumnElement[bool]]]]:
        """Return what leads: conditions, each with those that are tried on its rows."""
        wanted = self._wanted
        actions = None
        if wanted.action:
            actions = [n for n in _list_actions(self._tx) if n.startswith(wanted.action)]
        rest: list[ColumnElement[bool]] = []
        if wanted.result:
            rest.append(_has_result(wanted.result))
        if wanted.subject or wanted.actor:
            if actions is not None:
                rest.append(_COLUMNS.action.in_(actions))
            if wanted.subject and wanted.actor:
                rest.append(_COLUMNS.actor == wanted.actor)
            if wanted.subject:
                return [(_COLUMNS.subject == wanted.subject, rest)]
            return [(_COLUMNS.actor == wanted.actor, rest)]
        if actions is not None:
            return [(_COLUMNS.action == name, rest) for name in actions]
        if wanted.result == REFUSED:
            last = _find_last_without_result(self._tx)
            before = [
                and_(_COLUMNS.action == name, _COLUMNS.seq <= last) for name in _REFUSED_BEFORE
            ]
            return [(_COLUMNS.result == REFUSED, []), *((each, []) for each in before if last)]
        return [(None, rest)]

    def follow(
        self, lead: ColumnElement[bool] | None, rest: Sequence[ColumnElement[bool]], rows_each: int
    ) -> tuple[list[AuditRow], int | None]:
        """Follow one lead; return what it leads to, and the number up to which it was followed.

        There is no such number once there is nothing more that it leads to.
        """
        conditions = [*self._in_time, *([] if lead is None else [lead])]
        order = _COLUMNS.seq.desc() if self._down else _COLUMNS.seq
        low, high, edge = self._low, self._high, None
        if rest:
            last = select(_COLUMNS.seq).where(_COLUMNS.seq.between(low, high), *conditions)
            edge = self._tx.execute(last.order_by(order).offset(rows_each - 1).limit(1)).scalar()
            # In place of one of the bounds: of two, SQLite would begin at the one that it sees.
            if edge is not None:
                low, high = (edge, high) if self._down else (low, edge)
        query = select_columns(self._tx).where(_COLUMNS.seq.between(low, high), *conditions, *rest)
        query = query.order_by(order)
        with any_text(self._tx):
            rows = [_read(row) for row in self._tx.execute(query.limit(self._limit + 1))]
        return rows, rows[-1].seq if len(rows) > self._limit else edge

    def nearest(self, numbers: Iterable[int]) -> int:
        """Return the number that comes first in this direction."""
        return max(numbers) if self._down else min(numbers)

    def is_within(self, number: int, reached: int) -> bool:
        """Tell whether a number comes before ``reached``, or is it."""
        return number >= reached if self._down else number <= reached


def _bound_numbers(
    tx: Transaction, wanted: AuditFilter, before: int | None, after: int | None
) -> tuple[int, int]:
    """Return the first and the last number that may be wanted."""
    low = 0 if after is None else after + 1
    high = MAX_NUMBER if before is None else before - 1
    if wanted.since is not None:
        low = max(low, _find_number(tx, wanted.since, -_DISORDER))
    if wanted.until is not None:
        high = min(high, _find_number(tx, wanted.until, _DISORDER))
    return low, high


def _find_last_without_result(tx: Transaction) -> int:
    """Return the number of the last row from before results were recorded; 0 if there is none."""
    return _find_first_not(tx, _COLUMNS.result, lambda result: result is None) - 1


def _find_number(tx: Transaction, at: datetime, later: timedelta) -> int:
    """Return the first number from which on rows are of ``at`` or later, give or take."""
    try:
        text = render_time(at + later)
    except OverflowError:
        text = render_time(at)
    return _find_first_not(tx, select_time(tx), lambda found: str(found) < text)


def _find_first_not(
    tx: Transaction, column: ColumnElement[Any], is_before: Callable[[Any], bool]
) -> int:
    """Return the first number whose row is not before something, by some probes at a time."""
    # One end at a time: for both at once, SQLite would walk over all rows.
    first, last = (tx.execute(select(end(_COLUMNS.seq))).scalar() for end in (func.min, func.max))
    low, high = first or 1, (last or 0) + 1
    while low < high:
        probes = range(low, high, max(1, (high - low) // _PROBES))
        query = select(_COLUMNS.seq, column).where(_COLUMNS.seq.in_(probes)).order_by(_COLUMNS.seq)
        with any_text(tx):
            rows = tx.execute(query).all()
        if not rows:
            return low
        for number, value in rows:
            if not is_before(value):
                high = number
                break
            low = number + 1
    return low


def _list_actions(tx: Transaction) -> Sequence[str]:
    """List the actions that occur, each by one step in their index."""
    first = select(func.min(_COLUMNS.action).label("action")).cte("names", recursive=True)
    next_ = select(func.min(_COLUMNS.action)).where(_COLUMNS.action > first.c.action)
    names = first.union_all(select(next_.scalar_subquery()).where(first.c.action.is_not(None)))
    query = select(names.c.action).where(names.c.action.is_not(None)).limit(MAX_ACTIONS)
    return tx.execute(query).scalars().all()


def _has_result(result: str) -> ColumnElement[bool]:
    """Compare the result in a way that no index answers: another condition leads."""
    before = case((_COLUMNS.action.in_(_REFUSED_BEFORE), REFUSED), else_=DONE)
    return func.coalesce(_COLUMNS.result, before) == result


def result_of(row: AuditRow) -> str:
    """Return how something ended, also for a row from before that was recorded."""
    return row.result or (REFUSED if row.action in _REFUSED_BEFORE else DONE)


def _read(row: Row[Any]) -> AuditRow:
    """Read a row as it stands there; a time that cannot be read is the first."""
    try:
        at = datetime.fromisoformat(str(row.at)).astimezone(UTC)
    except (ValueError, OverflowError):
        at = datetime.min.replace(tzinfo=UTC)
    return AuditRow(
        row.seq,
        at,
        clean_text(str(row.actor)),
        clean_text(str(row.action)),
        clean_text(str(row.subject)),
        clean_text(str(row.detail)),
        str(row.previous_hash),
        str(row.hash),
        row.result,
        row.via,
        row.address,
    )
