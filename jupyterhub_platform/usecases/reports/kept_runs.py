"""The servers of the days that have no sums yet: those that ended are kept between reports.

Today some ten thousand servers run and as many have ended. A row that is over changes no more, so
that only new ones are read; what still runs is in the book.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.usage import Run, Usage, to_seconds
from jupyterhub_platform.store import usage_runs
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.usecases.book import Book

MAX_RUNS: Final = 100_000
"""Rows of the ledger that are added up for one report, which takes half a second."""

_REFILL_SECONDS: Final = 60.0
_EARLIER: Final = timedelta(minutes=1)
"""How long before the newest row others may be dated that were committed after it."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """What ended from ``since`` on, by id; the last of it ``until``."""

    since: datetime
    until: datetime
    runs: dict[str, Run]
    read_at: float


class KeptRuns:
    """Gives what was held since a day began. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: _Ended | None = None
        self._held: tuple[Book, dict[str, Run]] = (Book(), {})

    def read(self, tx: Transaction, book: Book, since: datetime) -> list[Run] | None:
        """Return the runs that overlap the time from ``since`` on; ``None`` if they are too many.

        What the ``book`` holds and the ledger knows as ended has ended.
        """
        with self._lock:
            before, held = self._held[1], self._held[1]
            if self._held[0] is not book:
                held = {each.id: before.get(each.id) or make_run(each) for each in book}
            ended = self._follow(tx, since)
            if not before.keys() - held.keys() <= ended.runs.keys():
                # One ended by a clock that was set back, or before all this.
                ended = self._read(tx, since)
            self._held, self._ended = (book, held), ended
        if len(ended.runs) + len(held) > MAX_RUNS:
            return None
        open_ = held.values() if held.keys().isdisjoint(ended.runs) else _without(held, ended.runs)
        return [*ended.runs.values(), *open_]

    def _follow(self, tx: Transaction, since: datetime) -> _Ended:
        kept, now = self._ended, time.monotonic()
        if kept is None or kept.since != since or now > kept.read_at + _REFILL_SECONDS:
            return self._read(tx, since)
        runs, until = usage_runs.list_ended(tx, max(since, kept.until - _EARLIER))
        if runs.keys() <= kept.runs.keys():
            return kept
        return replace(kept, until=max(until or since, kept.until), runs=kept.runs | runs)

    def _read(self, tx: Transaction, since: datetime) -> _Ended:
        runs, until = usage_runs.list_ended(tx, since)
        return _Ended(since, until or since, runs, time.monotonic())


def _without(held: dict[str, Run], ended: dict[str, Run]) -> Iterable[Run]:
    return (run for id_, run in held.items() if id_ not in ended)


def make_run(held: Reservation) -> Run:
    """Return what a server that runs has held so far."""
    rate, opened = Usage.of(held.demand), to_seconds(held.opened_at)
    return Run(held.user, held.account, held.tier, held.image, rate, opened, None)
