"""Servers that ended lately, and why: rows of the ledger by the time of their release."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select

from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import reservation
from jupyterhub_platform.store.server_rows import is_of_server

_HELD = reservation.c


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that is over: of which server, with what, until when, and the recorded reason."""

    id: str
    user: str
    server: str
    account: str
    tier: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose runs are meant: all, or those that are charged to ``accounts`` or are of ``user``."""

    all: bool = False
    accounts: Collection[str] = ()
    user: str = ""

    def condition(self) -> list[ColumnElement[bool]]:
        """Return what a query adds to its own conditions."""
        if self.all:
            return [is_of_server()]
        return [
            is_of_server(),
            or_(_HELD.account.in_(sorted(self.accounts)), _HELD.user == self.user),
        ]


def list_ended(
    tx: Transaction,
    since: datetime,
    whose: Whose,
    *,
    failed: bool,
    planned: Collection[str],
    limit: int,
) -> list[EndedRun]:
    """List runs that ended from ``since`` on, the newest first: the failed ones, or all others."""
    query = select(
        *(_HELD.id, _HELD.user, _HELD.server, _HELD.account, _HELD.tier),
        *(_HELD.released_at, _HELD.release_reason),
    ).where(_HELD.released_at.is_not(None), _HELD.released_at >= since, *whose.condition())
    is_failed = _is_failure(planned)
    query = query.where(is_failed if failed else ~is_failed)
    ended = tx.execute(query.order_by(_HELD.released_at.desc(), _HELD.id).limit(limit))
    return [EndedRun(*tuple(row)) for row in ended]


def count_reasons(tx: Transaction, since: datetime, whose: Whose) -> dict[str, int]:
    """Count the runs that ended from ``since`` on, by the recorded reason."""
    query = (
        select(_HELD.release_reason, func.count())
        .where(_HELD.released_at.is_not(None), _HELD.released_at >= since, *whose.condition())
        .group_by(_HELD.release_reason)
    )
    return {str(reason or ""): count for reason, count in tx.execute(query)}


def _is_failure(planned: Collection[str]) -> ColumnElement[bool]:
    """Tell failures by their code: what the Hub or its users wanted has none, or a planned one."""
    reason = func.coalesce(_HELD.release_reason, "")
    return and_(reason.like("%.%"), reason.not_in(sorted(planned)))
