r"""The audit: rows chained by hashes, so that a change of the past can be seen.

The hash of a row is the SHA-256, in hexadecimal, of the UTF-8 bytes of::

    jupyterhub-platform audit 1\n
    [SEQ,"AT","ACTOR","ACTION","SUBJECT","DETAIL","PREVIOUS_HASH"]

where the second line is a JSON array without spaces, in ASCII with ``\u`` escapes, of the row's
number, its time as ``2026-01-31T09:30:00.000000+00:00``, the three texts, the detail as the JSON
text that is stored, and the hash of the row before; for the first row that is 64 zeros. Numbers
go up by one without gaps. Whoever can write the whole database can compute a new chain; so a head
that was noted elsewhere is worth more than the chain alone.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Result, Row, String, insert, select, text, type_coerce

from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import audit, clean_text, render_time

GENESIS: Final = "0" * 64
"""The hash before the first row."""

LONGEST_NAME: Final = 255
"""Characters of an actor, an action or a subject that are kept."""

LONGEST_DETAIL: Final = 16_384
"""Characters of a detail's JSON that are kept."""

_PREFIX: Final = b"jupyterhub-platform audit 1\n"
_COLUMNS = audit.c

# Two writers that read the same head would fork the chain; on PostgreSQL this lock keeps them
# apart. Any number will do that no other program on the same database uses.
_AUDIT_LOCK: Final = text("SELECT pg_advisory_xact_lock(1785229314)")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what to whom, when."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail_json: str
    previous_hash: str
    hash: str


class AuditHead(NamedTuple):
    """The last row of the audit at some time, to be noted outside of the store."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a look at the whole chain found.

    ``rows`` is how many rows were looked at, ``first_bad_seq`` the first number at which the
    chain is not what was written.
    """

    rows: int
    ok: bool
    first_bad_seq: int | None = None
    reason: str = ""
    head: AuditHead | None = None


def append(
    tx: Transaction,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> AuditRow:
    """Add a row, in the transaction of the change that it tells of."""
    if tx.dialect.name == "postgresql":
        tx.execute(_AUDIT_LOCK)
    head = tx.execute(
        select(_COLUMNS.seq, _COLUMNS.hash).order_by(_COLUMNS.seq.desc()).limit(1)
    ).first()
    seq, previous = (1, GENESIS) if head is None else (head.seq + 1, head.hash)
    who, what, whom = (_shorten(clean_text(name)) for name in (actor, action, subject))
    kept = _render_detail(detail or {})
    digest = _hash_row([seq, render_time(at), who, what, whom, kept, previous])
    row = AuditRow(seq, at.astimezone(UTC), who, what, whom, kept, previous, digest)
    tx.execute(
        insert(audit),
        {
            "seq": row.seq,
            "at": row.at,
            "actor": row.actor,
            "action": row.action,
            "subject": row.subject,
            "detail": row.detail_json,
            "previous_hash": row.previous_hash,
            "hash": row.hash,
        },
    )
    return row


def list_audit(tx: Transaction, *, limit: int = 50, before: int | None = None) -> list[AuditRow]:
    """List rows, newest first, those below the number ``before``."""
    query = select(audit).order_by(_COLUMNS.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(_COLUMNS.seq < before)
    return [_read(row) for row in tx.execute(query)]


def verify(tx: Transaction, *, expected: AuditHead | None = None) -> Verification:
    """Follow the chain from its first row to its last.

    Parameters
    ----------
    expected
        A head that was noted before; without it, rows removed from the end are not missed.
    """
    head = AuditHead(0, GENESIS)
    rows = 0
    with _stream(tx) as stream:
        for row in stream:
            rows += 1
            bad, reason = _find_fault(row, head, expected)
            if reason:
                return Verification(rows, ok=False, first_bad_seq=bad, reason=reason)
            head = AuditHead(row[0], row[-1])
    if expected is not None and expected.seq > head.seq:
        reason = f"rows from {head.seq + 1} to {expected.seq} are missing at the end"
        return Verification(rows, ok=False, first_bad_seq=head.seq + 1, reason=reason)
    return Verification(rows, ok=True, head=head if rows else None)


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
    )


def _stream(tx: Transaction) -> Result[Any]:
    # On SQLite the text of the time itself is checked, not only the time that it means.
    at = type_coerce(_COLUMNS.at, String) if tx.dialect.name == "sqlite" else _COLUMNS.at
    query = select(
        _COLUMNS.seq,
        at,
        _COLUMNS.actor,
        _COLUMNS.action,
        _COLUMNS.subject,
        _COLUMNS.detail,
        _COLUMNS.previous_hash,
        _COLUMNS.hash,
    )
    return tx.execute(query.order_by(_COLUMNS.seq), execution_options={"yield_per": 2000})


def _find_fault(row: Row[Any], head: AuditHead, expected: AuditHead | None) -> tuple[int, str]:
    seq, at, *rest, previous, found = tuple(row)
    due = head.seq + 1
    if seq != due:
        if seq < due:
            return seq, f"row {seq} stands before the first one"
        return due, f"row {due} is missing; the next one is {seq}"
    if previous != head.hash:
        return seq, f"row {seq} does not follow from the row before it"
    try:
        stored = render_time(at) if isinstance(at, datetime) else at
        digest = _hash_row([seq, stored, *rest, previous])
    except TypeError:
        digest = ""  # bytes in a text: nothing that was ever written here
    if digest != found:
        return seq, f"row {seq} is not what was written"
    if expected is not None and expected.seq == seq and expected.hash != found:
        return seq, f"row {seq} is not the one that was noted before"
    return 0, ""


def _hash_row(fields: list[Any]) -> str:
    return hashlib.sha256(_PREFIX + json.dumps(fields, separators=(",", ":")).encode()).hexdigest()


def _render_detail(detail: Mapping[str, Any]) -> str:
    rendered = json.dumps(detail, sort_keys=True, separators=(",", ":"), default=str)
    if len(rendered) <= LONGEST_DETAIL:
        return rendered
    # JSON cannot be cut and stay JSON; escapes may make the quoted part twice as long.
    part = {"begins": rendered[: LONGEST_DETAIL // 3], "characters": len(rendered)}
    return json.dumps(part, sort_keys=True, separators=(",", ":"))


def _shorten(text_: str) -> str:
    return text_ if len(text_) <= LONGEST_NAME else f"{text_[: LONGEST_NAME - 1]}…"
