"""Local accounts: invites are used once, passwords are kept as the caller hashed them."""

import threading
from datetime import UTC, datetime, timedelta

from jupyterhub_platform.store import credentials
from jupyterhub_platform.store.credentials import Credentials
from jupyterhub_platform.store.store import Store

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
EXPIRY = NOW + timedelta(days=1)


def invite(store: Store, name: str = "ada", invite_hash: str = "i1") -> None:
    with store.begin() as tx:
        credentials.set_invite(tx, name, invite_hash, EXPIRY, "root", NOW)


def get(store: Store, name: str = "ada") -> Credentials:
    with store.read() as tx:
        found = credentials.get_credentials(tx, name)
    assert found is not None
    return found


def redeem(store: Store, invite_hash: str, at: datetime = LATER) -> str | None:
    with store.begin() as tx:
        return credentials.redeem_invite(tx, invite_hash, "new", at)


def test_unknown_person_has_no_account(store):
    with store.read() as tx:
        assert credentials.get_credentials(tx, "ada") is None
        assert credentials.find_by_invite(tx, "i1") is None
        assert credentials.list_credentials(tx) == []


def test_invite_is_read_back_as_it_was_written(store):
    invite(store)
    expected = Credentials("ada", None, None, "i1", EXPIRY, "root", None, NOW, NOW)
    assert get(store) == expected
    with store.read() as tx:
        assert credentials.find_by_invite(tx, "i1") == expected


def test_invite_is_used_once(store):
    invite(store)
    assert redeem(store, "i1") == "ada"
    assert redeem(store, "i1") is None
    found = get(store)
    assert (found.password_hash, found.password_set_at) == ("new", LATER)
    assert (found.invite_used_at, found.created_at, found.updated_at) == (LATER, NOW, LATER)
    assert not found.has_open_invite(LATER)


def test_invite_is_used_once_when_eight_threads_try(store):
    invite(store)
    gate = threading.Barrier(8)
    names: list[str | None] = []

    def try_once() -> None:
        gate.wait()
        names.append(redeem(store, "i1"))

    threads = [threading.Thread(target=try_once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names, key=str) == [None] * 7 + ["ada"]


def test_expired_invite_changes_nothing(store):
    invite(store)
    assert get(store).has_open_invite(EXPIRY - timedelta(microseconds=1))
    assert not get(store).has_open_invite(EXPIRY)
    assert redeem(store, "i1", at=EXPIRY) is None
    assert get(store).password_hash is None


def test_new_invite_voids_the_one_before_and_keeps_the_password(store):
    invite(store)
    redeem(store, "i1")
    invite(store, invite_hash="i2")
    assert redeem(store, "i1") is None
    assert get(store).password_hash == "new"
    assert get(store).has_open_invite(LATER)
    assert redeem(store, "i2") == "ada"


def test_password_change_voids_an_open_invite(store):
    invite(store)
    with store.begin() as tx:
        credentials.set_password(tx, "ada", "changed", LATER)
    assert redeem(store, "i1") is None
    assert get(store).password_hash == "changed"


def test_password_of_a_new_person_makes_an_account(store):
    with store.begin() as tx:
        credentials.set_password(tx, "ada", "first", NOW)
        credentials.set_password(tx, "ada", "second", LATER)
    expected = Credentials("ada", "second", LATER, None, None, None, None, NOW, LATER)
    assert get(store) == expected


def test_accounts_are_listed_by_name_and_kept_apart(store):
    for name in ("bob", "ada", "Ada", "ada "):
        invite(store, name, f"invite of {name}")
    assert redeem(store, "invite of Ada") == "Ada"
    with store.read() as tx:
        found = credentials.list_credentials(tx)
    assert [each.name for each in found] == ["Ada", "ada", "ada ", "bob"]
    assert [each.password_hash for each in found] == ["new", None, None, None]
