"""The ledger on both databases."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.store import decision_log, ledger
from jupyterhub_platform.store.decision_log import DecisionRecord
from jupyterhub_platform.store.schema import reservation
from jupyterhub_platform.store.store import Store

NOW = datetime(2026, 3, 29, 0, 59, 59, 123456, tzinfo=UTC)


def make_reservation(id_: str = "r1", **changes: Any) -> Reservation:
    reservation = Reservation(
        id=id_,
        user="ada",
        server="",
        spawner_id=7,
        account="vision",
        tier="small",
        image="quay.io/jupyter/minimal-notebook:latest",
        demand=Resources.of({"cpu": 500, "memory": 2**30, "nvidia.com/gpu": 0, "servers": 1}),
        opened_at=NOW,
    )
    return replace(reservation, **changes)


def make_denial(id_: str = "d1", **changes: Any) -> DecisionRecord:
    denial = DecisionRecord(
        id=id_,
        at=NOW,
        user="ada",
        server="lab",
        account="vision",
        tier="gpu",
        admitted=False,
        observed=False,
        codes=("quota.account", "tier.denied"),
        sentence="The account vision holds 2 of 2 servers; stop one.",
        decision_json='{"admitted": false}',
        requested_by="root",
    )
    return replace(denial, **changes)


def admit(store: Store, reservation: Reservation) -> None:
    with store.begin() as tx:
        ledger.open_reservation(tx, reservation, decision_json="{}", policy_revision=3)


def test_reservations_of_many_servers_share_their_names_and_amounts(store):
    for number in range(2):
        admit(store, make_reservation(f"r{number}", user=f"user{number}"))
    with store.read() as tx:
        first, second = ledger.list_open(tx)
    for name in ("account", "tier", "image", "server", "demand"):
        assert getattr(first, name) is getattr(second, name), name


def test_reservation_is_read_back_as_it_was_written(store):
    held = make_reservation()
    admit(store, held)
    with store.read() as tx:
        assert ledger.list_open(tx) == [held]
        assert ledger.find_open(tx, "ada", "") == held
        assert ledger.find_open(tx, "ada", "other") is None


def test_reservation_is_gone_when_its_transaction_fails(store):
    def admit_and_fail() -> None:
        with store.begin() as tx:
            ledger.open_reservation(tx, make_reservation(), decision_json="{}", policy_revision=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        admit_and_fail()
    with store.read() as tx:
        assert ledger.list_open(tx) == []


def test_release_frees_once(store):
    admit(store, make_reservation())
    with store.begin() as tx:
        assert ledger.release(tx, "r1", NOW + timedelta(hours=1), "stopped")
        assert not ledger.release(tx, "r1", NOW + timedelta(hours=2), "again")
        assert not ledger.release(tx, "unknown", NOW, "stopped")
    with store.read() as tx:
        assert ledger.list_open(tx) == []
        rows = tx.execute(text("SELECT release_reason FROM reservation")).scalars().all()
        assert rows == ["stopped"]


def test_release_frees_once_when_eight_threads_try(store):
    for number in range(10):
        admit(store, make_reservation(f"r{number}"))
    gate = threading.Barrier(8)
    freed: list[str] = []

    def free_all() -> None:
        gate.wait()
        for number in range(10):
            with store.begin() as tx:
                if ledger.release(tx, f"r{number}", NOW, "stopped"):
                    freed.append(f"r{number}")

    threads = [threading.Thread(target=free_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(freed) == [f"r{number}" for number in range(10)]


def test_ready_is_entered_once_and_only_while_held(store):
    admit(store, make_reservation())
    with store.begin() as tx:
        assert ledger.mark_ready(tx, "r1", NOW)
        assert not ledger.mark_ready(tx, "r1", NOW)
        assert ledger.release(tx, "r1", NOW, "stopped")
    admit(store, make_reservation("r2"))
    with store.begin() as tx:
        assert ledger.release(tx, "r2", NOW, "failed")
        assert not ledger.mark_ready(tx, "r2", NOW)


@pytest.mark.parametrize("seconds", [3600, 1])
def test_a_clock_set_back_makes_no_time_negative(store, seconds):
    held = make_reservation()
    earlier = held.opened_at - timedelta(seconds=seconds)
    admit(store, held)
    with store.begin() as transaction:
        assert ledger.mark_ready(transaction, held.id, earlier)
        assert ledger.release(transaction, held.id, earlier, "stopped")
    with store.read() as transaction:
        row = transaction.execute(select(reservation)).one()
    assert (row.opened_at, row.ready_at, row.released_at) == (held.opened_at,) * 3


def test_same_reservation_twice_is_refused(store):
    admit(store, make_reservation())
    with pytest.raises(StoreError):
        admit(store, make_reservation(user="eve"))
    with store.read() as tx:
        assert [held.user for held in ledger.list_open(tx)] == ["ada"]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM reservation",
        "DELETE FROM decision",
        "UPDATE decision SET sentence = 'nothing happened'",
        "UPDATE decision SET admitted = NOT admitted",
        "UPDATE reservation SET demand = '{}' WHERE id = 'open'",
        "UPDATE reservation SET \"user\" = 'eve' WHERE id = 'open'",
        "UPDATE reservation SET opened_at = released_at WHERE id = 'released'",
        "UPDATE reservation SET released_at = NULL WHERE id = 'released'",
        "UPDATE reservation SET release_reason = 'other' WHERE id = 'released'",
        "UPDATE reservation SET ready_at = released_at WHERE id = 'released'",
    ],
)
def test_database_refuses_to_rewrite_the_ledger(store, statement):
    admit(store, make_reservation("open"))
    admit(store, make_reservation("released"))
    with store.begin() as tx:
        ledger.release(tx, "released", NOW, "stopped")
        decision_log.record_denial(tx, make_denial())
    with pytest.raises(StoreError, match="the ledger is append-only"), store.begin() as tx:
        tx.execute(text(statement))


def test_database_refuses_to_empty_the_ledger(store, store_url):
    admit(store, make_reservation())
    statement = (
        "INSERT OR REPLACE INTO reservation SELECT * FROM reservation"
        if store_url.startswith("sqlite")
        else "TRUNCATE reservation"
    )
    with pytest.raises(StoreError, match="the ledger is append-only"), store.begin() as tx:
        tx.execute(text(statement))


def test_names_of_any_kind_are_found_again(store):
    odd = "a\0b\ud800c\n'\"%s ü 字 🦉"
    admit(store, make_reservation(user=odd, server=odd))
    with store.begin() as tx:
        decision_log.record_denial(tx, make_denial(user=odd, sentence=odd))
    with store.read() as tx:
        assert ledger.find_open(tx, odd, odd) is not None
        assert len(decision_log.list_decisions(tx, user=odd)) == 2
