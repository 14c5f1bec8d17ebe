"""Decides which requests go first when strangers send more than the Hub can answer.

The Hub has one loop, and a stranger's login page takes ten times as long as a health check.
Requests from known senders go first; of all others, one begins in each turn of the loop, and none
while a known sender's request is under way: that one takes many turns, and would wait for a
stranger in each. JupyterHub answers requests in order of arrival.

Upstream: jupyterhub 6.1
Issue: jupyterhub/jupyterhub#1263 (several Hubs, of which some only log users in)
Ends when: JupyterHub answers strangers in another process.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from tornado.httputil import HTTPHeaders, HTTPServerRequest

log = logging.getLogger(__name__)

_MAX_KNOWN: Final = 20_000
_HELD_SECONDS: Final = 0.1
"""How long strangers wait for successive known senders: strangers are answered, too."""
_CREDENTIALS: Final = ("Authorization", "Cookie")


class RequestPriority:
    """Lets requests begin: known senders at once, the others one by one."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._waiting: deque[Callable[[], None]] = deque()
        self._on_their_way: dict[int, float] = {}
        self._answered = asyncio.Event()
        self._giving: asyncio.Task[None] | None = None

    def begin(self, headers: HTTPHeaders, *, ahead: bool, begin: Callable[[], None]) -> None:
        """Let a request begin, now or when its turn comes."""
        if ahead or name_sender(headers) in self._known:
            self._on_their_way[id(headers)] = time.monotonic()
            begin()
            return
        self._waiting.append(begin)
        if self._giving is None:
            self._giving = asyncio.ensure_future(self._give())

    def note_known(self, request: HTTPServerRequest) -> None:
        """Remember the sender of a request that was answered for a known user."""
        sender = name_sender(request.headers)
        if sender:
            self._known[sender] = None
            self._known.move_to_end(sender)
            while len(self._known) > _MAX_KNOWN:
                self._known.popitem(last=False)

    def note_answered(self, request: HTTPServerRequest) -> None:
        """Remember that a request was answered."""
        self._on_their_way.pop(id(request.headers), None)
        self._answered.set()

    async def _let_known_go_on(self) -> None:
        began = time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(_HELD_SECONDS):
                while self._on_their_way:
                    self._answered.clear()
                    await self._answered.wait()
        # Long requests, such as a progress stream, do not hold strangers up any longer.
        self._on_their_way = {k: at for k, at in self._on_their_way.items() if at > began}

    async def _give(self) -> None:
        try:
            while self._waiting:
                await self._let_known_go_on()
                begin = self._waiting.popleft()
                try:
                    begin()
                except Exception:
                    log.exception("A request could not begin")
                await asyncio.sleep(0)
        finally:
            self._giving = None


def name_sender(headers: HTTPHeaders) -> bytes:
    """Return a stand-in for the credentials of a request; empty if it has none."""
    values: list[Any] = [headers.get(name, "") for name in _CREDENTIALS]
    return hashlib.sha256("\n".join(values).encode()).digest() if any(values) else b""
