"""The audit: who did what to whom, in the same transaction as the change itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, insert, select, text

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.origin import ORIGIN, RequestOrigin
from jupyterhub_platform.store.audit_chain import GENESIS as GENESIS
from jupyterhub_platform.store.audit_chain import AuditHead as AuditHead
from jupyterhub_platform.store.audit_chain import Verification as Verification
from jupyterhub_platform.store.audit_chain import hash_row
from jupyterhub_platform.store.audit_chain import verify as verify
from jupyterhub_platform.store.column_types import clean_text, render_time
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import audit

MAX_NAME_LENGTH: Final = 255
"""Characters of an actor, an action or a subject that are kept."""

DONE: Final = "done"
REFUSED: Final = "refused"
FAILED: Final = "failed"
"""How something ended; what failed may have happened in part."""

MAX_DETAIL_LENGTH: Final = 16_384
"""Characters of a detail's JSON that are kept."""

_COLUMNS = audit.c

# Two writers that read the same head would fork the chain; on PostgreSQL this lock keeps them
# apart. Any number will do that no other program on the same database uses.
_AUDIT_LOCK: Final = text("SELECT pg_advisory_xact_lock(1785229314)")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what to whom, when, how it ended, and from where; old rows lack the last three."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail_json: str
    previous_hash: str
    hash: str
    result: str | None = None
    via: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is to be told by a row."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    result: str = DONE


def append(
    tx: Transaction,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
    result: str = DONE,
    origin: RequestOrigin | None = None,
) -> AuditRow:
    """Add a row, in the transaction of the change that it tells of.

    It comes from the request that is answered now, unless another ``origin`` is said.
    """
    event = Event(at, actor, action, subject, detail or {}, result)
    return append_all(tx, [event], origin)[0]


def append_all(
    tx: Transaction, events: Sequence[Event], origin: RequestOrigin | None = None
) -> list[AuditRow]:
    """Add a row for each event, in their order, as :func:`append` does for one."""
    if not events:
        return []
    if tx.dialect.name == "postgresql":
        tx.execute(_AUDIT_LOCK)
    head = read_head(tx) or AuditHead(0, GENESIS)
    origin = origin or ORIGIN.get()
    rows: list[AuditRow] = []
    for event in events:
        head = AuditHead(head.seq + 1, rows[-1].hash if rows else head.hash)
        rows.append(_make_row(event, head.seq, head.hash, origin))
    values = [{**asdict(row), "detail": row.detail_json} for row in rows]
    for each in values:
        del each["detail_json"]
    entered = tx.execute(insert(audit).execution_options(preserve_rowcount=True), values)
    if entered.rowcount != len(values):
        # A rule or a trigger that was added dropped it: the change may not stay without it.
        raise StoreError(
            "The database did not keep a row of the audit, so that the change was not made. "
            "Find out what was added to the table audit: jhp audit verify."
        )
    return rows


def _make_row(event: Event, seq: int, previous: str, origin: RequestOrigin) -> AuditRow:
    names = (event.actor, event.action, event.subject)
    who, what, whom = (shorten(clean_text(name)) for name in names)
    kept = _render_detail(event.detail)
    ended = [event.result, origin.via, shorten(clean_text(origin.address))]
    digest = hash_row([seq, render_time(event.at), who, what, whom, kept, *ended, previous])
    return AuditRow(seq, event.at.astimezone(UTC), who, what, whom, kept, previous, digest, *ended)


def list_audit(tx: Transaction, *, limit: int = 50, before: int | None = None) -> list[AuditRow]:
    """List rows, newest first, those below the number ``before``."""
    query = select(audit).order_by(_COLUMNS.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(_COLUMNS.seq < before)
    return [_read(row) for row in tx.execute(query)]


def read_head(tx: Transaction) -> AuditHead | None:
    """Return the last row's number and hash; ``None`` if there is none."""
    newest = select(_COLUMNS.seq, _COLUMNS.hash).order_by(_COLUMNS.seq.desc()).limit(1)
    row = tx.execute(newest).first()
    return None if row is None else AuditHead(row.seq, row.hash)


def _read(row: Row[Any]) -> AuditRow:
    return AuditRow(
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        detail_json=row.detail,
        previous_hash=row.previous_hash,
        hash=row.hash,
        result=row.result,
        via=row.via,
        address=row.address,
    )


def _render_detail(detail: Mapping[str, Any]) -> str:
    rendered = json.dumps(detail, sort_keys=True, separators=(",", ":"), default=str)
    if len(rendered) <= MAX_DETAIL_LENGTH:
        return rendered
    # JSON cannot be cut and stay JSON; escapes may make the quoted part twice as long.
    part = {"begins": rendered[: MAX_DETAIL_LENGTH // 3], "characters": len(rendered)}
    return json.dumps(part, sort_keys=True, separators=(",", ":"))


def shorten(text_: str) -> str:
    """Cut what is too long for an actor, an action or a subject."""
    return text_ if len(text_) <= MAX_NAME_LENGTH else f"{text_[: MAX_NAME_LENGTH - 1]}…"
