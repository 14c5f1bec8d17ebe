"""What is managed in the Hub: each object as it is now, and every change of one as a revision."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from jupyterhub_platform.core.managed import Key, Kind, ManagedObject
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import managed_object, managed_revision

_OBJECT = managed_object.c
_REVISION = managed_revision.c


@dataclass(frozen=True, slots=True)
class ManagedRevision:
    """One change of an object: ``before`` is None where it was made, ``after`` where it ended."""

    number: int
    key: Key
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    actor: str
    reason: str
    at: datetime


def list_objects(tx: Transaction) -> dict[Key, ManagedObject]:
    """Return every object that is managed now."""
    rows = tx.execute(select(managed_object).order_by(_OBJECT.kind, _OBJECT.name))
    found = (
        ManagedObject(
            Key(Kind(row.kind), row.name),
            json.loads(row.document),
            row.version,
            row.by_name,
            row.at,
        )
        for row in rows
    )
    return {each.key: each for each in found}


def put_object(tx: Transaction, new: ManagedObject) -> None:
    """Make an object, or replace it."""
    kind, name = new.key
    values = {
        "document": _render(new.document),
        "version": new.version,
        "by_name": new.by,
        "at": new.at,
    }
    same = (_OBJECT.kind == str(kind), _OBJECT.name == name)
    if tx.execute(update(managed_object).where(*same).values(**values)).rowcount == 0:
        tx.execute(insert(managed_object), {"kind": str(kind), "name": name, **values})


def remove_object(tx: Transaction, key: Key) -> None:
    """Remove an object; its revisions stay."""
    same = (_OBJECT.kind == str(key.kind), _OBJECT.name == key.name)
    tx.execute(delete(managed_object).where(*same))


def record_revision(tx: Transaction, revision: ManagedRevision) -> None:
    """Record a change."""
    before, after = revision.before, revision.after
    tx.execute(
        insert(managed_revision),
        {
            "number": revision.number,
            "kind": str(revision.key.kind),
            "name": revision.key.name,
            "before": None if before is None else _render(before),
            "after": None if after is None else _render(after),
            "actor": revision.actor,
            "reason": revision.reason,
            "at": revision.at,
        },
    )


def list_revisions(
    tx: Transaction, *, since: int = 0, until: int | None = None, limit: int | None = 100
) -> list[ManagedRevision]:
    """Return the changes after revision ``since``, up to ``until``, the newest first."""
    query = (
        select(managed_revision)
        .where(_REVISION.number > since)
        .order_by(_REVISION.number.desc())
        .limit(limit)
    )
    if until is not None:
        query = query.where(_REVISION.number <= until)
    return [
        ManagedRevision(
            row.number,
            Key(Kind(row.kind), row.name),
            None if row.before is None else json.loads(row.before),
            None if row.after is None else json.loads(row.after),
            row.actor,
            row.reason,
            row.at,
        )
        for row in tx.execute(query)
    ]


def _render(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True)
