"""Runs of servers in the ledger: what each held, and from when until when."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Select,
    func,
    select,
)

from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.usage import Run, Usage, to_seconds
from jupyterhub_platform.store.column_types import UtcTime
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import reservation

_HELD = reservation.c
_OPENED: Final = func.coalesce(_HELD.opened_at, _HELD.opened_at, type_=UtcTime())
"""When a row was opened, written so that no index is used: nearly all rows meet the condition."""
_BY: Final = {"person": _HELD.user, "group": _HELD.account, "tier": _HELD.tier}
"""The columns of the ledger that have an index, by what they name."""


def list_runs(
    tx: Transaction,
    since: datetime,
    until: datetime,
    *,
    by: str = "",
    names: Collection[str] = (),
    limit: int,
) -> list[Run]:
    """List at most ``limit`` runs that overlap the time from ``since`` to before ``until``.

    With ``by``, only those of these ``names`` of people, groups or tiers.
    """
    found = list_over(tx, since, until, by=by, names=names, limit=limit)
    still = _select_overlapping(until, by, names).where(_HELD.released_at.is_(None))
    return found + _read_runs(tx.execute(still.limit(limit - len(found))))


def list_over(
    tx: Transaction,
    since: datetime,
    until: datetime,
    *,
    by: str = "",
    names: Collection[str] = (),
    limit: int,
) -> list[Run]:
    """List those of :func:`list_runs` that have ended."""
    query = _select_overlapping(until, by, names).where(_HELD.released_at > since)
    return _read_runs(tx.execute(query.limit(limit)))


def _select_overlapping(until: datetime, by: str, names: Collection[str]) -> Select[Any]:
    query = _select_runs().where(until > _OPENED)
    return query.where(_BY[by].in_(sorted(names))) if by else query


def list_ended(tx: Transaction, since: datetime) -> tuple[dict[str, Run], datetime | None]:
    """List the runs that ended after ``since`` by their ids, and say when the last one did."""
    query = _select_runs().add_columns(_HELD.id).where(_HELD.released_at > since)
    rows = tx.execute(query).all()
    runs = _read_runs(row[:-1] for row in rows)
    last = max((row.released_at for row in rows), default=None)
    return dict(zip((row.id for row in rows), runs, strict=True)), last


def list_opened(tx: Transaction, since: datetime, until: datetime) -> list[Run]:
    """List the runs that began from ``since`` to before ``until``."""
    query = _select_runs().where(_HELD.opened_at >= since, _HELD.opened_at < until)
    return _read_runs(tx.execute(query))


def list_kept(tx: Transaction, at: datetime, since: datetime, until: datetime) -> list[Run]:
    """List the runs that went on at ``at`` and ended from ``since`` to before ``until``."""
    query = _select_runs().where(at > _OPENED, _HELD.released_at >= since)
    return _read_runs(tx.execute(query.where(_HELD.released_at < until, _HELD.released_at > at)))


def list_open_runs(tx: Transaction, at: datetime) -> list[Run]:
    """List the runs that went on at ``at`` and still do."""
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


def _read_runs(rows: Iterable[Sequence[Any]]) -> list[Run]:
    rates: dict[str, Usage] = {}
    runs = []
    for row in rows:
        user, account, tier, image, demand, opened_at, released_at = row
        rate = rates.get(demand)
        if rate is None:
            rate = rates[demand] = Usage.of(Resources.of(json.loads(demand)))
        ended = None if released_at is None else to_seconds(released_at)
        runs.append(Run(user, account, tier, image, rate, to_seconds(opened_at), ended))
    return runs
