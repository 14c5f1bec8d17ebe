"""Daily and longer totals of usage, cached from the ledger, so that a year is read quickly.

They can be rebuilt at any time: :meth:`UsageSums.forget` removes them all. A day is settled once,
an hour after it ends, and never again, since no row of the ledger is closed retroactively.
"""

import functools
from collections.abc import Generator, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeAlias, TypeVar

from jupyterhub_platform.core.usage import KINDS, NOTHING, Run, Usage, add_up, to_seconds
from jupyterhub_platform.store import usage, usage_runs
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.store.usage import NamedUsage

GRACE: Final = timedelta(hours=1)
"""The time from the end of a day until it is settled: larger than any usual clock correction."""

ROW_BATCH: Final = 150
"""The number of sums in one transaction, which the start of a server may wait for."""

_DAY: Final = timedelta(days=1)
_Found = TypeVar("_Found")
Steps: TypeAlias = Generator[None, None, _Found]
"""Work that pauses wherever other work may run."""


class UsageSums:
    """Settles days. Belongs to the Hub, which alone writes; each step runs in a thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def settle(self, now: datetime) -> Iterator[None]:
        """Settle every day that is over at ``now``, in steps of a few milliseconds.

        It may be stopped between steps: the next call begins with the first unfinished day.

        Raises
        ------
        StoreError
            Raised if the store does not answer.
        """
        day = yield from self._find_day(now)
        last = (now - GRACE).astimezone(UTC).date()
        if day is None or day >= last:
            return
        kept = yield from self._list_kept(day)
        while day < last:
            kept = yield from self._settle_day(day, kept)
            day += _DAY

    def forget(self) -> Iterator[None]:
        """Remove all sums, in steps; :meth:`settle` rebuilds them."""
        with self._store.begin() as transaction:
            usage.write_settled(transaction, None)
        left = True
        while left:
            yield
            with self._store.begin() as transaction:
                left = usage.forget_some(transaction, ROW_BATCH)

    def _find_day(self, now: datetime) -> Steps[date | None]:
        """Return the first day to settle, after the removal of sums from that day on."""
        with self._store.read() as transaction:
            settled = usage.read_settled(transaction)
            first = usage_runs.find_first_opened(transaction)
        today = now.astimezone(UTC).date()
        if settled is None and first is None:
            return None
        if settled is None and first is not None:
            yield from self.forget()
            settled = first.astimezone(UTC).date()
            self._write(settled)
        elif settled is not None and settled > today:
            # The clock was set back: usage of now would be on a day that is settled already.
            settled = today
            self._write(settled)
        # A day that was not finished is settled anew.
        while settled is not None and self._take_back(settled):
            yield
        return settled

    def _write(self, settled: date) -> None:
        with self._store.begin() as transaction:
            usage.write_settled(transaction, settled)

    def _take_back(self, settled: date) -> bool:
        with self._store.read() as transaction:
            if not usage.list_beyond(transaction, settled, 1):
                return False
        with self._store.begin() as transaction:
            left = usage.list_beyond(transaction, settled, ROW_BATCH)
            usage.take_back(transaction, left)
        return True

    def _list_kept(self, day: date) -> Steps[list[Run]]:
        """List the runs that went on when ``day`` began, in steps of some rows each."""
        at = _midnight(day)
        with self._store.read() as transaction:
            kept = usage_runs.list_open_runs(transaction, at)
            last = usage_runs.find_last_released(transaction)
        since = at
        while last is not None and since <= last:
            yield
            with self._store.read() as transaction:
                kept += usage_runs.list_kept(transaction, at, since, since + _DAY)
            since += _DAY
        return kept

    def _settle_day(self, day: date, kept: list[Run]) -> Steps[list[Run]]:
        """Settle a day that began with ``kept``, and return what was held at its end."""
        start, end = _midnight(day), _midnight(day + _DAY)
        with self._store.read() as transaction:
            runs = kept + usage_runs.list_opened(transaction, start, end)
        yield
        sums = _sum_day(day, runs)
        for first in range(0, len(sums), ROW_BATCH):
            yield
            with self._store.begin() as transaction:
                usage.enter_sums(transaction, sums[first : first + ROW_BATCH])
        yield
        self._write(day + _DAY)
        border = to_seconds(end)
        return [run for run in runs if run.released is None or run.released > border]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _sum_day(day: date, runs: list[Run]) -> list[NamedUsage]:
    borders = [to_seconds(_midnight(day)), to_seconds(_midnight(day + _DAY))]
    added = add_up(runs, borders, borders[-1], KINDS)
    sums = [
        NamedUsage(kind, name, day, used)
        for kind, of_kind in added.items()
        for (name, _), used in of_kind.items()
    ]
    total = functools.reduce(Usage.plus, added["tier"].values(), NOTHING)
    return [*sums, NamedUsage(usage.ALL, "", day, total)] if sums else []
