"""A connection to PostgreSQL whose every wait has a timeout.

The server's own timeouts end a slow statement, and TCP notices a host that is gone. Neither helps
when the server, or a proxy before it, is frozen: it holds the connection and says nothing.
"""

import select
from collections.abc import Generator
from time import monotonic
from typing import Any, Final

import psycopg

PATIENCE: Final = 3.0
"""Seconds until a server that took a statement and says nothing counts as down.

Longer than the server's own timeout for a statement, which is the better answer.
"""

UPGRADE_PATIENCE: Final = 600.0
"""The same for an upgrade of the schema, which may rewrite large tables."""

# What psycopg's generators ask to wait for, and are told.
_READ: Final = 1
_WRITE: Final = 2


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that gives up, and closes, when the server is silent for :attr:`patience`."""

    patience = PATIENCE

    def wait(self, gen: Generator[int, int, Any], *_args: Any, **_kwargs: Any) -> Any:
        """Drive one exchange with the server; psycopg's own way has no limit in every version."""
        deadline = monotonic() + self.patience
        try:
            wanted = next(gen)
            while True:
                ready = _wait_for(self.pgconn.socket, wanted, deadline - monotonic())
                if not ready:
                    self.close()
                    raise psycopg.OperationalError("the server took a statement and went silent")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value


class UpgradeConnection(BoundedConnection):
    """A connection for an upgrade of the schema."""

    patience = UPGRADE_PATIENCE


def _wait_for(socket: int, wanted: int, seconds: float) -> int:
    # Not select(): a Hub may have more than 1024 files open.
    poll = select.poll()
    reading = select.POLLIN if wanted & _READ else 0
    writing = select.POLLOUT if wanted & _WRITE else 0
    poll.register(socket, reading | writing)
    for _, happened in poll.poll(max(0.0, seconds) * 1000):
        if happened & ~(reading | writing):
            return wanted  # the connection broke; the next read reports how
        return (_READ if happened & reading else 0) | (_WRITE if happened & writing else 0)
    return 0
