"""Memberships that people added in the Hub are remembered, also by the next Hub."""

import pytest

from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.store import added_memberships
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.added_memberships import AddedMemberships
from jupyterhub_platform.usecases.store_health import StoreHealth


def stored(store: Store) -> set[tuple[str, str]]:
    with store.read() as transaction:
        return added_memberships.list_added(transaction)


@pytest.fixture
def health(store: Store) -> StoreHealth:
    return StoreHealth(store)


@pytest.fixture
def added(store: Store, health: StoreHealth) -> AddedMemberships:
    return AddedMemberships(store, health)


def test_added_membership_is_stored(
    store: Store, health: StoreHealth, added: AddedMemberships
) -> None:
    assert added.of_user("kim") == frozenset()
    added.add(["kim", "lee"], ["vision", "text"])
    added.add(["kim"], ["vision"])
    added.add([], ["vision"])
    for each in (added, AddedMemberships(store, health)):
        assert each.of_user("kim") == each.of_user("lee") == {"vision", "text"}
        assert each.of_user("sam") == frozenset()


@pytest.mark.parametrize("again", [1, 2])
def test_removed_membership_is_gone(store: Store, added: AddedMemberships, again: int) -> None:
    added.add(["kim", "lee"], ["vision", "text"])
    for _ in range(again):
        added.remove(["kim", "sam"], "vision")
        added.forget(user="lee")
    assert stored(store) == {("kim", "text")}
    added.add(["sam"], ["text"])
    added.forget(group="text")
    assert stored(store) == set()
    assert added.of_user("kim") == added.of_user("sam") == frozenset()


def test_another_name_keeps_what_was_added(store: Store, added: AddedMemberships) -> None:
    added.add(["kim"], ["vision"])
    added.rename("kim", "kimberly")
    assert stored(store) == {("kimberly", "vision")}


def test_membership_added_while_the_store_is_down_is_stored_afterwards(
    store: Store, health: StoreHealth, added: AddedMemberships
) -> None:
    health.mark_down(StoreUnreachableError("gone"))
    added.add(["kim"], ["vision"])
    assert added.of_user("kim") == {"vision"}
    assert stored(store) == set()
    assert health.retry()
    assert stored(store) == {("kim", "vision")}
