"""The log of decisions on starts: rows that are only ever added.

An admitted start is a reservation, which carries its decision; any other decision has a row of its
own. Both have one space of ids.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Table,
    and_,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    union_all,
)

from jupyterhub_platform.core.errors import NotFoundError
from jupyterhub_platform.store.column_types import UtcTime
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import decision, denial_repeat, reservation
from jupyterhub_platform.store.server_rows import is_of_server

_HELD = reservation.c
_DECIDED = decision.c


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """How a start was decided, without the whole decision.

    ``codes`` are those of the denials, also of a tier that only observes. ``times`` says how often
    a denial was given, ``last_at`` when it was last; both lag behind by as much as the Hub counts
    in memory.
    """

    id: str
    at: datetime
    user: str
    server: str
    account: str
    tier: str
    admitted: bool
    observed: bool
    codes: tuple[str, ...]
    sentence: str
    requested_by: str
    times: int = 1
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord(DecisionLine):
    """How a start was decided; ``decision_json`` is the whole decision."""

    decision_json: str


def record_denial(tx: Transaction, record: DecisionRecord) -> None:
    """Record a decision that reserved nothing."""
    tx.execute(
        insert(decision),
        {
            "id": record.id,
            "at": record.at,
            "user": record.user,
            "server": record.server,
            "account": record.account,
            "tier": record.tier,
            "admitted": record.admitted,
            "observed": record.observed,
            "codes": " ".join(record.codes),
            "sentence": record.sentence,
            "decision": record.decision_json,
            "requested_by": record.requested_by,
        },
    )


def get_decision(tx: Transaction, decision_id: str) -> DecisionRecord | None:
    """Return one decision, whether it admitted or not."""
    for arm, key in ((_admissions(), _HELD.id), (_select_decisions(), _DECIDED.id)):
        row = tx.execute(arm.where(key == decision_id)).first()
        if row is not None:
            return _read_decision(row)
    return None


def list_decisions(
    tx: Transaction,
    *,
    user: str | None = None,
    server: str | None = None,
    account: str | None = None,
    admitted: bool | None = None,
    limit: int = 50,
    before: str | None = None,
) -> list[DecisionRecord]:
    """List decisions, newest first, those older than the one with the id ``before``.

    Raises
    ------
    NotFoundError
        Raised if there is no decision ``before``.
    """
    mark = None
    if before is not None:
        mark = get_decision(tx, before)
        if mark is None:
            raise NotFoundError(f"there is no decision {before[:64]} to go on from")
    arms = []
    # Each arm stops at the limit by its own index; their union is small.
    for arm, table, at in (
        (_admissions(), reservation, _HELD.opened_at),
        (_select_decisions(), decision, _DECIDED.at),
    ):
        if admitted is not None:
            flag = true() if table is reservation else _DECIDED.admitted
            arm = arm.where(flag == literal(admitted))
        if table is reservation and server is None:
            arm = arm.where(is_of_server())
        wanted = ((table.c.user, user), (table.c.server, server), (table.c.account, account))
        for column, value in wanted:
            if value is not None:
                arm = arm.where(column == value)
        if mark is not None:
            arm = arm.where(_is_older(at, table.c.id, mark))
        newest = arm.order_by(at.desc(), table.c.id.desc()).limit(limit).subquery()
        arms.append(select(newest))
    both = union_all(*arms).subquery()
    rows = tx.execute(select(both).order_by(both.c.at.desc(), both.c.id.desc()).limit(limit))
    return [_read_decision(row) for row in rows]


def _is_older(
    at: ColumnElement[datetime], id_: ColumnElement[str], mark: DecisionRecord
) -> ColumnElement[bool]:
    return or_(at < mark.at, and_(at == mark.at, id_ < mark.id))


def _admissions() -> Select[Any]:
    return select(
        _HELD.id,
        _HELD.opened_at.label("at"),
        *_shared_columns(reservation),
        true().label("admitted"),
        literal(0).label("repeats"),
        literal(None, UtcTime).label("last_at"),
    )


def _select_decisions() -> Select[Any]:
    again = denial_repeat.c

    def over_repeats(value: ColumnElement[Any]) -> ColumnElement[Any]:
        # Asked for the rows of a page only, and by an index.
        return select(value).where(again.decision == _DECIDED.id).scalar_subquery()

    return select(
        _DECIDED.id,
        _DECIDED.at,
        *_shared_columns(decision),
        _DECIDED.admitted,
        over_repeats(func.coalesce(func.sum(again.times), 0)).label("repeats"),
        over_repeats(func.max(again.last_at)).label("last_at"),
    )


def _shared_columns(table: Table) -> list[ColumnElement[Any]]:
    names = ("user", "server", "account", "tier", "observed", "codes", "sentence", "decision")
    return [table.c[name] for name in (*names, "requested_by")]


def _read_decision(row: Row[Any]) -> DecisionRecord:
    return DecisionRecord(
        id=row.id,
        at=row.at,
        user=row.user,
        server=row.server,
        account=row.account,
        tier=row.tier,
        admitted=bool(row.admitted),
        observed=row.observed,
        codes=tuple(row.codes.split()),
        sentence=row.sentence,
        decision_json=row.decision,
        requested_by=row.requested_by,
        times=1 + int(row.repeats),
        last_at=row.last_at,
    )
