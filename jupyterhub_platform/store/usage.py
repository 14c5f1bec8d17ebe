"""Sums of the ledger by day, month, quarter and year: never the truth, and made again at any time.

The Hub alone writes them, some names at a time. Days before :func:`read_settled` are complete;
whatever came later is in the ledger. A day of a name and what it adds to longer spans are entered
in one transaction: a reader who takes away the days beyond sees the spans without them.

An amount is kept in two columns, so that no sum of the database overflows.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    Double,
    Row,
    Select,
    Subquery,
    Table,
    Text,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    union_all,
)
from sqlalchemy import column as sql_column
from sqlalchemy.sql.expression import bindparam

from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.usage import Run, Usage, to_seconds
from jupyterhub_platform.store.column_types import UtcTime
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.prepared import PreparedInsert
from jupyterhub_platform.store.schema import reservation, usage_day, usage_settled, usage_span
from jupyterhub_platform.store.usage_spans import MONTH, SPANS, Ranges, begin_span, list_parts

ALL: Final = "all"
"""The kind of the sums of everything; their name is empty."""

_HIGH: Final = 2**40
_HELD = reservation.c
_SPLIT: Final = ("cpu", "memory", "accelerators")
_SUMS: Final = ("servers", *(f"{name}_{part}" for name in _SPLIT for part in ("high", "low")))
_ENTER: Final = PreparedInsert(usage_day, ("day", "kind", "name", *_SUMS))
_ADD: Final = PreparedInsert(usage_span, ("kind", "months", "start", "name", *_SUMS), adds=_SUMS)

_OPENED: Final = func.coalesce(_HELD.opened_at, _HELD.opened_at, type_=UtcTime())
"""When it was opened, for a condition that no index shall be used for: nearly all rows meet it."""

_BY: Final = {"person": _HELD.user, "group": _HELD.account, "tier": _HELD.tier}
"""By what the ledger has an index, and its column."""


class NamedUsage(NamedTuple):
    """What was used under a name in the day or span that began at ``start``."""

    kind: str
    name: str
    start: date
    used: Usage


# -- the ledger -----------------------------------------------------------------------------------


def list_runs(
    tx: Transaction,
    since: datetime,
    until: datetime,
    *,
    by: str = "",
    names: Collection[str] = (),
    limit: int,
) -> list[Run]:
    """List what was held at any time from ``since`` to before ``until``: ``limit`` runs at most.

    With ``by``, only those of these ``names`` of people, groups or tiers.
    """
    query = _select_runs().where(until > _OPENED)
    if by:
        query = query.where(_BY[by].in_(sorted(names)))
    found: list[Run] = []
    for ended in (_HELD.released_at > since, _HELD.released_at.is_(None)):
        found += _read_runs(tx.execute(query.where(ended).limit(limit - len(found))))
    return found


def list_opened(tx: Transaction, since: datetime, until: datetime) -> list[Run]:
    """List what was opened from ``since`` to before ``until``."""
    query = _select_runs().where(_HELD.opened_at >= since, _HELD.opened_at < until)
    return _read_runs(tx.execute(query))


def list_kept(tx: Transaction, at: datetime, since: datetime, until: datetime) -> list[Run]:
    """List what was held at ``at`` and released from ``since`` to before ``until``."""
    query = _select_runs().where(at > _OPENED, _HELD.released_at >= since)
    return _read_runs(tx.execute(query.where(_HELD.released_at < until, _HELD.released_at > at)))


def list_open_runs(tx: Transaction, at: datetime) -> list[Run]:
    """List what was held at ``at`` and still is."""
    query = _select_runs().where(at > _OPENED, _HELD.released_at.is_(None))
    return _read_runs(tx.execute(query))


def find_first_opened(tx: Transaction) -> datetime | None:
    """Return when the first server of the ledger was admitted."""
    first: datetime | None = tx.execute(select(func.min(_HELD.opened_at))).scalar()
    return first


def find_last_released(tx: Transaction) -> datetime | None:
    """Return when the last server of the ledger ended."""
    last: datetime | None = tx.execute(select(func.max(_HELD.released_at))).scalar()
    return last


def _select_runs() -> Select[Any]:
    return select(
        *(_HELD.user, _HELD.account, _HELD.tier, _HELD.image),
        *(_HELD.demand, _HELD.opened_at, _HELD.released_at),
    )


def _read_runs(rows: Iterable[Row[Any]]) -> list[Run]:
    rates: dict[str, Usage] = {}
    runs = []
    for row in rows:
        user, account, tier, image, demand, opened_at, released_at = tuple(row)
        rate = rates.get(demand)
        if rate is None:
            rate = rates[demand] = Usage.of(Resources.of(json.loads(demand)))
        ended = None if released_at is None else to_seconds(released_at)
        runs.append(Run(user, account, tier, image, rate, to_seconds(opened_at), ended))
    return runs


# -- the sums: what the Hub writes ----------------------------------------------------------------


def read_settled(tx: Transaction) -> date | None:
    """Return the first day that is not settled; ``None`` if none is yet."""
    settled: date | None = tx.execute(select(usage_settled.c.until)).scalar()
    return settled


def write_settled(tx: Transaction, until: date | None) -> None:
    """Enter the first day that is not settled; ``None`` says that all sums are to be made again."""
    tx.execute(delete(usage_settled))
    if until is not None:
        tx.execute(insert(usage_settled), {"until": until})


def enter_sums(tx: Transaction, sums: Sequence[NamedUsage]) -> None:
    """Enter what was used on a day, and add it to the spans that it is in."""
    _ENTER.execute_many(tx, ((s.start, s.kind, s.name, *_render(s.used)) for s in sums))
    for months in SPANS:
        _ADD.execute_many(tx, (_render_span(each, months, +1) for each in sums))


def list_beyond(tx: Transaction, day: date, limit: int) -> list[NamedUsage]:
    """List sums of ``day`` and later."""
    query = select(usage_day).where(usage_day.c.day >= day).limit(limit)
    return [NamedUsage(row.kind, row.name, row.day, _read(row[3:])) for row in tx.execute(query)]


def take_back(tx: Transaction, sums: Sequence[NamedUsage]) -> None:
    """Remove sums of days, and what they added to their spans."""
    days = [(each.start, each.kind, each.name) for each in sums]
    _remove(tx, usage_day, days)
    for months in SPANS:
        _ADD.execute_many(tx, (_render_span(each, months, -1) for each in sums))
        spans = [(s.kind, months, begin_span(s.start, months), s.name) for s in sums]
        _remove(tx, usage_span, spans, usage_span.c.servers == 0)


def forget_some(tx: Transaction, limit: int) -> bool:
    """Remove ``limit`` sums of all that there are; False if none is left."""
    found = False
    for table in (usage_day, usage_span):
        rows = tx.execute(select(*table.primary_key).limit(limit)).all()
        if rows:
            _remove(tx, table, rows)
            found = True
    return found


def _render_span(each: NamedUsage, months: int, sign: int) -> tuple[Any, ...]:
    amounts = (sign * amount for amount in _render(each.used))
    return each.kind, months, begin_span(each.start, months), each.name, *amounts


def _remove(
    tx: Transaction, table: Table, keys: Sequence[Sequence[Any]], *only: ColumnElement[bool]
) -> None:
    """Remove the rows with these keys, each as it is in the table."""
    columns = tuple(table.primary_key)
    same = (column == bindparam(f"key_{number}") for number, column in enumerate(columns))
    rows = [{f"key_{n}": value for n, value in enumerate(key)} for key in keys]
    tx.execute(delete(table).where(*same, *only), rows)


def _render(used: Usage) -> Iterator[int]:
    yield used.servers
    for amount in used[1:]:
        yield from divmod(amount, _HIGH)


def _read(amounts: Sequence[int]) -> Usage:
    """Read what :func:`_render` rendered, the last columns of both tables."""
    servers, *split = amounts
    return Usage(
        servers, *(h * _HIGH + low for h, low in zip(split[::2], split[1::2], strict=True))
    )


# -- the sums: what is read of them ---------------------------------------------------------------


def list_sums(
    tx: Transaction, kind: str, names: Collection[str], ranges: Ranges
) -> list[NamedUsage]:
    """List the sums of these names, by day and by month; what is beyond is taken away again."""
    found: list[NamedUsage] = []
    for part in list_parts(ranges, (MONTH,)):
        named = part.table.c.name.in_(sorted(names))
        columns = (part.table.c[name] for name in ("name", part.start, *_SUMS))
        query = select(*columns).where(part.table.c.kind == kind, named, part.bounds)
        found += (
            NamedUsage(kind, row[0], row[1], _read(row[2:]).times(part.sign))
            for row in tx.execute(query)
        )
    return found


def rank_names(
    tx: Transaction,
    kind: str,
    ranges: Ranges,
    more: Mapping[str, Usage],
    *,
    sort: str,
    limit: int,
    offset: int,
) -> tuple[list[str], int]:
    """List the names with the largest sums, and count all that have any.

    Parameters
    ----------
    kind
        Of what the names are.
    ranges
        The time.
    more
        What was used beside that, by name.
    sort
        ``name``, or a field of :class:`Usage`; with ``-`` before it in reverse.
    limit, offset
        Which part of the list is returned.
    """
    field = sort.removeprefix("-")
    named = _select_totals(tx, kind, ranges, more, "servers" if field == "name" else field)
    if named is None:
        return [], 0
    if tx.dialect.name == "postgresql":
        # 100,000 names are more than fits into what a query has by default: it would sort on disk.
        tx.execute(text("SET LOCAL work_mem = '64MB'"))
    key = named.c.name if field == "name" else named.c.used
    order = key.desc() if sort.startswith("-") else key.asc()
    query = select(named.c.name, func.count().over().label("total"))
    rows = tx.execute(query.order_by(order, named.c.name).limit(limit).offset(offset)).all()
    if not rows and offset:
        return [], tx.execute(select(func.count()).select_from(named)).scalar_one()
    return [row.name for row in rows], rows[0].total if rows else 0


def _select_totals(
    tx: Transaction, kind: str, ranges: Ranges, more: Mapping[str, Usage], measure: str
) -> Subquery | None:
    """Return a query of what each name used; ``None`` if there is nothing to ask."""
    parts = [
        select(part.table.c.name, (_amount(part.table, measure) * part.sign).label("used")).where(
            part.table.c.kind == kind, part.bounds
        )
        for part in list_parts(ranges, SPANS)
    ]
    if more:
        parts.append(_select_given(tx, {n: getattr(used, measure) for n, used in more.items()}))
    if not parts:
        return None
    all_ = union_all(*parts).subquery()
    total = func.sum(all_.c.used).label("used")
    return select(all_.c.name, total).group_by(all_.c.name).subquery()


def _amount(table: Table, measure: str) -> ColumnElement[float]:
    """Return an amount to sort by: near enough as a float, and quicker than exact ones."""
    if measure == "servers":
        return cast(table.c.servers, Double)
    high, low = table.c[f"{measure}_high"], table.c[f"{measure}_low"]
    return cast(high, Double) * float(_HIGH) + cast(low, Double)


def _select_given(tx: Transaction, amounts: Mapping[str, int]) -> Select[Any]:
    """Return a query of values that are handed over: too many for a parameter each."""
    given = json.dumps([[name, float(amount)] for name, amount in amounts.items()])
    values: list[ColumnElement[Any]]
    if tx.dialect.name == "sqlite":
        each = func.json_each(given).table_valued("value")
        values = [func.json_extract(each.c.value, f"$[{n}]") for n in (0, 1)]
    else:
        each = func.json_array_elements(cast(literal(given, Text), JSON)).table_valued(
            sql_column("value", JSON)
        )
        values = [each.c.value.op("->>")(n) for n in (0, 1)]
    name, used = values
    return select(cast(name, Text).label("name"), cast(used, Double).label("used"))
