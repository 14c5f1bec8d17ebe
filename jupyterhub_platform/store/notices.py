"""The outbox of notices, and the grants whose ends are watched."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from jupyterhub_platform.core.notices import Channel, Event, Notice, NoticeState
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import notice, watched_grant

_COLUMN = notice.c
_WAITING = str(NoticeState.WAITING)


def add_notices(tx: Transaction, new: Iterable[Notice], by: str) -> None:
    """Enter notices of what ``by`` did, except for those whose id is there already."""
    for each in new:
        if tx.execute(select(_COLUMN.id).where(_COLUMN.id == each.id)).first() is None:
            tx.execute(
                insert(notice),
                {
                    "id": each.id,
                    "event": str(each.event),
                    "channel": str(each.channel),
                    "recipients": json.dumps(list(each.recipients), ensure_ascii=False),
                    "facts": json.dumps(dict(each.facts), ensure_ascii=False, sort_keys=True),
                    "actor": by,
                    "at": each.at,
                    "state": str(each.state),
                    "attempts": each.attempts,
                    "next_at": each.next_at or each.at,
                    "error": each.error,
                    "done_at": each.done_at,
                },
            )


def count_events(tx: Transaction, by: str, event: Event, since: datetime) -> int:
    """Count the events caused ``by`` a user since an instant that others were told of."""
    same = (_COLUMN.actor == by, _COLUMN.at >= since, _COLUMN.event == str(event))
    query = select(func.count(_COLUMN.at.distinct())).where(*same)
    return int(tx.execute(query).scalar_one())


def is_any_due(tx: Transaction, channel: Channel, now: datetime) -> bool:
    """Tell whether a notice may be sent at ``now``."""
    return tx.execute(select(_COLUMN.id).where(*_due(channel, now)).limit(1)).first() is not None


def take_notice(
    tx: Transaction, channel: Channel, now: datetime, lease: timedelta
) -> Notice | None:
    """Take the notice that waits longest, for one attempt; None if there is none.

    No other process gets it before the ``lease`` is over: by then it was sent, or the one that
    took it is gone. A row that another process takes at this moment is passed over.
    """
    oldest = select(notice).where(*_due(channel, now)).order_by(_COLUMN.next_at, _COLUMN.id)
    row = tx.execute(oldest.limit(1).with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    values = {"attempts": row.attempts + 1, "next_at": now + lease}
    tx.execute(update(notice).where(_COLUMN.id == row.id).values(**values))
    return find_notice(tx, row.id)


def settle_notice(
    tx: Transaction, done: Notice, state: NoticeState, now: datetime, error: str = ""
) -> None:
    """Note the final outcome of a notice, unless another attempt has begun since."""
    values = {"state": str(state), "error": error, "done_at": now}
    tx.execute(update(notice).where(*_same_attempt(done)).values(**values))


def postpone_notice(tx: Transaction, tried: Notice, next_at: datetime, error: str) -> None:
    """Note that the last attempt failed, and when the next one is due."""
    values = {"next_at": next_at, "error": error}
    tx.execute(update(notice).where(*_same_attempt(tried)).values(**values))


def retry_notice(tx: Transaction, id_: str, now: datetime) -> bool:
    """Have a notice that was not delivered sent again, as if it were new; False if there is none.

    ``at`` stays what it was: when the event happened.
    """
    undelivered = (_COLUMN.id == id_, _COLUMN.state != str(NoticeState.DELIVERED))
    values = {"state": _WAITING, "attempts": 0, "next_at": now, "done_at": None}
    return tx.execute(update(notice).where(*undelivered).values(**values)).rowcount == 1


def find_notice(tx: Transaction, id_: str) -> Notice | None:
    """Return a notice, or None if there is none of this id."""
    row = tx.execute(select(notice).where(_COLUMN.id == id_)).first()
    return None if row is None else _read(row)


def list_notices(
    tx: Transaction, *, state: NoticeState | None = None, limit: int = 100
) -> list[Notice]:
    """Return notices, the newest first."""
    query = select(notice).order_by(_COLUMN.at.desc(), _COLUMN.id).limit(limit)
    if state is not None:
        query = query.where(_COLUMN.state == str(state))
    return [_read(row) for row in tx.execute(query)]


def count_notices(tx: Transaction) -> Counter[tuple[Channel, NoticeState]]:
    """Count the notices on record, by channel and state."""
    query = select(_COLUMN.channel, _COLUMN.state, func.count().label("number"))
    rows = tx.execute(query.group_by(_COLUMN.channel, _COLUMN.state))
    return Counter({(Channel(row.channel), NoticeState(row.state)): row.number for row in rows})


def count_waiting(tx: Transaction, channel: Channel) -> int:
    """Count the notices of a channel that wait."""
    waiting = (_COLUMN.state == _WAITING, _COLUMN.channel == str(channel))
    return int(tx.execute(select(func.count()).select_from(notice).where(*waiting)).scalar_one())


def find_last_error(tx: Transaction, channel: Channel) -> str:
    """Return why the newest notice that waits after an attempt, or failed, was not delivered."""
    undelivered = (_COLUMN.channel == str(channel), _COLUMN.error != "")
    states = (_WAITING, str(NoticeState.FAILED))
    query = select(_COLUMN.error).where(*undelivered, _COLUMN.state.in_(states))
    row = tx.execute(query.order_by(_COLUMN.at.desc()).limit(1)).first()
    return row.error if row else ""


def fail_older(tx: Transaction, before: datetime, now: datetime, error: str) -> int:
    """Mark notices that wait since ``before`` as failed, and return their number."""
    old = (_COLUMN.state == _WAITING, _COLUMN.next_at < before)
    values = {"state": str(NoticeState.FAILED), "done_at": now, "error": error}
    return int(tx.execute(update(notice).where(*old).values(**values)).rowcount)


def forget_older(tx: Transaction, before: datetime) -> None:
    """Delete what was delivered, skipped or failed before an instant."""
    tx.execute(delete(notice).where(_COLUMN.state != _WAITING, _COLUMN.done_at < before))


def _due(channel: Channel, now: datetime) -> tuple[Any, ...]:
    return (
        _COLUMN.state == _WAITING,
        _COLUMN.channel == str(channel),
        _COLUMN.next_at <= now,
    )


def _same_attempt(tried: Notice) -> tuple[Any, ...]:
    return (
        _COLUMN.id == tried.id,
        _COLUMN.state == _WAITING,
        _COLUMN.attempts == tried.attempts,
    )


def _read(row: "Row[tuple[object, ...]]") -> Notice:
    return Notice(
        row.id,
        Event(row.event),
        Channel(row.channel),
        tuple(json.loads(row.recipients)),
        json.loads(row.facts),
        row.at,
        NoticeState(row.state),
        row.attempts,
        row.next_at,
        row.error,
        row.done_at,
    )


# -- grants ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WatchedGrant:
    """A live grant as it was seen last, and when its end is announced; None once it was."""

    id: str
    facts: dict[str, Any]
    until: datetime
    announce_at: datetime | None


def list_watched(tx: Transaction) -> dict[str, WatchedGrant]:
    """Return the grants that are watched, by id."""
    return {
        row.id: WatchedGrant(row.id, json.loads(row.facts), row.until, row.announce_at)
        for row in tx.execute(select(watched_grant))
    }


def put_watched(tx: Transaction, grant: WatchedGrant) -> None:
    """Watch a grant, or note what it says by now."""
    remove_watched(tx, grant.id)
    tx.execute(
        insert(watched_grant),
        {
            "id": grant.id,
            "facts": json.dumps(grant.facts, ensure_ascii=False, sort_keys=True),
            "until": grant.until,
            "announce_at": grant.announce_at,
        },
    )


def remove_watched(tx: Transaction, id_: str) -> None:
    """Watch a grant no longer."""
    tx.execute(delete(watched_grant).where(watched_grant.c.id == id_))
