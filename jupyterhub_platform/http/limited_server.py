"""A web server that limits connections, and the size and slowness of each request.

It knows which peer each connection comes from, and which peers speak for many.
"""

import socket
from collections.abc import Awaitable, Iterable
from typing import Any, Final

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPMessageDelegate
from tornado.iostream import IOStream

from jupyterhub_platform.http.connection_limits import (
    ConnectionLimits,
    OpenConnections,
    PausingSocket,
)
from jupyterhub_platform.http.peers import find_user, name_peer
from jupyterhub_platform.http.request_limits import (
    BODY_SECONDS,
    HEADER_SECONDS,
    MAX_HEADER_BYTES,
    LimitedRequests,
    count_chunks,
)

_MAX_UNSURE: Final = 64
_MAX_WAITING: Final = 4096
"""Connections that wait to be taken. Beyond that a Unix socket refuses: the proxy answers 503."""


class LimitedHTTPServer(HTTPServer):
    """A web server that reads no more than a request may have."""

    def initialize(  # type: ignore[override]  # tornado has names for all of them
        self, request_callback: Any, **settings: Any
    ) -> None:
        """Put the limits in front of what answers."""
        limits = {
            "max_header_size": MAX_HEADER_BYTES,
            "body_timeout": BODY_SECONDS,
            "idle_connection_timeout": HEADER_SECONDS,
        }
        self._open = OpenConnections(ConnectionLimits.of_this_process())
        self._unsure = 0
        super().initialize(LimitedRequests(request_callback), **(limits | settings))

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Listen; where no connection can be taken, after a while again."""
        taken = [PausingSocket.take_over(each) for each in sockets]
        for each in taken:
            each.listen(_MAX_WAITING)
        super().add_sockets(taken)

    def handle_stream(self, stream: IOStream, address: Any) -> Awaitable[None] | None:  # type: ignore[override]
        """Serve a connection, unless its peer holds too many open."""
        user = find_user(stream.socket, address)
        stream.platform_user = user  # type: ignore[attr-defined]
        peer = name_peer(user, address)
        is_proxy = self.is_known_proxy(user, address)
        if self._open.enter(peer, is_proxy=bool(is_proxy)):
            self._serve(stream, address, peer)
        elif is_proxy is None and self._unsure < _MAX_UNSURE:
            return self._find_out(stream, address, peer)
        else:
            self._refuse(stream, peer)
        return None

    def is_known_proxy(self, _user: int | None, _address: Any) -> bool | None:
        """Tell whether a peer speaks for many; ``None`` if that must be looked for."""
        return False

    async def find_proxy(self, _address: Any) -> bool:
        """Tell whether a peer speaks for many, by looking for it."""
        return False

    async def _find_out(self, stream: IOStream, address: Any, peer: str) -> None:
        self._unsure += 1
        try:
            is_proxy = await self.find_proxy(address)
        finally:
            self._unsure -= 1
        if is_proxy and self._open.enter(peer, is_proxy=True):
            self._serve(stream, address, peer)
        else:
            self._refuse(stream, peer)

    def _refuse(self, stream: IOStream, peer: str) -> None:
        self._open.tell_refused(peer)
        stream.close()

    def _serve(self, stream: IOStream, address: Any, peer: str) -> None:
        stream.platform_peer = peer  # type: ignore[attr-defined]
        count_chunks(stream)
        super().handle_stream(stream, address)

    def on_close(self, server_conn: Any) -> None:
        """Count a connection that has ended."""
        self._open.leave(server_conn.stream.platform_peer)
        super().on_close(server_conn)

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Begin to read a request; connections are used again."""
        request_conn.stream.start_counting()  # type: ignore[attr-defined]
        return super().start_request(server_conn, request_conn)
