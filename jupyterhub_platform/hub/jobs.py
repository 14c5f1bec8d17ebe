"""Jobs that the Hub's loop repeats while it serves."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tornado.ioloop import IOLoop, PeriodicCallback


class Job(NamedTuple):
    """What is done again and again: how, and at which interval; 0 turns it off.

    ``at_once`` says that it is done as soon as the Hub serves, too.
    """

    run: Callable[[], Awaitable[None] | None]
    seconds: float
    at_once: bool = False


class Jobs:
    """The jobs of one Hub; they end with its loop."""

    def __init__(self) -> None:
        self._callbacks: list[PeriodicCallback] = []

    def begin(self, job: Job) -> None:
        """Repeat a job from now on."""
        if job.seconds:
            callback = PeriodicCallback(job.run, job.seconds * 1000)
            self._callbacks.append(callback)
            callback.start()
        if job.at_once:
            IOLoop.current().add_callback(job.run)
