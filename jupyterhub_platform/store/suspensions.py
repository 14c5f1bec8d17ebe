"""Who is suspended now, and the shares that were revoked with it."""

from collections.abc import Iterable
from dataclasses import astuple
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from jupyterhub_platform.core.suspensions import RevokedShare, Suspension
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import revoked_share, suspension

_SUSPENDED = suspension.c
_SHARED = revoked_share.c


def list_suspensions(tx: Transaction) -> dict[str, Suspension]:
    """Return every suspension by the name of whom it keeps out."""
    rows = tx.execute(select(suspension).order_by(_SUSPENDED.name))
    return {row.name: Suspension(row.reason, row.until, row.by_name, row.at) for row in rows}


def put_suspension(
    tx: Transaction, name: str, reason: str, until: datetime | None, by: str, at: datetime
) -> None:
    """Suspend somebody; who is suspended already, stays so with this reason and end."""
    values = {"reason": reason, "until": until, "by_name": by, "at": at}
    done = tx.execute(update(suspension).where(_SUSPENDED.name == name).values(**values))
    if done.rowcount == 0:
        tx.execute(insert(suspension), {"name": name, **values})


def remove_suspension(tx: Transaction, name: str) -> bool:
    """Lift a suspension; False if there is none."""
    return tx.execute(delete(suspension).where(_SUSPENDED.name == name)).rowcount == 1


def keep_shares(tx: Transaction, shares: Iterable[RevokedShare]) -> None:
    """Remember shares that are about to be revoked; those that are known already stay once."""
    known = {astuple(share)[:-1] for share in list_shares(tx)}
    new = [share for share in shares if astuple(share)[:-1] not in known]
    if new:
        names = [column.name for column in revoked_share.columns]
        rows = [dict(zip(names, astuple(share), strict=True)) for share in new]
        tx.execute(insert(revoked_share), rows)


def list_shares(tx: Transaction, suspended: str | None = None) -> list[RevokedShare]:
    """List the shares that were revoked and not given back, of one person or of all."""
    query = select(revoked_share).order_by(*revoked_share.primary_key)
    if suspended is not None:
        query = query.where(_SHARED.suspended == suspended)
    return [RevokedShare(*tuple(row)) for row in tx.execute(query)]


def forget_shares(tx: Transaction, suspended: str) -> None:
    """Forget the shares that ended with somebody's suspension: they were given back."""
    tx.execute(delete(revoked_share).where(_SHARED.suspended == suspended))
