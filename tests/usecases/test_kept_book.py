"""The book of the service is always what a look at the whole ledger gives."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from jupyterhub_platform.store import ledger
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.reports import kept_book
from jupyterhub_platform.usecases.reports.kept_book import KeptBook
from tests.store.test_ledger import admit, make_reservation

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _check(store: Store, kept: KeptBook) -> None:
    with store.read() as tx:
        book = kept.read(tx)
        held = {each.id: each for each in ledger.list_open(tx)}
    assert {each.id: each for each in book} == held
    assert book.drifted() == ()
    assert [each.opened_at for each in book] == sorted(each.opened_at for each in book)


def test_it_follows_every_start_and_release(store: Store) -> None:
    kept, chance, at, held = KeptBook(), random.Random(7), NOW, list[str]()
    _check(store, kept)
    for number in range(60):
        at += timedelta(seconds=chance.choice((0, 1, 90)))
        for _ in range(chance.randrange(3)):
            if held and chance.random() < 0.4:
                gone = held.pop(chance.randrange(len(held)))
                with store.begin() as tx:
                    ledger.release(tx, gone, at, "stopped")
            else:
                held.append(f"r{number}-{len(held)}-{chance.random()}")
                admit(store, make_reservation(held[-1], server=held[-1], opened_at=at))
        _check(store, kept)


def test_a_server_that_was_started_again_is_the_new_one(store: Store) -> None:
    kept = KeptBook()
    admit(store, make_reservation("r1", opened_at=NOW))
    _check(store, kept)
    with store.begin() as tx:
        ledger.release(tx, "r1", NOW + timedelta(seconds=5), "stopped")
    admit(store, make_reservation("r2", opened_at=NOW + timedelta(seconds=6)))
    _check(store, kept)


def test_a_clock_that_is_set_back_hides_nothing(store: Store) -> None:
    kept = KeptBook()
    admit(store, make_reservation("r1", server="a", opened_at=NOW))
    _check(store, kept)
    admit(store, make_reservation("r2", server="b", opened_at=NOW - timedelta(hours=2)))
    _check(store, kept)
    with store.begin() as tx:
        ledger.release(tx, "r2", NOW - timedelta(hours=1), "stopped")
    _check(store, kept)


def test_ids_say_now_and_then_whether_it_is_right(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_book, "_REFILL_SECONDS", -1.0)
    kept = KeptBook()
    admit(store, make_reservation("r1", opened_at=NOW))
    with store.read() as tx:
        book = kept.read(tx)
        assert kept.read(tx) is book
    book.strike("r1")
    _check(store, kept)


def test_nothing_is_read_of_servers_that_run_on(sqlite_url: str) -> None:
    store, kept = Store.open(sqlite_url), KeptBook()
    for number in range(5):
        admit(store, make_reservation(f"r{number}", server=str(number), opened_at=NOW))
    later = NOW + timedelta(hours=1)
    _check(store, kept)
    admit(store, make_reservation("new", server="new", opened_at=later))
    said: list[str] = []
    with store.read() as tx:
        event.listen(tx, "before_cursor_execute", lambda *call: said.append(call[2]))
        first = kept.read(tx)
        followed, said[:] = list(said), []
        assert kept.read(tx) is first
    store.close()
    assert len(first) == 6
    # The whole of a row is only read of what is new.
    assert sum("demand" in each for each in followed) == 1
    assert all("opened_at >= " in each for each in followed if "demand" in each)
    assert not any("demand" in each for each in said)
