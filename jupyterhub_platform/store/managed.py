"""Managed objects: each as it is now, and every change of one as a revision."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

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


def put_objects(tx: Transaction, new: Collection[ManagedObject]) -> None:
    """Make objects, or replace them; each once."""
    remove_objects(tx, [each.key for each in new])
    rows = [
        {
            "kind": str(each.key.kind),
            "name": each.key.name,
            "document": _render(each.document),
            "version": each.version,
            "by_name": each.by,
            "at": each.at,
        }
        for each in new
    ]
    if rows:
        tx.execute(insert(managed_object), rows)


def remove_objects(tx: Transaction, keys: Collection[Key]) -> None:
    """Remove objects; their revisions stay."""
    same = (_OBJECT.kind == bindparam("kind_of"), _OBJECT.name == bindparam("name_of"))
    rows = [{"kind_of": str(key.kind), "name_of": key.name} for key in keys]
    if rows:
        tx.execute(delete(managed_object).where(*same), rows)


def record_revisions(tx: Transaction, revisions: Collection[ManagedRevision]) -> None:
    """Record changes."""
    rows = [
        {
            "number": each.number,
            "kind": str(each.key.kind),
            "name": each.key.name,
            "before": None if each.before is None else _render(each.before),
            "after": None if each.after is None else _render(each.after),
            "actor": each.actor,
            "reason": each.reason,
            "at": each.at,
        }
        for each in revisions
    ]
    if rows:
        tx.execute(insert(managed_revision), rows)


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
