"""The runs of the days without sums are always what a look at the whole ledger gives."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from jupyterhub_platform.store import ledger, usage_runs
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.reports import kept_runs
from jupyterhub_platform.usecases.reports.kept_book import KeptBook
from jupyterhub_platform.usecases.reports.kept_runs import KeptRuns
from tests.store.test_ledger import admit, make_reservation

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FAR = NOW + timedelta(days=30)


class Reader:
    """Reads as a report does."""

    def __init__(self, store: Store) -> None:
        self.store, self.book, self.runs = store, KeptBook(), KeptRuns()

    def check(self, since: datetime = NOW) -> None:
        with self.store.read() as tx:
            found = self.runs.read(tx, self.book.read(tx), since)
            assert found is not None
            assert sorted(found, key=str) == sorted(
                usage_runs.list_runs(tx, since, FAR, limit=1000), key=str
            )

    def release(self, id_: str, at: datetime) -> None:
        with self.store.begin() as tx:
            ledger.release(tx, id_, at, "stopped")


def test_it_follows_every_start_and_release(store: Store) -> None:
    reader, chance, at, held = Reader(store), random.Random(7), NOW, list[str]()
    for number in range(40):
        at += timedelta(seconds=chance.choice((0, 1, 90)))
        for _ in range(chance.randrange(3)):
            if held and chance.random() < 0.4:
                reader.release(held.pop(chance.randrange(len(held))), at)
            else:
                held.append(f"r{number}-{len(held)}-{chance.random()}")
                admit(store, make_reservation(held[-1], server=held[-1], opened_at=at))
        reader.check()


def test_a_clock_that_is_set_back_hides_nothing(store: Store) -> None:
    reader = Reader(store)
    for name in ("a", "b"):
        admit(store, make_reservation(name, server=name, opened_at=NOW + timedelta(hours=1)))
    reader.release("a", NOW + timedelta(hours=9))
    reader.check()
    reader.release("b", NOW + timedelta(hours=2))
    reader.check()


def test_another_day_begins_anew(store: Store) -> None:
    reader = Reader(store)
    for name, hours in (("a", 1), ("b", 30)):
        admit(store, make_reservation(name, server=name, opened_at=NOW))
        reader.release(name, NOW + timedelta(hours=hours))
    reader.check()
    reader.check(NOW + timedelta(days=1))
    reader.check()


def test_a_server_that_ended_since_the_book_was_read_counts_once(store: Store) -> None:
    reader = Reader(store)
    admit(store, make_reservation("a", server="a", opened_at=NOW))
    with store.read() as tx:
        book = reader.book.read(tx)
    reader.release("a", NOW + timedelta(hours=1))
    with store.read() as tx:
        found = reader.runs.read(tx, book, NOW)
        assert found == usage_runs.list_runs(tx, NOW, FAR, limit=9)


def test_too_many_are_not_added_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_runs, "MAX_RUNS", 1)
    reader = Reader(store)
    for name in ("a", "b"):
        admit(store, make_reservation(name, server=name, opened_at=NOW))
    with store.read() as tx:
        assert reader.runs.read(tx, reader.book.read(tx), NOW) is None
