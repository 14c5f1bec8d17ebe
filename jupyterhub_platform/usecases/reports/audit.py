"""Lines of the audit, found by who, what, whom, when and how it ended."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.usage import parse_moment
from jupyterhub_platform.store.audit import AuditRow
from jupyterhub_platform.store.audit_search import MAX_NUMBER as MAX_NUMBER
from jupyterhub_platform.store.audit_search import AuditFilter, find_row, find_rows, result_of
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.reports.audit_words import say_event
from jupyterhub_platform.usecases.reports.cursors import (
    explain_cursor,
    parse_cursor,
    render_cursor,
)
from jupyterhub_platform.usecases.reports.paging import DEFAULT_LIMIT, QueryError, read_query

RESULTS: Final = ("done", "refused", "failed")
_MAX_TEXT: Final = 255

FILTERS: Final = frozenset({"actor", "action", "subject", "result", "since", "until"})
"""The arguments that choose rows, the same at every door."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """A row of the audit.

    ``sentence`` says it in words. ``via`` is the door, as far as the client said which one it is:
    ``page``, ``api``, ``cli``, or ``platform`` for what that did by itself; empty in rows from
    before that was recorded. ``detail`` has what changed, as ``before`` and ``after``.
    """

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    result: str
    reason: str
    via: str
    address: str
    sentence: str
    detail: Mapping[str, Any]
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditEvents:
    """A part of the audit.

    ``next`` is the ``cursor`` of the next part. ``go_on`` is the number from which that goes on, to
    be given as ``before``, or as ``after`` if that was given. Both are ``null`` at the end. A part
    may be empty and not be the last one.
    """

    items: tuple[AuditEvent, ...]
    limit: int
    go_on: int | None
    next: str | None


@dataclass(frozen=True, slots=True)
class AuditPart:
    """Which part of the audit is wanted: rows that match, below ``before`` or beyond ``after``."""

    wanted: AuditFilter = field(default_factory=AuditFilter)
    limit: int = DEFAULT_LIMIT
    before: int | None = None
    after: int | None = None


def read_part(arguments: Mapping[str, str], now: datetime) -> AuditPart:
    """Read which part is wanted; a time is an instant, or how long ago, such as ``2d``.

    Raises
    ------
    QueryError
        Raised if a result, a time or a number cannot be read.
    """
    result = arguments.get("result", "")
    if result and result not in RESULTS:
        raise QueryError(f"result is one of {', '.join(RESULTS)}; leave it out or correct it.")
    wanted = AuditFilter(
        actor=arguments.get("actor", "").strip()[:_MAX_TEXT],
        action=arguments.get("action", "").strip()[:_MAX_TEXT],
        subject=arguments.get("subject", "").strip()[:_MAX_TEXT],
        result=result,
        since=_read_time(arguments, "since", now),
        until=_read_time(arguments, "until", now),
    )
    limit = read_query({"limit": arguments.get("limit", "")}).limit
    before, after = (_read_number(arguments, name) for name in ("before", "after"))
    if before is not None and after is not None:
        raise QueryError("before lists newest first, and after oldest first; leave one out.")
    if arguments.get("cursor"):
        if before is not None or after is not None:
            raise QueryError("cursor says where to go on; leave before and after out.")
        direction, number = parse_cursor(arguments["cursor"], (str, int))
        if direction not in {"before", "after"} or not 0 <= number <= MAX_NUMBER:
            raise explain_cursor()
        before, after = (number, None) if direction == "before" else (None, number)
    return AuditPart(wanted, limit, before, after)


def _read_number(arguments: Mapping[str, str], name: str) -> int | None:
    text = arguments.get(name, "")
    number = _parse_number(text)
    if text and number is None:
        raise QueryError(f"{name} is the number of a row; leave it out or correct it.")
    return number


def _parse_number(text: str) -> int | None:
    is_one = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_NUMBER))
    return int(text) if is_one and int(text) <= MAX_NUMBER else None


def _read_time(arguments: Mapping[str, str], name: str, now: datetime) -> datetime | None:
    text = arguments.get(name, "").strip()
    if not text:
        return None
    try:
        return parse_moment(text, now)
    except QuantityError as error:
        raise QueryError(f"{name}: {error}.") from None


def report_audit(store: Store, part: AuditPart) -> AuditEvents:
    """Report rows that are wanted: newest first, or from ``after`` on, oldest first.

    Raises
    ------
    StoreError
        Raised if the store does not answer.
    """
    with store.read() as transaction:
        found = find_rows(
            transaction, part.wanted, limit=part.limit, before=part.before, after=part.after
        )
    direction = "before" if part.after is None else "after"
    further = None if found.go_on is None else render_cursor(direction, found.go_on)
    return AuditEvents(tuple(map(_event_of, found.rows)), part.limit, found.go_on, further)


def report_event(store: Store, number: str) -> AuditEvent | None:
    """Report the row with this number; ``None`` if there is none.

    Raises
    ------
    StoreError
        Raised if the store does not answer.
    """
    parsed = _parse_number(number)
    if parsed is None:
        return None
    with store.read() as transaction:
        row = find_row(transaction, parsed)
    return None if row is None else _event_of(row)


def list_changes(event: AuditEvent) -> tuple[tuple[str, str, str], ...]:
    """Return what changed, by key: as text before and after, empty where there was nothing."""
    before, after = (_as_mapping(event.detail.get(name)) for name in ("before", "after"))
    return tuple(
        (key, _as_text(before.get(key)), _as_text(after.get(key)))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    )


def _as_mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {} if value is None else {"": value}


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _event_of(row: AuditRow) -> AuditEvent:
    detail = _read_detail(row.detail_json)
    result, reason = result_of(row), str(detail.get("reason") or detail.get("sentence") or "")
    return AuditEvent(
        number=row.seq,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        result=result,
        reason=reason,
        via=row.via or "",
        address=row.address or "",
        sentence=say_event(row.actor, row.action, row.subject, result, detail),
        detail=detail,
        previous_hash=row.previous_hash,
        hash=row.hash,
    )


def _read_detail(text: str) -> Mapping[str, Any]:
    """Read a detail; one that was written past the platform is shown as it is."""
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    return read if isinstance(read, dict) else {"unreadable": text}
