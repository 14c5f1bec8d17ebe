"""A prepared insert writes what SQLAlchemy's own would, and fails as it does."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, select

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.store.ledger import _OPEN
from jupyterhub_platform.store.schema import reservation
from jupyterhub_platform.store.store import Store

AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def make_values(**others: Any) -> dict[str, Any]:
    values = {
        "id": "1",
        "user": "ada",
        "server": "",
        "spawner_id": 2**40,
        "account": "vision",
        "tier": "small",
        "size": "",
        "image": "lab",
        "demand": "{}",
        "policy_revision": 3,
        "observed": True,
        "codes": "",
        "sentence": "nul \0, half \ud800, ünïcode, % %s %(id)s ? :id",
        "decision": '{"a": 1}',
        "requested_by": "ada",
        "opened_at": AT,
        "ends_at": None,
        "idle_seconds": None,
    }
    return values | others


def read(store: Store, identifier: str) -> tuple[Any, ...]:
    with store.read() as transaction:
        query = select(reservation).where(reservation.c.id == identifier)
        return tuple(transaction.execute(query).one())


@pytest.mark.parametrize("others", [{}, {"ends_at": AT, "idle_seconds": 5, "observed": False}])
def test_the_row_is_that_of_an_ordinary_insert(store: Store, others: dict[str, Any]) -> None:
    values = make_values(**others)
    with store.begin() as transaction:
        transaction.execute(insert(reservation), values | {"id": "ordinary"})
    for identifier in ("first", "second"):
        with store.begin() as transaction:
            _OPEN.execute(transaction, values | {"id": identifier})
        assert read(store, identifier) == (identifier, *read(store, "ordinary")[1:])


def test_a_row_that_is_there_is_refused_and_the_next_one_is_not(store: Store) -> None:
    with store.begin() as transaction:
        _OPEN.execute(transaction, make_values())
    with pytest.raises(StoreError, match="refused a change"), store.begin() as transaction:
        _OPEN.execute(transaction, make_values(user="bob"))
    with store.begin() as transaction:
        _OPEN.execute(transaction, make_values(id="2", user="bob"))
    assert read(store, "1")[1] == "ada"
    assert read(store, "2")[1] == "bob"


def test_a_row_is_taken_back_with_its_transaction(store: Store) -> None:
    def write_twice() -> None:
        with store.begin() as transaction:
            _OPEN.execute(transaction, make_values())
            _OPEN.execute(transaction, make_values())

    with pytest.raises(StoreError):
        write_twice()
    with store.begin() as transaction:
        _OPEN.execute(transaction, make_values())


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="zone"), store.begin() as transaction:
        _OPEN.execute(transaction, make_values(opened_at=AT.replace(tzinfo=None)))


def test_a_value_that_is_missing_is_an_error(store: Store) -> None:
    values = make_values()
    del values["opened_at"]
    with pytest.raises(KeyError, match="opened_at"), store.begin() as transaction:
        _OPEN.execute(transaction, values)
