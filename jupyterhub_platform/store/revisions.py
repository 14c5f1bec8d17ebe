"""The history of the policy: revisions of the file and of managed objects, as one series."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, case, func, literal, select, union_all

from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import managed_revision, policy_revision

_FILE = policy_revision.c
_OBJECT = managed_revision.c


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """One revision, without its documents. ``key`` is None for one of the file.

    ``made`` and ``retired`` say whether it is the first or the last one of its object. ``grant`` is
    what a grant says, whose name is only an id.
    """

    number: int
    key: Key | None
    source: str
    actor: str
    reason: str
    at: datetime
    made: bool
    retired: bool
    grant: Mapping[str, Any] | None = None


def find_rows(
    tx: Transaction,
    *,
    words: Sequence[str] = (),
    limit: int = 50,
    offset: int = 0,
    before: int | None = None,
) -> tuple[list[RevisionRow], int]:
    """Return revisions in which each word occurs, the newest first, and how many there are.

    Those that are returned came before the revision ``before``, if it is named.
    """
    rows = _select_rows(words).subquery()
    total = int(tx.execute(select(func.count()).select_from(rows)).scalar() or 0)
    part = select(rows).order_by(rows.c.number.desc()).limit(limit).offset(offset)
    if before is not None:
        part = part.where(rows.c.number < before)
    return [_read(row) for row in tx.execute(part)], total


def get_row(tx: Transaction, number: int) -> RevisionRow | None:
    """Return one revision; ``None`` if there is none of this number."""
    rows = _select_rows(()).subquery()
    found = tx.execute(select(rows).where(rows.c.number == number)).first()
    return _read(found) if found is not None else None


def count_objects(tx: Transaction, since: int) -> int:
    """Count the changes of managed objects after a revision."""
    query = select(func.count()).select_from(managed_revision).where(_OBJECT.number > since)
    return int(tx.execute(query).scalar() or 0)


def previous_file(tx: Transaction, number: int) -> int | None:
    """Return the number of the revision of the file before ``number``; ``None`` if none was."""
    query = select(func.max(_FILE.number)).where(_FILE.number < number)
    found = tx.execute(query).scalar()
    return None if found is None else int(found)


def _select_rows(words: Sequence[str]) -> CompoundSelect[Any]:
    of_file = select(
        _FILE.number,
        literal("").label("kind"),
        literal("").label("name"),
        _FILE.source.label("source"),
        _FILE.actor,
        literal("").label("reason"),
        _FILE.at,
        literal(0).label("made"),
        literal(0).label("retired"),
        literal("").label("document"),
    )
    of_object = select(
        _OBJECT.number,
        _OBJECT.kind,
        _OBJECT.name,
        literal("").label("source"),
        _OBJECT.actor,
        _OBJECT.reason,
        _OBJECT.at,
        case((_OBJECT.before.is_(None), 1), else_=0).label("made"),
        case((_OBJECT.after.is_(None), 1), else_=0).label("retired"),
        case(
            (_OBJECT.kind == str(Kind.GRANT), func.coalesce(_OBJECT.after, _OBJECT.before)),
            else_="",
        ).label("document"),
    )
    return union_all(
        _having(of_file, words, literal("file ") + _FILE.source + " " + _FILE.actor),
        _having(
            of_object,
            words,
            _OBJECT.kind + " " + _OBJECT.name + " " + _OBJECT.actor + " " + _OBJECT.reason,
        ),
    )


def _having(query: Select[Any], words: Sequence[str], text: ColumnElement[str]) -> Select[Any]:
    for word in words:
        query = query.where(func.lower(text).contains(word.lower(), autoescape=True))
    return query


def _read(row: Any) -> RevisionRow:
    key = Key(Kind(row.kind), row.name) if row.kind else None
    return RevisionRow(
        row.number,
        key,
        row.source,
        row.actor,
        row.reason,
        row.at,
        bool(row.made),
        bool(row.retired),
        json.loads(row.document) if row.document else None,
    )
