"""Notices, which are entered with the change that they tell of, and delivered after it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from jupyterhub_platform.core.notices import (
    MAX_AGE,
    Channel,
    Event,
    Notice,
    NoticeState,
    make_notices,
    next_attempt,
)
from jupyterhub_platform.store import audit, notices
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store

LEASE: Final = timedelta(minutes=2)
"""The time that one attempt may take, which is longer than any sender waits."""
KEPT: Final = timedelta(days=30)
MAX_AN_HOUR: Final = 20
"""The number of requests of one user that others are told of within an hour."""
_CAUSED_BY_USERS: Final = frozenset({Event.REQUEST_MADE, Event.REQUEST_WITHDRAWN})
_HOUR: Final = timedelta(hours=1)
_MAX_ERROR: Final = 300


@dataclass(frozen=True, slots=True)
class Notify:
    """Enters notices into the outbox; nothing where no channel is configured."""

    channels: frozenset[Channel] = frozenset()

    def enter(
        self,
        transaction: Transaction,
        event: Event,
        about: str,
        facts: Mapping[str, Any],
        recipients: Iterable[str],
        at: datetime,
        *,
        by: str,
    ) -> list[Notice]:
        """Tell ``recipients`` of what ``by`` did, in the transaction that records it.

        Further requests of a user within the same hour are only shown on the page, so that no
        mailbox is filled.
        """
        if event in _CAUSED_BY_USERS:
            recent = notices.count_events(transaction, by, event, at - _HOUR)
            if recent >= MAX_AN_HOUR:
                return []
        new = make_notices(event, about, facts, recipients, self.channels, at)
        notices.add_notices(transaction, new, by)
        return new


SILENT: Final = Notify()


@dataclass(frozen=True, slots=True)
class ChannelState:
    """The number of notices of a channel in each state, and the error of the newest failure."""

    channel: Channel
    counts: Mapping[NoticeState, int]
    error: str


class Outbox:
    """Notices in the store. Its methods may take long: call them in a thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, channel: Channel, now: datetime) -> Notice | None:
        """Take the next due notice for one attempt; ``None`` if there is none."""
        with self._store.read() as transaction:
            if not notices.is_any_due(transaction, channel, now):
                return None
        with self._store.begin() as transaction:
            return notices.take_notice(transaction, channel, now, LEASE)

    def settle(self, done: Notice, state: NoticeState, now: datetime, error: str = "") -> None:
        """Note that a notice was delivered or skipped, or cannot be delivered."""
        with self._store.begin() as transaction:
            notices.settle_notice(transaction, done, state, now, error[:_MAX_ERROR])

    def postpone(self, tried: Notice, now: datetime, error: str) -> NoticeState:
        """Note a failed attempt, and plan the next one; after the last the notice has failed."""
        next_at = next_attempt(tried, now)
        if next_at is None:
            self.settle(tried, NoticeState.FAILED, now, error)
            return NoticeState.FAILED
        with self._store.begin() as transaction:
            notices.postpone_notice(transaction, tried, next_at, error[:_MAX_ERROR])
        return NoticeState.WAITING

    def retry(self, id_: str, by: str, now: datetime) -> Notice | None:
        """Have an undelivered notice sent again; ``None`` if there is no such notice."""
        with self._store.begin() as transaction:
            if not notices.retry_notice(transaction, id_, now):
                return None
            audit.append(
                transaction, at=now, actor=by, action="notice.retried", subject=id_, detail={}
            )
            return notices.find_notice(transaction, id_)

    def test(
        self, notify: Notify, about: str, recipient: str, by: str, now: datetime
    ) -> list[Notice]:
        """Enter a test notice for each channel."""
        with self._store.begin() as transaction:
            new = notify.enter(transaction, Event.TEST, about, {}, [recipient], now, by=by)
            audit.append(
                transaction, at=now, actor=by, action="notice.tested", subject=recipient, detail={}
            )
        return new

    def list_newest(self, state: NoticeState | None, limit: int) -> list[Notice]:
        """Return notices, the newest first."""
        with self._store.read() as transaction:
            return notices.list_notices(transaction, state=state, limit=limit)

    def read_states(self) -> list[ChannelState]:
        """Return the state of each channel."""
        with self._store.read() as transaction:
            counts = notices.count_notices(transaction)
            return [
                ChannelState(
                    channel,
                    {state: counts[channel, state] for state in NoticeState},
                    notices.find_last_error(transaction, channel),
                )
                for channel in Channel
            ]

    def count_waiting(self, channel: Channel) -> int:
        """Count the notices of a channel that wait."""
        with self._store.read() as transaction:
            return notices.count_waiting(transaction, channel)

    def tidy(self, now: datetime) -> None:
        """Give up notices that waited for too long, and remove old ones."""
        with self._store.begin() as transaction:
            too_old = now - MAX_AGE
            notices.fail_older(transaction, too_old, now, "It was not sent in time.")
            notices.forget_older(transaction, now - KEPT)
