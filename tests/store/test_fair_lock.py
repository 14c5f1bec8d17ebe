"""The turn of those who wait to write."""

import threading
import time
from collections.abc import Callable

from jupyterhub_platform.store.fair_lock import FairLock

PATIENCE = 10.0


def start(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def wait_for_queue(lock: FairLock, length: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(lock._queue) != length:
        assert time.monotonic() < deadline, f"{length} threads should wait"
        time.sleep(0.001)


def test_threads_get_the_lock_in_the_order_in_which_they_asked() -> None:
    lock, order = FairLock(), list[int]()
    assert lock.acquire(0)

    def work(number: int) -> None:
        assert lock.acquire(PATIENCE)
        order.append(number)
        lock.release()

    threads = []
    for number in range(5):
        threads.append(start(lambda number=number: work(number)))  # type: ignore[misc]
        wait_for_queue(lock, number + 1)
    lock.release()
    # The one that comes back waits behind all of them.
    assert lock.acquire(PATIENCE)
    assert order == [0, 1, 2, 3, 4]
    lock.release()
    for thread in threads:
        thread.join()


def test_free_lock_is_taken_at_once_and_a_held_one_only_within_the_timeout() -> None:
    lock = FairLock()
    assert lock.acquire(0)
    began = time.monotonic()
    assert not lock.acquire(0.05)
    assert time.monotonic() - began >= 0.05
    lock.release()
    assert lock.acquire(0)


def test_thread_that_gave_up_waiting_is_passed_over() -> None:
    lock, got = FairLock(), list[str]()
    assert lock.acquire(0)
    impatient = start(lambda: got.append(f"impatient {lock.acquire(0.05)}"))
    wait_for_queue(lock, 1)
    patient = start(lambda: got.append(f"patient {lock.acquire(PATIENCE)}"))
    impatient.join()
    wait_for_queue(lock, 1)
    lock.release()
    patient.join()
    assert got == ["impatient False", "patient True"]
    assert not lock.acquire(0)


def test_lock_that_is_handed_over_at_the_last_moment_is_held() -> None:
    lock = FairLock()
    assert lock.acquire(0)

    class LateQueue(type(lock._queue)):  # type: ignore[misc]
        """Hands the lock over between the end of a wait and the look at who waits."""

        def __contains__(self, turn: object) -> bool:
            if len(self):
                self.popleft().release()
            return bool(super().__contains__(turn))

    lock._queue = LateQueue()
    assert lock.acquire(0.01)
    assert not lock._queue
