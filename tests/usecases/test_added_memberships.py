"""Memberships that people added in the Hub are remembered, also by the next Hub."""

import pytest

from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.store import added_memberships
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.added_memberships import Additions
from jupyterhub_platform.usecases.store_health import StoreHealth


def stored(store: Store) -> set[tuple[str, str]]:
    with store.read() as transaction:
        return added_memberships.list_added(transaction)


@pytest.fixture
def health(store: Store) -> StoreHealth:
    return StoreHealth(store)


@pytest.fixture
def additions(store: Store, health: StoreHealth) -> Additions:
    return Additions(store, health)


def test_who_was_added_stays_added(store: Store, health: StoreHealth, additions: Additions) -> None:
    assert additions.of_user("kim") == frozenset()
    additions.add(["kim", "lee"], ["vision", "text"])
    additions.add(["kim"], ["vision"])
    additions.add([], ["vision"])
    for each in (additions, Additions(store, health)):
        assert each.of_user("kim") == each.of_user("lee") == {"vision", "text"}
        assert each.of_user("sam") == frozenset()


@pytest.mark.parametrize("again", [1, 2])
def test_who_was_taken_out_is_out(store: Store, additions: Additions, again: int) -> None:
    additions.add(["kim", "lee"], ["vision", "text"])
    for _ in range(again):
        additions.remove(["kim", "sam"], "vision")
        additions.forget(user="lee")
    assert stored(store) == {("kim", "text")}
    additions.add(["sam"], ["text"])
    additions.forget(group="text")
    assert stored(store) == set()
    assert additions.of_user("kim") == additions.of_user("sam") == frozenset()


def test_another_name_keeps_what_was_added(store: Store, additions: Additions) -> None:
    additions.add(["kim"], ["vision"])
    additions.rename("kim", "kimberly")
    assert stored(store) == {("kimberly", "vision")}


def test_what_is_added_while_the_store_is_down_is_entered_after_that(
    store: Store, health: StoreHealth, additions: Additions
) -> None:
    health.mark_down(StoreUnreachableError("gone"))
    additions.add(["kim"], ["vision"])
    assert additions.of_user("kim") == {"vision"}
    assert stored(store) == set()
    assert health.retry()
    assert stored(store) == {("kim", "vision")}
