"""Wrong passwords slow down the client that sends them, and no other."""

import math
import sys
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.usecases.login_throttle import (
    FORGET_AFTER_SECONDS,
    FREE_TRIES,
    MAX_SOURCES,
    MAX_WAIT_SECONDS,
    SECONDS_PER_TRY,
    TRY_BURST,
    SourceLimit,
    Throttle,
)

HOME, STRANGER = "device 1", "address 192.0.2.1"


@dataclass
class Ticks:
    """Seconds that only the test moves."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def throttle(ticks) -> Throttle:
    return Throttle(ticks)


def guess(throttle: Throttle, times: int, name: str = "ada", source: str = STRANGER) -> None:
    for _ in range(times):
        throttle.note_wrong(name, source)


def test_the_first_tries_are_free(throttle):
    for _ in range(FREE_TRIES):
        assert throttle.seconds_to_wait("ada", STRANGER) == 0
        guess(throttle, 1)
    assert throttle.seconds_to_wait("ada", STRANGER) == 1


def test_waits_double_and_are_capped(throttle, ticks):
    guess(throttle, FREE_TRIES - 1)
    waits = []
    for _ in range(12):
        guess(throttle, 1)
        waits.append(throttle.seconds_to_wait("ada", STRANGER))
        ticks.seconds += waits[-1]
        assert throttle.seconds_to_wait("ada", STRANGER) == 0
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_a_wait_runs_down_and_says_whole_seconds(throttle, ticks):
    guess(throttle, FREE_TRIES + 3)
    assert throttle.seconds_to_wait("ada", STRANGER) == 8
    ticks.seconds += 7.5
    assert throttle.seconds_to_wait("ada", STRANGER) == 1
    ticks.seconds += 0.5
    assert throttle.seconds_to_wait("ada", STRANGER) == 0


def test_a_stranger_never_delays_the_person(throttle):
    guess(throttle, 10_000)
    assert throttle.seconds_to_wait("ada", STRANGER) == MAX_WAIT_SECONDS
    assert throttle.seconds_to_wait("ada", HOME) == 0
    assert throttle.seconds_to_wait("ada", "address 198.51.100.7") == 0


def test_one_name_does_not_delay_another_at_the_same_address(throttle):
    guess(throttle, 50)
    assert throttle.seconds_to_wait("bob", STRANGER) == 0


def test_the_right_password_forgets_the_wrong_ones_of_its_source_alone(throttle):
    guess(throttle, FREE_TRIES + 3)
    guess(throttle, FREE_TRIES, source=HOME)
    throttle.note_right("ada", HOME)
    assert throttle.seconds_to_wait("ada", HOME) == 0
    assert throttle.seconds_to_wait("ada", STRANGER) == 8
    throttle.note_right("nobody", HOME)


def test_an_hour_without_a_try_forgets(throttle, ticks):
    guess(throttle, 100)
    ticks.seconds += FORGET_AFTER_SECONDS
    guess(throttle, 1)
    assert throttle.seconds_to_wait("ada", STRANGER) == MAX_WAIT_SECONDS
    ticks.seconds += FORGET_AFTER_SECONDS + 1
    assert throttle.seconds_to_wait("ada", STRANGER) == 0
    guess(throttle, FREE_TRIES - 1)
    assert throttle.seconds_to_wait("ada", STRANGER) == 0


def test_memory_is_bounded_and_the_oldest_is_forgotten(throttle):
    guess(throttle, FREE_TRIES, source="oldest")
    guess(throttle, FREE_TRIES, source="kept")
    for n in range(MAX_SOURCES - 2):
        throttle.note_wrong("ada", f"address {n}")
    guess(throttle, 1, source="kept")
    assert throttle.seconds_to_wait("ada", "oldest") == 1
    for n in range(3):
        throttle.note_wrong("ada", f"more {n}")
    assert throttle.seconds_to_wait("ada", "oldest") == 0
    assert throttle.seconds_to_wait("ada", "kept") == 2
    assert len(throttle._tries) == MAX_SOURCES
    assert sys.getsizeof(throttle._tries) < 4 * 2**20


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["wrong", "right"]),
            st.sampled_from([HOME, STRANGER]),
            st.floats(0, 5000),
        ),
        max_size=60,
    )
)
def test_no_wait_is_negative_or_longer_than_the_longest(steps):
    ticks = Ticks()
    throttle = Throttle(ticks)
    for step, source, pause in steps:
        ticks.seconds += pause
        (throttle.note_wrong if step == "wrong" else throttle.note_right)("ada", source)
        for each in (HOME, STRANGER):
            assert 0 <= throttle.seconds_to_wait("ada", each) <= MAX_WAIT_SECONDS


def test_a_source_is_looked_at_so_often_whatever_the_names(ticks):
    limit = SourceLimit(ticks)
    for _ in range(TRY_BURST):
        assert limit.seconds_to_wait(STRANGER) == 0
        limit.acquire(STRANGER)
    assert limit.seconds_to_wait(STRANGER) == math.ceil(SECONDS_PER_TRY)
    assert limit.seconds_to_wait(HOME) == 0
    ticks.seconds += SECONDS_PER_TRY
    assert limit.seconds_to_wait(STRANGER) == 0
    limit.acquire(STRANGER)
    assert limit.seconds_to_wait(STRANGER) > 0


def test_successful_logins_do_not_count_against_a_source(ticks):
    limit = SourceLimit(ticks)
    for _ in range(10 * TRY_BURST):
        limit.acquire(STRANGER)
        limit.release(STRANGER)
    assert limit.seconds_to_wait(STRANGER) == 0
    limit.release("never seen")


def test_a_source_that_rests_has_all_its_tries_again_and_no_more(ticks):
    limit = SourceLimit(ticks)
    for _ in range(TRY_BURST):
        limit.acquire(STRANGER)
    ticks.seconds += 100 * TRY_BURST * SECONDS_PER_TRY
    for _ in range(TRY_BURST):
        assert limit.seconds_to_wait(STRANGER) == 0
        limit.acquire(STRANGER)
    assert limit.seconds_to_wait(STRANGER) > 0


def test_sources_are_forgotten_as_well(ticks):
    limit = SourceLimit(ticks)
    for number in range(MAX_SOURCES + 5):
        limit.acquire(f"address {number}")
    assert len(limit._free_at) == MAX_SOURCES
