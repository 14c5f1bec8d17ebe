"""Runs slow calls outside the Hub's loop, in threads that strangers cannot keep busy."""

import asyncio
import contextvars
import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from tornado import web

from jupyterhub_platform.hub.retry_after import retry_after

P = ParamSpec("P")
T = TypeVar("T")

MAX_WAITING: Final = 16
"""Password checks that may wait for their turn: some seconds of work."""
_RETRY_SECONDS: Final = 5
_NICE: Final = 10

_STORE_THREADS: Final = ThreadPoolExecutor(4, thread_name_prefix="store")


async def in_store_thread(call: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
    """Run a call that reads or writes the store, on behalf of a known user or of the Hub.

    Like :func:`asyncio.to_thread`, but in threads of the platform's own: the loop's may all be
    waiting for an identity provider, for DNS or for a spawner.
    """
    # With the origin of the request that is answered, for what is recorded there.
    run = functools.partial(contextvars.copy_context().run, call, *arguments, **named)
    return await asyncio.get_running_loop().run_in_executor(_STORE_THREADS, run)


def _make_way() -> None:
    # Linux has a priority for each thread; threads that hash for this one inherit it.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


class PasswordThread:
    """Runs what strangers may cause: slow hashes, and lookups of invites.

    One at a time, at a lower priority than the rest of the Hub, with a limited queue.
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="password", initializer=_make_way)
        self._max_asked = max_waiting + 1
        self._asked = 0

    async def run(self, call: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Run a call when its turn comes.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 503 if the queue is full.
        """
        if self._asked >= self._max_asked:
            busy = web.HTTPError(
                503, "Too many people are logging in right now. Try again in a few seconds."
            )
            raise retry_after(busy, _RETRY_SECONDS)
        self._asked += 1
        done = asyncio.get_running_loop().run_in_executor(
            self._thread,
            functools.partial(contextvars.copy_context().run, call, *arguments, **named),
        )
        # The caller may be gone by then: the call counts until it is done.
        done.add_done_callback(self._note_done)
        return await asyncio.shield(done)

    def _note_done(self, done: "asyncio.Future[Any]") -> None:
        self._asked -= 1
        if not done.cancelled():
            done.exception()
