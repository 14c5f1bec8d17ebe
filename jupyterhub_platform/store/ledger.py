"""The ledger of what was held: a row for each admitted start, which is only ever released once.

The row carries the decision that admitted it; :mod:`.decision_log` reads it from there.
"""

import functools
import json
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Row,
    case,
    func,
    literal,
    select,
    update,
)

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.store.column_types import UtcTime
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.prepared import PreparedInsert
from jupyterhub_platform.store.schema import reservation
from jupyterhub_platform.store.server_rows import is_of_server

_HELD = reservation.c
_OPEN = PreparedInsert(
    reservation,
    (
        *("id", "user", "server", "spawner_id", "account", "tier", "size", "image", "demand"),
        *("policy_revision", "observed", "codes", "sentence", "decision", "requested_by"),
        *("opened_at", "ends_at", "idle_seconds"),
    ),
)
"""Every admission executes it, in the Hub's loop."""


def open_reservation(
    tx: Transaction,
    held: Reservation,
    *,
    decision_json: str,
    policy_revision: int,
    observed: bool = False,
    codes: Iterable[str] = (),
    sentence: str = "",
    requested_by: str = "",
) -> None:
    """Record an admitted start and what it holds from now on."""
    _OPEN.execute(
        tx,
        {
            "id": held.id,
            "user": held.user,
            "server": held.server,
            "spawner_id": held.spawner_id,
            "account": held.account,
            "tier": held.tier,
            "size": held.size,
            "image": held.image,
            "demand": json.dumps(dict(held.demand.items_), separators=(",", ":")),
            "policy_revision": policy_revision,
            "observed": observed,
            "codes": " ".join(codes),
            "sentence": sentence,
            "decision": decision_json,
            "requested_by": requested_by,
            "opened_at": held.opened_at,
            "ends_at": held.ends_at,
            "idle_seconds": held.idle_timeout and round(held.idle_timeout.total_seconds()),
        },
    )


def mark_ready(tx: Transaction, reservation_id: str, at: datetime) -> bool:
    """Enter when a server became ready; False if that is known, or it holds nothing any more."""
    query = update(reservation).where(
        _HELD.id == reservation_id, _HELD.released_at.is_(None), _HELD.ready_at.is_(None)
    )
    return tx.execute(query.values(ready_at=_not_before_opened(at))).rowcount == 1


def release(tx: Transaction, reservation_id: str, at: datetime, reason: str) -> bool:
    """Enter that a reservation holds nothing any more; True exactly once for each."""
    query = update(reservation).where(_HELD.id == reservation_id, _HELD.released_at.is_(None))
    values = {"released_at": _not_before_opened(at), "release_reason": reason}
    return tx.execute(query.values(values)).rowcount == 1


def _not_before_opened(at: datetime) -> ColumnElement[datetime]:
    """Return ``at``, or the row's own beginning where the clock was set back since."""
    return case((_HELD.opened_at > at, _HELD.opened_at), else_=literal(at, UtcTime))


def list_open(tx: Transaction) -> list[Reservation]:
    """List what is held, oldest first."""
    # Sorted here: SQLite would follow the index by time, through all that was ever held.
    rows = tx.execute(select(reservation).where(_HELD.released_at.is_(None)))
    held = map(read_reservation, rows)
    return sorted(held, key=lambda each: (each.opened_at, each.id))


class OpenMark(NamedTuple):
    """By what it is seen that other servers are held than before, without reading them.

    A row is opened once and released once: each raises ``opened`` or ``released``, or changes
    ``held`` alone, how many they are, where the clock was set back.
    """

    held: int
    opened: tuple[datetime, str] | None
    released: datetime | None


def read_mark(tx: Transaction) -> OpenMark:
    """Read how many are held, and what was opened and released last; each by an index."""
    count = select(func.count()).select_from(reservation).where(_HELD.released_at.is_(None))
    newest = select(_HELD.opened_at, _HELD.id).order_by(_HELD.opened_at.desc(), _HELD.id.desc())
    opened = tx.execute(newest.limit(1)).first()
    ended = select(func.max(_HELD.released_at)).where(_HELD.released_at.is_not(None))
    return OpenMark(
        int(tx.execute(count).scalar_one()),
        (opened.opened_at, opened.id) if opened is not None else None,
        tx.execute(ended).scalar(),
    )


def list_open_since(tx: Transaction, since: datetime) -> list[Reservation]:
    """List what is held and was opened at ``since`` or later, oldest first."""
    query = select(reservation).where(_HELD.opened_at >= since, _HELD.released_at.is_(None))
    return [read_reservation(row) for row in tx.execute(query.order_by(_HELD.opened_at, _HELD.id))]


def list_released_since(tx: Transaction, since: datetime) -> list[str]:
    """List the ids of what was released at ``since`` or later."""
    return list(tx.execute(select(_HELD.id).where(_HELD.released_at >= since)).scalars())


def list_open_ids(tx: Transaction) -> set[str]:
    """List the ids of what is held."""
    return set(tx.execute(select(_HELD.id).where(_HELD.released_at.is_(None))).scalars())


def find_open(tx: Transaction, user: str, server: str) -> Reservation | None:
    """Return what a server holds, the newest if there is more than one."""
    query = select(reservation).where(
        _HELD.user == user, _HELD.server == server, _HELD.released_at.is_(None)
    )
    row = tx.execute(query.order_by(_HELD.opened_at.desc(), _HELD.id.desc()).limit(1)).first()
    return None if row is None else read_reservation(row)


def find_last_account(tx: Transaction, user: str) -> str:
    """Return what was charged for the server of a user that ended last; empty if none has."""
    ended = select(_HELD.account).where(_HELD.user == user, _HELD.released_at.is_not(None))
    ended = ended.where(is_of_server())
    account = tx.execute(ended.order_by(_HELD.released_at.desc()).limit(1)).scalar()
    return account or ""


def find_release(tx: Transaction, reservation_id: str) -> tuple[datetime, str] | None:
    """Return when and why a reservation was released; ``None`` if it is open or unknown."""
    query = select(_HELD.released_at, _HELD.release_reason).where(_HELD.id == reservation_id)
    row = tx.execute(query.where(_HELD.released_at.is_not(None))).first()
    return None if row is None else (row.released_at, row.release_reason or "")


def read_reservation(row: Row[Any]) -> Reservation:
    """Read what a row of the ledger says was held.

    Names and amounts of thousands of rows are the same few objects, which the policy has, too.
    """
    return Reservation(
        id=row.id,
        user=sys.intern(row.user),
        server=sys.intern(row.server),
        spawner_id=row.spawner_id,
        account=sys.intern(row.account),
        tier=sys.intern(row.tier),
        size=sys.intern(row.size or ""),
        image=sys.intern(row.image),
        demand=_read_demand(row.demand),
        opened_at=row.opened_at,
        ends_at=row.ends_at,
        idle_timeout=timedelta(seconds=row.idle_seconds) if row.idle_seconds else None,
    )


@functools.lru_cache(maxsize=256)
def _read_demand(text: str) -> Resources:
    return Resources.of(json.loads(text))
