"""The Hub's web server: request limits, trusted proxies, and the order of requests.

JupyterHub creates a plain ``tornado.httpserver.HTTPServer`` and has no setting for any of it.
Tornado lets a program configure that class, so nothing of JupyterHub's is replaced.

Upstream: jupyterhub 6.1
Issue: jupyterhub/jupyterhub#2447 (added the one setting that there is, for proxies of the proxy)
Ends when: JupyterHub takes the class of its web server from its configuration.
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

from jupyterhub_platform.http.forwarded_headers import ProxiedHTTPServer, Proxies
from jupyterhub_platform.http.request_limits import DelegatingMessage
from jupyterhub_platform.hub.upstream.request_priority import RequestPriority


class HubHTTPServer(ProxiedHTTPServer):
    """Answers within limits, by priority, and trusts forwarded headers only from proxies."""

    def initialize(  # type: ignore[override]  # tornado asks for a signature of its own
        self,
        request_callback: Any,
        *,
        priority: RequestPriority,
        ahead: frozenset[str],
        **settings: Any,
    ) -> None:
        """Take what all Hubs of this process share."""
        super().initialize(_Prioritised(request_callback, priority, ahead), **settings)


def serve_with_limits(app: Any, trusted_proxies: Iterable[str]) -> Proxies:
    """Have the Hub served by this class, before it creates its web server."""
    proxies = Proxies(ip_network(each, strict=False) for each in trusted_proxies)
    priority = RequestPriority()
    ahead = frozenset({f"{app.hub_prefix}health"})
    HTTPServer.configure(HubHTTPServer, proxies=proxies, priority=priority, ahead=ahead)
    write_log = app.tornado_settings["log_function"]

    def log_request(handler: Any) -> None:
        priority.note_answered(handler.request)
        if getattr(handler, "_jupyterhub_user", None) is not None:
            priority.note_known(handler.request)
        write_log(handler)

    app.tornado_settings["log_function"] = log_request
    return proxies


class _Prioritised(HTTPServerConnectionDelegate):
    """Starts requests by priority."""

    def __init__(
        self, inner: HTTPServerConnectionDelegate, priority: RequestPriority, ahead: frozenset[str]
    ) -> None:
        self._inner = inner
        self._priority = priority
        self._ahead = ahead

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Begin to read a request."""
        inner = self._inner.start_request(server_conn, request_conn)
        return _PrioritisedRequest(inner, request_conn, self._priority, self._ahead)


class _PrioritisedRequest(DelegatingMessage):
    def __init__(
        self,
        inner: HTTPMessageDelegate,
        connection: Any,
        priority: RequestPriority,
        ahead: frozenset[str],
    ) -> None:
        super().__init__(inner, connection)
        self._priority = priority
        self._ahead = ahead

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        """Remember the headers that decide whose turn it is."""
        self._headers = headers
        self._is_ahead = start_line.path in self._ahead
        return super().headers_received(start_line, headers)

    def finish(self) -> None:
        """Begin, when it is this request's turn and its client still waits."""
        self._priority.begin(self._headers, ahead=self._is_ahead, begin=self._begin)

    def _begin(self) -> None:
        if self._connection.stream is None or self._connection.stream.closed():
            self._inner.on_connection_close()
        else:
            self._inner.finish()
