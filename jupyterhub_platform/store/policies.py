"""Revisions of the policy, and which memberships it put into the Hub."""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, delete, func, insert, select

from jupyterhub_platform.core.errors import NotFoundError
from jupyterhub_platform.file_texts import FileText, split_files
from jupyterhub_platform.store.column_types import CleanText
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import applied_membership, managed_revision, policy_revision

_COLUMNS = policy_revision.c
_PACKED: Final = "zlib:base64:"
"""What a document that is kept compressed begins with; no policy can begin so."""
_MAX_UNPACKED: Final = 2**16
_NAME_BATCH: Final = 500
"""Names in one query: fewer than the variables that any SQLite allows."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of the policy, whole, as it was put into force."""

    number: int
    document_json: str
    digest: str
    source: str
    actor: str
    at: datetime


def record_revision(
    tx: Transaction, *, document_json: str, digest: str, source: str, actor: str, at: datetime
) -> int:
    """Record a policy and return its number; the one that is in force keeps its number."""
    newest = latest_key(tx)
    if newest is not None and newest[1] == digest:
        return latest_number(tx)
    number = latest_number(tx) + 1
    tx.execute(
        insert(policy_revision),
        {
            "number": number,
            "document": _pack(document_json),
            "digest": digest,
            "source": source,
            "actor": actor,
            "at": at,
        },
    )
    return int(number)


def _pack(document: str) -> str:
    """Keep a large document small: each change of one is a revision of its own."""
    if len(document) <= _MAX_UNPACKED:
        return document
    return _PACKED + b64encode(zlib.compress(document.encode(), level=6)).decode()


def _unpack(kept: str) -> str:
    if not kept.startswith(_PACKED):
        return kept
    return zlib.decompress(b64decode(kept.removeprefix(_PACKED))).decode()


def latest_key(tx: Transaction) -> tuple[int, str] | None:
    """Return number and digest of the newest revision, without reading its document."""
    query = select(_COLUMNS.number, _COLUMNS.digest).order_by(_COLUMNS.number.desc()).limit(1)
    newest = tx.execute(query).first()
    return (int(newest.number), str(newest.digest)) if newest is not None else None


def latest_number(tx: Transaction) -> int:
    """Return the number of the newest revision, of the file or of an object; 0 if there is none.

    Both are one series.
    """
    numbers = (_COLUMNS.number, managed_revision.c.number)
    return max(int(tx.execute(select(func.max(each))).scalar() or 0) for each in numbers)


def latest_revision(tx: Transaction) -> Revision | None:
    """Return the newest revision, or None if no policy was ever in force."""
    return next(iter(list_revisions(tx, limit=1)), None)


def get_revision(tx: Transaction, number: int) -> Revision:
    """Return the revision with ``number``.

    Raises
    ------
    NotFoundError
        Raised if there is none.
    """
    row = tx.execute(select(policy_revision).where(_COLUMNS.number == number)).first()
    if row is None:
        raise NotFoundError(f"there is no policy revision {number}")
    return _read(row)


def get_files(tx: Transaction, number: int | None) -> list[FileText]:
    """Return the files of the revision with ``number``; none for the one before the first.

    Raises
    ------
    NotFoundError
        Raised if there is none.
    """
    if not number:
        return []
    revision = get_revision(tx, number)
    return split_files(revision.document_json, Path(revision.source).name)


def list_revisions(
    tx: Transaction, *, limit: int = 50, before: int | None = None
) -> list[Revision]:
    """List revisions, newest first, those below the number ``before``."""
    query = select(policy_revision).order_by(_COLUMNS.number.desc()).limit(limit)
    if before is not None:
        query = query.where(_COLUMNS.number < before)
    return [_read(row) for row in tx.execute(query)]


def add_applied_memberships(tx: Transaction, pairs: Iterable[tuple[str, str]]) -> None:
    """Remember pairs of user and group that the policy puts into the Hub, each once."""
    columns = applied_membership.c
    rows = [{"user": user, "of": group} for user, group in pairs]
    if rows:
        known = and_(columns.user_name == bindparam("user"), columns.group_name == bindparam("of"))
        new = select(bindparam("user", type_=CleanText), bindparam("of", type_=CleanText))
        tx.execute(
            insert(applied_membership).from_select(
                [columns.user_name, columns.group_name],
                new.where(~select(applied_membership).where(known).exists()),
            ),
            rows,
        )


def drop_applied_memberships(tx: Transaction, pairs: Iterable[tuple[str, str]]) -> None:
    """Forget pairs of user and group."""
    columns = applied_membership.c
    rows = [{"user": user, "of": group} for user, group in pairs]
    if rows:
        both = and_(columns.user_name == bindparam("user"), columns.group_name == bindparam("of"))
        tx.execute(delete(applied_membership).where(both), rows)


def list_applied_memberships(
    tx: Transaction, users: Collection[str] | None = None
) -> set[tuple[str, str]]:
    """Return the pairs of user and group that the policy put into the Hub, of some users or all."""
    columns = applied_membership.c
    query = select(columns.user_name, columns.group_name)
    if users is not None:
        names, found = sorted(users), set[tuple[str, str]]()
        for first in range(0, len(names), _NAME_BATCH):
            some = columns.user_name.in_(names[first : first + _NAME_BATCH])
            found |= {(row.user_name, row.group_name) for row in tx.execute(query.where(some))}
        return found
    # Some at a time: the driver lets no other thread run while it makes a list of rows.
    rows = tx.execute(query, execution_options={"yield_per": 500})
    return {(row.user_name, row.group_name) for row in rows}


def _read(row: Row[Any]) -> Revision:
    return Revision(
        number=row.number,
        document_json=_unpack(row.document),
        digest=row.digest,
        source=row.source,
        actor=row.actor,
        at=row.at,
    )
