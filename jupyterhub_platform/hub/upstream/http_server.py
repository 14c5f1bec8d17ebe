"""The web server of the Hub: how large requests may be, whom it believes, and who is first.

JupyterHub (6.1) makes a plain ``tornado.httpserver.HTTPServer`` and has no setting for any of it.
Tornado lets a program say which class that is, so that nothing of JupyterHub's is replaced. It
becomes needless where JupyterHub takes the class of its web server from its configuration.
"""

from collections.abc import Awaitable, Iterable
from ipaddress import ip_network
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
)

from jupyterhub_platform.hub.upstream.forwarded import (
    Proxies,
    drop_forwarded,
    list_forwarded,
    settle_forwarded,
)
from jupyterhub_platform.hub.upstream.turns import Turns
from jupyterhub_platform.request_limits import LimitedHTTPServer


class HubHTTPServer(LimitedHTTPServer):
    """Answers within limits, in turns, and believes of others only what a proxy says."""

    def initialize(  # type: ignore[override]  # tornado asks for a signature of its own
        self,
        request_callback: Any,
        *,
        proxies: Proxies,
        turns: Turns,
        ahead: frozenset[str],
        **settings: Any,
    ) -> None:
        """Take what all Hubs of this process share."""
        self._proxies = proxies
        super().initialize(_InTurns(request_callback, turns, ahead), **settings)

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Begin to read a request."""
        inner = super().start_request(server_conn, request_conn)
        return _Believed(inner, request_conn, self._proxies)


def serve_with_limits(app: Any, trusted_proxies: Iterable[str]) -> Proxies:
    """Have the Hub be served by this class, before it makes its web server."""
    proxies = Proxies(ip_network(each, strict=False) for each in trusted_proxies)
    turns = Turns()
    ahead = frozenset({f"{app.hub_prefix}health"})
    HTTPServer.configure(HubHTTPServer, proxies=proxies, turns=turns, ahead=ahead)
    write_log = app.tornado_settings["log_function"]

    def log_request(handler: Any) -> None:
        if getattr(handler, "_jupyterhub_user", None) is not None:
            turns.note_known(handler.request)
        write_log(handler)

    app.tornado_settings["log_function"] = log_request
    return proxies


class _Passing(HTTPMessageDelegate):
    """Hands everything on."""

    def __init__(self, inner: HTTPMessageDelegate, connection: Any) -> None:
        self._inner = inner
        self._connection = connection

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        """Hand the headers on."""
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Hand on a part of the body."""
        return self._inner.data_received(chunk)

    def finish(self) -> None:
        """Hand on that the request is there."""
        self._inner.finish()

    def on_connection_close(self) -> None:
        """Hand on that the client is gone."""
        self._inner.on_connection_close()


class _Believed(_Passing):
    """Takes out of the headers what only a proxy may say."""

    def __init__(self, inner: HTTPMessageDelegate, connection: Any, proxies: Proxies) -> None:
        super().__init__(inner, connection)
        self._proxies = proxies

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        """Read them as they are meant, once it is known who sent them."""
        is_proxy = self._proxies.is_near(self._connection)
        if is_proxy is None and list_forwarded(headers):
            return self._find_out(start_line, headers)
        self._settle(headers, is_proxy=bool(is_proxy))
        return super().headers_received(start_line, headers)

    async def _find_out(self, start_line: Any, headers: HTTPHeaders) -> None:
        self._settle(headers, is_proxy=await self._proxies.is_found(self._connection))
        later = super().headers_received(start_line, headers)
        if later is not None:
            await later

    def _settle(self, headers: HTTPHeaders, *, is_proxy: bool) -> None:
        context = self._connection.context
        if is_proxy:
            settle_forwarded(headers, context.protocol)
        elif list_forwarded(headers):
            self._proxies.tell(str(context))
            drop_forwarded(headers)


class _InTurns(HTTPServerConnectionDelegate):
    """Has what is there begin in turns."""

    def __init__(
        self, inner: HTTPServerConnectionDelegate, turns: Turns, ahead: frozenset[str]
    ) -> None:
        self._inner = inner
        self._turns = turns
        self._ahead = ahead

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Begin to read a request."""
        inner = self._inner.start_request(server_conn, request_conn)
        return _InTurn(inner, request_conn, self._turns, self._ahead)


class _InTurn(_Passing):
    def __init__(
        self, inner: HTTPMessageDelegate, connection: Any, turns: Turns, ahead: frozenset[str]
    ) -> None:
        super().__init__(inner, connection)
        self._turns = turns
        self._ahead = ahead

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        """Remember what says whose turn it is."""
        self._headers = headers
        self._is_ahead = start_line.path in self._ahead
        return super().headers_received(start_line, headers)

    def finish(self) -> None:
        """Begin, when it is this one's turn and its client still waits."""
        self._turns.begin(self._headers, ahead=self._is_ahead, begin=self._begin)

    def _begin(self) -> None:
        if self._connection.stream is None or self._connection.stream.closed():
            self._inner.on_connection_close()
        else:
            self._inner.finish()
