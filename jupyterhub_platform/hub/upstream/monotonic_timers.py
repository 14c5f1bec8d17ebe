"""Drives the Hub's timers by a clock that cannot be set.

Tornado schedules by wall-clock time. If that is set back, every periodic job (polls of servers and
proxy, the retry of the store, the comparison) waits until the old time is reached.

Upstream: tornado 6
Issue: tornadoweb/tornado#2035 (closed), tornadoweb/tornado#2477 (closed: it would break callers)
Ends when: ``IOLoop.time`` is a monotonic clock.
"""

import time

from tornado.ioloop import IOLoop


def use_monotonic_timers(loop: IOLoop) -> None:
    """Have ``loop`` schedule by elapsed time, counted from the current wall-clock time.

    Running timers keep their schedule.
    """
    begun = time.time() - time.monotonic()
    loop.time = lambda: begun + time.monotonic()  # type: ignore[method-assign]
