"""Drives the Hub's timers by a clock that cannot be set.

Tornado schedules by wall-clock time. If that is set back, every periodic job (polls of servers and
proxy, the retry of the store, the comparison) waits until the old time is reached.
"""

import time

from tornado.ioloop import IOLoop


def use_monotonic_timers(loop: IOLoop) -> None:
    """Have ``loop`` schedule by elapsed time, counted from the current wall-clock time.

    Running timers keep their schedule.
    """
    begun = time.time() - time.monotonic()
    loop.time = lambda: begun + time.monotonic()  # type: ignore[method-assign]
