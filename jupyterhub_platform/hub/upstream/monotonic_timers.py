"""The Hub's timers go by a clock that nobody sets.

Tornado plans by the time of day. Where that is set back, everything that runs now and then (the
look at servers and proxy, the retry of the store, the comparison) waits until the old time comes.
"""

import time

from tornado.ioloop import IOLoop


def keep_timers_steady(loop: IOLoop) -> None:
    """Have ``loop`` plan by the time that has passed, from the time of day that it is now.

    Timers that run already go on as they were planned.
    """
    begun = time.time() - time.monotonic()
    loop.time = lambda: begun + time.monotonic()  # type: ignore[method-assign]
