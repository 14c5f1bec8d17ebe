"""Suspensions that hold now, and the shares that were revoked with them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import bindparam, delete, insert, select

from jupyterhub_platform.core.suspensions import RevokedShare, Suspension
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import revoked_share, suspension

_SUSPENDED = suspension.c


def list_suspensions(tx: Transaction) -> dict[str, Suspension]:
    """Return every suspension by the name of whom it keeps out."""
    rows = tx.execute(select(suspension).order_by(_SUSPENDED.name))
    return {row.name: Suspension(row.reason, row.until, row.by_name, row.at) for row in rows}


def put_suspensions(tx: Transaction, new: Mapping[str, Suspension]) -> None:
    """Suspend users, or replace the reason and the end of their suspension."""
    remove_suspensions(tx, new)
    rows = [
        {"name": name, "reason": s.reason, "until": s.until, "by_name": s.by, "at": s.since}
        for name, s in new.items()
    ]
    if rows:
        tx.execute(insert(suspension), rows)


def remove_suspensions(tx: Transaction, names: Iterable[str]) -> None:
    """Lift suspensions."""
    rows = [{"who": name} for name in names]
    if rows:
        tx.execute(delete(suspension).where(_SUSPENDED.name == bindparam("who")), rows)


def keep_shares(tx: Transaction, shares: Sequence[RevokedShare]) -> None:
    """Remember shares that are about to be revoked; each once, as it was last."""
    forget_shares(tx, shares)
    for share in shares:
        tx.execute(insert(revoked_share), asdict(share))


def list_shares(tx: Transaction) -> list[RevokedShare]:
    """List the shares that were revoked and not restored."""
    query = select(revoked_share).order_by(*revoked_share.primary_key)
    return [RevokedShare(*tuple(row)) for row in tx.execute(query)]


def forget_shares(tx: Transaction, shares: Sequence[RevokedShare]) -> None:
    """Forget shares that were restored, or no longer can be."""
    for share in shares:
        same = (column == getattr(share, column.name) for column in revoked_share.primary_key)
        tx.execute(delete(revoked_share).where(*same))
