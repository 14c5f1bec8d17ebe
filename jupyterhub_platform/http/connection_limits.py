"""Limits the connections that each peer may hold open, and waits where none can be taken.

A connection costs a descriptor until it is closed, even before its first request. Tornado accepts
every connection, and without a free descriptor it retries in a tight loop, with a traceback each
time.

Upstream: tornado 6
Issue: not reported
Ends when: tornado counts the connections of a peer, and pauses when none can be taken.
"""

import errno
import logging
import resource
import socket
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from tornado.ioloop import IOLoop

log = logging.getLogger(__name__)

MAX_OF_A_PEER: Final = 256
"""A user of this machine, an address, or the 2^64 addresses of IPv6 that a customer has."""
PAUSE_SECONDS: Final = 0.5

_NONE_LEFT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_TELL_SECONDS: Final = 60.0
_MAX_TOLD: Final = 100


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections may be open: of one peer, of all but proxies, of proxies, of all.

    A proxy speaks for all users, so its only limit is that it leaves some to others.
    """

    each: int
    others: int
    proxies: int
    all: int

    @classmethod
    def within(cls, descriptors: int) -> Self:
        """Return what leaves a quarter of the descriptors to everything else."""
        maximum = max(8, descriptors * 3 // 4)
        return cls(min(MAX_OF_A_PEER, maximum // 8), maximum // 2, maximum - maximum // 4, maximum)

    @classmethod
    def of_this_process(cls) -> Self:
        """Return what the limit of this process leaves room for."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return cls.within(2**20 if soft == resource.RLIM_INFINITY else soft)


class OpenConnections:
    """Counts what is open, by peer, and says whether one more may be."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._open: Counter[str] = Counter()
        self._proxies: set[str] = set()
        self._told: dict[str, float] = {}

    def enter(self, peer: str, *, is_proxy: bool) -> bool:
        """Count one more, if there is room for it."""
        if is_proxy:
            self._proxies.add(peer)
        else:
            self._proxies.discard(peer)
        if not self._has_room(peer, is_proxy=is_proxy):
            return False
        self._open[peer] += 1
        return True

    def leave(self, peer: str) -> None:
        """Count one less."""
        self._open[peer] -= 1
        if self._open[peer] <= 0:
            del self._open[peer]
            self._proxies.discard(peer)

    def tell_refused(self, peer: str) -> None:
        """Say that a peer gets no further connection, once a minute."""
        now = time.monotonic()
        if now - self._told.get(peer, -_TELL_SECONDS) < _TELL_SECONDS:
            return
        if len(self._told) >= _MAX_TOLD:
            self._told = {p: at for p, at in self._told.items() if now - at < _TELL_SECONDS}
        if len(self._told) < _MAX_TOLD:
            self._told[peer] = now
            log.warning(
                "The %s holds %d connections open: further ones are closed until some of them end",
                peer,
                self._open[peer],
            )

    def _has_room(self, peer: str, *, is_proxy: bool) -> bool:
        limits, everything = self._limits, self._open.total()
        if everything >= limits.all:
            return False
        of_proxies = sum(self._open[proxy] for proxy in self._proxies)
        if is_proxy:
            return of_proxies < limits.proxies
        return self._open[peer] < limits.each and everything - of_proxies < limits.others


class PausingSocket(socket.socket):
    """A listening socket that pauses when no connection can be accepted, and then retries."""

    __slots__ = ()
    # Of the process, as descriptors are.
    _told_at: ClassVar[float] = -_TELL_SECONDS

    @classmethod
    def take_over(cls, listening: socket.socket) -> socket.socket:
        """Make a socket of this kind of one that listens, also for those who hold it already."""
        listening.__class__ = cls
        return listening

    def accept(self) -> tuple[socket.socket, Any]:
        """Take a connection."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in _NONE_LEFT:
                raise
            self._pause(error)
            raise BlockingIOError(errno.EAGAIN, "No connection can be taken now") from error

    def _pause(self, error: OSError) -> None:
        now = time.monotonic()
        if now - PausingSocket._told_at >= _TELL_SECONDS:
            PausingSocket._told_at = now
            log.error(
                "No connection can be taken (%s). It is tried again every %s s; the "
                "process may need a higher limit (ulimit -n)",
                error.strerror,
                PAUSE_SECONDS,
            )
        loop = IOLoop.current()
        loop.update_handler(self, 0)
        loop.call_later(PAUSE_SECONDS, self._resume, loop)

    def _resume(self, loop: IOLoop) -> None:
        if self.fileno() >= 0:
            loop.update_handler(self, IOLoop.READ)
