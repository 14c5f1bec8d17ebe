"""Totals over a time, added up from the sums: of some names, or ranked over all names."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Double,
    Select,
    Subquery,
    Table,
    Text,
    cast,
    func,
    literal,
    select,
    text,
    union_all,
)
from sqlalchemy import column as sql_column

from jupyterhub_platform.core.usage import Usage
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.usage import HIGH_UNIT, SUM_COLUMNS, NamedUsage, read_amounts
from jupyterhub_platform.store.usage_spans import MONTH, SPANS, Ranges, list_parts


def list_sums(
    tx: Transaction, kind: str, names: Collection[str], ranges: Ranges
) -> list[NamedUsage]:
    """List the sums of these names by day and by month, without days that are not settled."""
    found: list[NamedUsage] = []
    for part in list_parts(ranges, (MONTH,)):
        named = part.table.c.name.in_(sorted(names))
        columns = (part.table.c[name] for name in ("name", part.start, *SUM_COLUMNS))
        query = select(*columns).where(part.table.c.kind == kind, named, part.bounds)
        found += (
            NamedUsage(kind, row[0], row[1], read_amounts(row[2:]).times(part.sign))
            for row in tx.execute(query)
        )
    return found


def rank_names(
    tx: Transaction,
    kind: str,
    ranges: Ranges,
    unsettled: Mapping[str, Usage],
    *,
    sort: str,
    limit: int,
    offset: int,
) -> tuple[list[str], int]:
    """Rank names by their totals; return one part of them, and how many there are.

    Parameters
    ----------
    kind
        What the names are of: people, groups, tiers or images.
    ranges
        The settled days and months to add up.
    unsettled
        What each name used beside them.
    sort
        ``name``, or a field of :class:`Usage`; with ``-`` before it in reverse.
    limit, offset
        Which part of the list is returned.
    """
    field = sort.removeprefix("-")
    named = _select_totals(tx, kind, ranges, unsettled, "servers" if field == "name" else field)
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
    tx: Transaction, kind: str, ranges: Ranges, unsettled: Mapping[str, Usage], measure: str
) -> Subquery | None:
    """Return a query of what each name used; ``None`` if there is nothing to add up."""
    parts = [
        select(part.table.c.name, (_amount(part.table, measure) * part.sign).label("used")).where(
            part.table.c.kind == kind, part.bounds
        )
        for part in list_parts(ranges, SPANS)
    ]
    if unsettled:
        amounts = {name: getattr(used, measure) for name, used in unsettled.items()}
        parts.append(_select_given(tx, amounts))
    if not parts:
        return None
    all_ = union_all(*parts).subquery()
    total = func.sum(all_.c.used).label("used")
    return select(all_.c.name, total).group_by(all_.c.name).subquery()


def _amount(table: Table, measure: str) -> ColumnElement[float]:
    """Return an amount to sort by: a float, which is close enough and faster to add up."""
    if measure == "servers":
        return cast(table.c.servers, Double)
    high, low = table.c[f"{measure}_high"], table.c[f"{measure}_low"]
    return cast(high, Double) * float(HIGH_UNIT) + cast(low, Double)


def _select_given(tx: Transaction, amounts: Mapping[str, int]) -> Select[Any]:
    """Return a query of values that are passed in: too many for a parameter each."""
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
