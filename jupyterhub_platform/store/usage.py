"""Sums of the ledger by day, month, quarter and year, which can be rebuilt from it at any time.

Only the Hub writes them, some names at a time. Sums of the days before :func:`read_settled` are
complete; later usage is read from the ledger. The sum of a day and its share of the longer spans
are entered in one transaction, so that a reader can subtract the days that are not settled.

Each amount has two columns, a high and a low part, so that no sum of the database overflows.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Table,
    delete,
    insert,
    select,
)
from sqlalchemy.sql.expression import bindparam

from jupyterhub_platform.core.usage import Usage
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.prepared import PreparedInsert
from jupyterhub_platform.store.schema import usage_day, usage_settled, usage_span
from jupyterhub_platform.store.usage_spans import SPANS, begin_span

ALL: Final = "all"
"""The kind of the sums of everything; their name is empty."""

HIGH_UNIT: Final = 2**40
_SPLIT: Final = ("cpu", "memory", "accelerators")
SUM_COLUMNS: Final = (
    "servers",
    *(f"{name}_{part}" for name in _SPLIT for part in ("high", "low")),
)
_ENTER: Final = PreparedInsert(usage_day, ("day", "kind", "name", *SUM_COLUMNS))
_ADD: Final = PreparedInsert(
    usage_span, ("kind", "months", "start", "name", *SUM_COLUMNS), adds=SUM_COLUMNS
)


class NamedUsage(NamedTuple):
    """What was used under a name in the day or span that began at ``start``."""

    kind: str
    name: str
    start: date
    used: Usage


def read_settled(tx: Transaction) -> date | None:
    """Return the first day that is not settled; ``None`` if none is yet."""
    settled: date | None = tx.execute(select(usage_settled.c.until)).scalar()
    return settled


def write_settled(tx: Transaction, until: date | None) -> None:
    """Enter the first day that is not settled; ``None`` has all sums rebuilt."""
    tx.execute(delete(usage_settled))
    if until is not None:
        tx.execute(insert(usage_settled), {"until": until})


def enter_sums(tx: Transaction, sums: Sequence[NamedUsage]) -> None:
    """Enter the usage of a day, and add it to the spans that the day is in."""
    _ENTER.execute_many(tx, ((s.start, s.kind, s.name, *_render_amounts(s.used)) for s in sums))
    for months in SPANS:
        _ADD.execute_many(tx, (_render_span(each, months, +1) for each in sums))


def list_beyond(tx: Transaction, day: date, limit: int) -> list[NamedUsage]:
    """List sums of ``day`` and later."""
    rows = tx.execute(select(usage_day).where(usage_day.c.day >= day).limit(limit))
    return [NamedUsage(row.kind, row.name, row.day, read_amounts(row[3:])) for row in rows]


def take_back(tx: Transaction, sums: Sequence[NamedUsage]) -> None:
    """Remove sums of days, and subtract them from their spans."""
    days = [(each.start, each.kind, each.name) for each in sums]
    _remove(tx, usage_day, days)
    for months in SPANS:
        _ADD.execute_many(tx, (_render_span(each, months, -1) for each in sums))
        spans = [(s.kind, months, begin_span(s.start, months), s.name) for s in sums]
        _remove(tx, usage_span, spans, usage_span.c.servers == 0)


def forget_some(tx: Transaction, limit: int) -> bool:
    """Remove at most ``limit`` sums; ``False`` if none is left."""
    found = False
    for table in (usage_day, usage_span):
        rows = tx.execute(select(*table.primary_key).limit(limit)).all()
        if rows:
            _remove(tx, table, rows)
            found = True
    return found


def _render_span(each: NamedUsage, months: int, sign: int) -> tuple[Any, ...]:
    amounts = (sign * amount for amount in _render_amounts(each.used))
    return each.kind, months, begin_span(each.start, months), each.name, *amounts


def _remove(
    tx: Transaction, table: Table, keys: Sequence[Sequence[Any]], *only: ColumnElement[bool]
) -> None:
    """Remove the rows with these primary keys."""
    columns = tuple(table.primary_key)
    same = (column == bindparam(f"key_{number}") for number, column in enumerate(columns))
    rows = [{f"key_{n}": value for n, value in enumerate(key)} for key in keys]
    tx.execute(delete(table).where(*same, *only), rows)


def _render_amounts(used: Usage) -> Iterator[int]:
    yield used.servers
    for amount in used[1:]:
        yield from divmod(amount, HIGH_UNIT)


def read_amounts(amounts: Sequence[int]) -> Usage:
    """Read what :func:`_render` rendered, the last columns of both tables."""
    servers, *split = amounts
    return Usage(
        servers, *(h * HIGH_UNIT + low for h, low in zip(split[::2], split[1::2], strict=True))
    )
