"""Who is answered first while strangers send more than the Hub can answer.

The Hub has one loop, and a stranger's login page takes it ten times as long as a look at its health
does. Requests whose sender the Hub has recognised before go ahead; of all others one begins in each
turn of the loop. JupyterHub (6.1) answers in the order in which requests come; it becomes needless
once strangers are answered elsewhere.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Final

from tornado.httputil import HTTPHeaders, HTTPServerRequest

log = logging.getLogger(__name__)

_MOST_KNOWN: Final = 20_000
_CREDENTIALS: Final = ("Authorization", "Cookie")


class Turns:
    """Lets requests begin: known senders at once, the others one after another."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._waiting: deque[Callable[[], None]] = deque()
        self._giving: asyncio.Task[None] | None = None

    def begin(self, headers: HTTPHeaders, *, ahead: bool, begin: Callable[[], None]) -> None:
        """Let a request begin, now or when it is its turn."""
        if ahead or name_sender(headers) in self._known:
            begin()
            return
        self._waiting.append(begin)
        if self._giving is None:
            self._giving = asyncio.ensure_future(self._give())

    def note_known(self, request: HTTPServerRequest) -> None:
        """Remember who sent a request, which was answered as somebody's whom the Hub knows."""
        sender = name_sender(request.headers)
        if sender:
            self._known[sender] = None
            self._known.move_to_end(sender)
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)

    async def _give(self) -> None:
        try:
            while self._waiting:
                begin = self._waiting.popleft()
                try:
                    begin()
                except Exception:
                    log.exception("A request could not begin")
                await asyncio.sleep(0)
        finally:
            self._giving = None


def name_sender(headers: HTTPHeaders) -> bytes:
    """Return what stands for the credentials of a request; empty if it has none."""
    values: list[Any] = [headers.get(name, "") for name in _CREDENTIALS]
    return hashlib.sha256("\n".join(values).encode()).digest() if any(values) else b""
