"""Some at once, then one from time to time, for each caller by themselves."""

from datetime import timedelta

import pytest

from jupyterhub_platform.usecases import rate_limit
from jupyterhub_platform.usecases.credentials import (
    CHANGE_BURST,
    INVITE_BURST,
    LocalCredentials,
    PasswordError,
)
from jupyterhub_platform.usecases.rate_limit import RateLimit, RateLimitedError
from tests.support.cheap_hasher import CountingHasher
from tests.usecases.conftest import read_audit


class Steady:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_some_are_allowed_at_once_and_one_more_after_a_while():
    clock = Steady()
    allowed = RateLimit(3, 60, clock=clock)
    for _ in range(3):
        assert allowed.seconds_to_wait("eve") == 0
        allowed.use("eve")
    assert allowed.seconds_to_wait("eve") == 60
    assert allowed.seconds_to_wait("dev") == 0
    clock.now += 45
    assert allowed.seconds_to_wait("eve") == 15
    clock.now += 15
    assert allowed.seconds_to_wait("eve") == 0
    allowed.use("eve")
    assert allowed.seconds_to_wait("eve") == 60
    clock.now += 10**6
    for _ in range(3):
        allowed.use("eve")
    assert allowed.seconds_to_wait("eve") == 60


def test_memory_is_bounded_and_who_used_all_is_not_forgotten_first(monkeypatch):
    monkeypatch.setattr(rate_limit, "_MAX_CALLERS", 4)
    clock = Steady()
    allowed = RateLimit(1, 60, clock=clock)
    for number in range(9):
        allowed.use(f"u{number}")
        clock.now += 1
    assert len(allowed._left) == 4
    assert allowed.seconds_to_wait("u8")
    clock.now += 120
    allowed.use("eve")
    assert set(allowed._left) == {"eve"}


def test_a_password_is_not_changed_without_end(store):
    accounts = LocalCredentials(store, CountingHasher())
    for number in range(CHANGE_BURST):
        accounts.change("dev", f"correct horse battery {number}")
    with pytest.raises(PasswordError, match=r"changed many times\. Try again in 5 minutes\."):
        accounts.change("dev", "correct horse battery x")
    assert len(read_audit(store)) == CHANGE_BURST
    accounts.change("eve", "correct horse battery")


def test_people_are_not_invited_without_end(store):
    accounts = LocalCredentials(store, CountingHasher())
    for _ in range(INVITE_BURST):
        accounts.invite("dev", by="mia", valid_for=timedelta(hours=1))
    with pytest.raises(RateLimitedError, match=r"Try again in 1 minute\.") as caught:
        accounts.invite("eve", by="mia", valid_for=timedelta(hours=1))
    assert 0 < caught.value.seconds <= 60
    accounts.invite("eve", by="root", valid_for=timedelta(hours=1))
