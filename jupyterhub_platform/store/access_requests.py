"""Requests for access, and the answers to them."""

import json
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Row, insert, select, update

from jupyterhub_platform.core.access_requests import AccessRequest, RequestState, Wish
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import access_request

_COLUMN = access_request.c


def add_request(tx: Transaction, new: AccessRequest) -> None:
    """Enter a request."""
    tx.execute(
        insert(access_request),
        {
            "id": new.id,
            "user": new.user,
            "account": new.account,
            "kind": str(new.kind),
            "wish": json.dumps(dict(new.wish), ensure_ascii=False, sort_keys=True),
            "seconds": None if new.lasts is None else int(new.lasts.total_seconds()),
            "reason": new.reason,
            "at": new.at,
            "state": str(new.state),
        },
    )


def decide_request(
    tx: Transaction, id_: str, state: RequestState, by: str, at: datetime, answer: str
) -> bool:
    """Write the answer to an open request; False if it is not open any more."""
    same = (_COLUMN.id == id_, _COLUMN.state == str(RequestState.OPEN))
    values = {"state": str(state), "decided_by": by, "decided_at": at, "answer": answer}
    return tx.execute(update(access_request).where(*same).values(**values)).rowcount == 1


def find_request(tx: Transaction, id_: str) -> AccessRequest | None:
    """Return a request, or None if there is none of this id."""
    row = tx.execute(select(access_request).where(_COLUMN.id == id_)).first()
    return None if row is None else _read(row)


def list_requests(
    tx: Transaction,
    *,
    state: RequestState | None = None,
    user: str | None = None,
    accounts: Collection[str] | None = None,
    but_of: str | None = None,
    before: datetime | None = None,
    after: tuple[datetime, str] | None = None,
    oldest_first: bool = False,
    limit: int | None = 100,
) -> list[AccessRequest]:
    """Return requests, the newest first unless told, that match whatever is given.

    All are returned without a ``limit``. ``before`` is a time, and ``after`` the time and id of
    one that the list goes on after.
    """
    order = _COLUMN.at.asc() if oldest_first else _COLUMN.at.desc()
    query = select(access_request).order_by(order, _COLUMN.id).limit(limit)
    if but_of is not None:
        query = query.where(_COLUMN.user != but_of)
    if state is not None:
        query = query.where(_COLUMN.state == str(state))
    if user is not None:
        query = query.where(_COLUMN.user == user)
    if accounts is not None:
        query = query.where(_COLUMN.account.in_(sorted(accounts)))
    if after is not None:
        at, id_ = after
        query = query.where((_COLUMN.at < at) | ((_COLUMN.at == at) & (_COLUMN.id > id_)))
    if before is not None:
        query = query.where(_COLUMN.at < before)
    return [_read(row) for row in tx.execute(query)]


def list_open_askers(tx: Transaction, limit: int = 1000) -> list[tuple[str, str]]:
    """Return account and user of each open request, as few as a navigation bar needs."""
    query = select(_COLUMN.account, _COLUMN.user).where(_COLUMN.state == str(RequestState.OPEN))
    return [(row.account, row.user) for row in tx.execute(query.limit(limit))]


def _read(row: "Row[tuple[object, ...]]") -> AccessRequest:
    return AccessRequest(
        row.id,
        row.user,
        row.account,
        Wish(row.kind),
        json.loads(row.wish),
        None if row.seconds is None else timedelta(seconds=row.seconds),
        row.reason,
        row.at,
        RequestState(row.state),
        row.decided_by,
        row.decided_at,
        row.answer,
    )
