"""A lock that threads get in the order in which they asked for it.

``threading.Lock`` promises no order: a thread that releases it and asks again at once usually gets
it again, however long others have waited.
"""

import threading
from collections import deque


class FairLock:
    """Hands the lock to the thread that has waited longest. Not reentrant."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._is_held = False
        self._queue: deque[threading.Lock] = deque()

    def acquire(self, timeout: float) -> bool:
        """Take the lock; return whether that was possible within ``timeout`` seconds."""
        with self._guard:
            if not self._is_held:
                self._is_held = True
                return True
            turn = threading.Lock()
            turn.acquire()
            self._queue.append(turn)
        try:
            if turn.acquire(timeout=timeout):
                return True
        except BaseException:
            if not self._stop_waiting(turn):
                self.release()
            raise
        return not self._stop_waiting(turn)

    def _stop_waiting(self, turn: threading.Lock) -> bool:
        """Stop waiting; return ``False`` if the lock was handed over in the meantime."""
        with self._guard:
            if turn not in self._queue:
                return False
            self._queue.remove(turn)
            return True

    def release(self) -> None:
        """Hand the lock to the thread that has waited longest, if any waits."""
        with self._guard:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._is_held = False
