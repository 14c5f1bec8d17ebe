"""Who is suspended now, and the shares that were revoked with it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from jupyterhub_platform.core.suspensions import RevokedShare, Suspension
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import revoked_share, suspension

_SUSPENDED = suspension.c


def list_suspensions(tx: Transaction) -> dict[str, Suspension]:
    """Return every suspension by the name of whom it keeps out."""
    rows = tx.execute(select(suspension).order_by(_SUSPENDED.name))
    return {row.name: Suspension(row.reason, row.until, row.by_name, row.at) for row in rows}


def put_suspension(
    tx: Transaction, name: str, reason: str, until: datetime | None, by: str, at: datetime
) -> None:
    """Suspend a user, or replace the reason and the end of their suspension."""
    values = {"reason": reason, "until": until, "by_name": by, "at": at}
    done = tx.execute(update(suspension).where(_SUSPENDED.name == name).values(**values))
    if done.rowcount == 0:
        tx.execute(insert(suspension), {"name": name, **values})


def remove_suspension(tx: Transaction, name: str) -> bool:
    """Lift a suspension; False if there is none."""
    return tx.execute(delete(suspension).where(_SUSPENDED.name == name)).rowcount == 1


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
