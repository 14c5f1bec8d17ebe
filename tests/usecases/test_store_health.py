"""A store that does not answer counts as down at once, and nothing that waits for it is lost."""

import logging
import threading
import time

import pytest

from jupyterhub_platform.core.errors import (
    StoreError,
    StoreMismatchError,
    StoreUnreachableError,
)
from jupyterhub_platform.store import audit
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.store_health import StoreHealth
from tests.support.policies import NOW
from tests.usecases.conftest import read_audit


class Notes:
    """Entries that leave a row each, so that order and number can be told afterwards."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.health = StoreHealth(store)

    def enter(self, subject: object) -> None:
        def entry() -> None:
            with self.store.begin() as transaction:
                audit.append(transaction, at=NOW, actor="t", action="n", subject=str(subject))

        self.health.enter(entry)

    def read(self) -> list[str]:
        return [row.subject for row in reversed(read_audit(self.store))]


@pytest.fixture
def notes(store) -> Notes:
    return Notes(store)


def test_a_store_is_up_until_it_fails(notes):
    notes.health.check()
    assert notes.health.retry()
    assert (notes.health.reason, notes.health.waiting) == ("", 0)


def test_an_entry_is_made_at_once_while_the_store_is_up(notes):
    notes.enter(1)
    assert (notes.read(), notes.health.waiting) == (["1"], 0)


def test_a_store_that_was_marked_down_refuses_with_its_reason(notes, caplog):
    notes.health.mark_down(StoreUnreachableError("its disk is full"))
    with pytest.raises(StoreUnreachableError, match="its disk is full"):
        notes.health.check()
    assert [each.levelno for each in caplog.records] == [logging.ERROR]
    notes.health.mark_down(StoreUnreachableError())
    assert notes.health.reason == "the store does not answer"
    assert len(caplog.records) == 1


def test_a_change_that_the_store_refuses_keeps_no_start_from_being_admitted(notes, caplog):
    notes.health.mark_down(StoreError("the store refused a change: a duplicate"))
    notes.health.check()
    assert "a duplicate" in caplog.records[-1].getMessage()


def test_an_outage_that_turns_out_to_need_a_person_is_said_again(notes, outage, caplog):
    outage.begin()
    for _ in range(2):
        notes.health.mark_down(StoreUnreachableError("gone"))
        notes.health.retry()
    assert len(caplog.records) == 1
    notes.health.mark_down(StoreMismatchError("it was emptied"))
    notes.health.mark_down(StoreMismatchError("it was emptied"))
    assert [each.levelno for each in caplog.records] == [logging.ERROR] * 2
    assert "until an operator repairs it. it was emptied" in caplog.records[-1].getMessage()


def test_a_probe_that_succeeds_marks_the_store_up(notes, caplog):
    notes.health.mark_down(StoreUnreachableError("gone"))
    assert notes.health.retry()
    notes.health.check()
    assert "answers again" in caplog.records[-1].getMessage()


def test_entries_wait_in_order_until_the_store_is_back(notes, outage):
    notes.enter("before")
    outage.begin()
    started = time.monotonic()
    for n in range(3):
        notes.enter(n)
    assert time.monotonic() - started < 2
    assert notes.health.waiting == 3
    assert not notes.health.retry()
    with pytest.raises(StoreUnreachableError):
        notes.health.check()
    outage.end()
    assert notes.health.retry()
    assert notes.read() == ["before", "0", "1", "2"]
    assert notes.health.waiting == 0


def test_a_store_that_still_does_not_answer_stays_down(notes, outage):
    outage.begin()
    notes.health.mark_down(StoreUnreachableError("gone"))
    assert not notes.health.retry()
    assert notes.health.reason not in {"", "gone"}


def test_two_tries_at_the_same_time_make_each_entry_once(notes):
    begun, go_on, made = threading.Event(), threading.Event(), []

    def slow() -> None:
        begun.set()
        assert go_on.wait(10)
        made.append(1)

    notes.health.mark_down(StoreUnreachableError("gone"))
    notes.health.enter(slow)
    threads = [threading.Thread(target=notes.health.retry) for _ in range(2)]
    threads[0].start()
    assert begun.wait(10)
    begun.clear()
    threads[1].start()
    assert not begun.wait(0.2)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert made == [1]
    assert notes.health.waiting == 0


def test_an_entry_never_overtakes_one_that_waits(notes):
    notes.health.mark_down(StoreUnreachableError("gone"))
    notes.enter("first")
    notes.health._reason = ""
    notes.enter("second")
    assert (notes.read(), notes.health.waiting) == ([], 2)
    assert notes.health.retry()
    assert notes.read() == ["first", "second"]


def test_the_store_stays_down_until_everything_that_waits_is_entered(notes):
    broken = threading.Event()

    def entry() -> None:
        if not broken.is_set():
            raise StoreUnreachableError("lost again")

    notes.health.mark_down(StoreUnreachableError("gone"))
    notes.enter("first")
    notes.health.enter(entry)
    notes.enter("last")
    assert not notes.health.retry()
    assert (notes.read(), notes.health.waiting, notes.health.reason) == (["first"], 2, "lost again")
    broken.set()
    assert notes.health.retry()
    assert notes.read() == ["first", "last"]


def test_threads_enter_everything_once_and_each_in_its_order(notes, outage):
    done = threading.Event()

    def enter(thread: int) -> None:
        for n in range(40):
            notes.enter(f"{thread}-{n:02}")

    def retry() -> None:
        while not done.is_set():
            notes.health.retry()
            time.sleep(0.001)

    retries = [threading.Thread(target=retry) for _ in range(2)]
    writers = [threading.Thread(target=enter, args=(each,)) for each in range(3)]
    outage.begin()
    for thread in (*retries, *writers):
        thread.start()
    time.sleep(0.05)
    outage.end()
    for thread in writers:
        thread.join(30)
    done.set()
    for thread in retries:
        thread.join(30)
    assert notes.health.retry()
    assert notes.health.waiting == 0
    made = notes.read()
    assert sorted(made) == [f"{thread}-{n:02}" for thread in range(3) for n in range(40)]
    for number in range(3):
        own = [each for each in made if each.startswith(f"{number}-")]
        assert own == sorted(own)


def test_no_caller_waits_for_a_slow_probe(notes):
    probing, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        probing.set()
        assert go_on.wait(10)

    notes.health.mark_down(StoreUnreachableError("gone"))
    notes.health.enter(slow)
    thread = threading.Thread(target=notes.health.retry)
    thread.start()
    assert probing.wait(10)
    started = time.monotonic()
    with pytest.raises(StoreUnreachableError):
        notes.health.check()
    notes.enter("meanwhile")
    assert time.monotonic() - started < 0.5
    assert notes.read() == []
    go_on.set()
    thread.join(10)
    notes.health.retry()
    assert notes.read() == ["meanwhile"]
