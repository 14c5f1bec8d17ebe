"""How large and how slow a request may be, for whatever of ours answers HTTP.

Tornado has a limit for bodies, too, and answers what is beyond it with a bare 400 and a connection
that is reset while the client still sends. Here the client gets a 413 and a sentence: what it sends
after that is read for a while and thrown away.
"""

import json
import logging
import sys
from collections.abc import Awaitable
from typing import Any, Final

from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    ResponseStartLine,
)
from tornado.iostream import IOStream

log = logging.getLogger(__name__)

MOST_BODY_BYTES: Final = 2**20
MOST_HEADER_BYTES: Final = 2**15
BODY_SECONDS: Final = 60.0
"""For how long a body may be on its way."""
HEADER_SECONDS: Final = 120.0
"""For how long headers may be on their way; a connection that is kept waits no longer, either."""
MOST_CHUNKS: Final = 4096
"""Pieces of a chunked body: each one costs the loop as much as a kilobyte does."""
TOO_LARGE: Final = (
    f"The body of a request has {MOST_BODY_BYTES // 2**20} MiB at most. Send less at once."
)
TOO_LARGE_CODE: Final = "request.too_large"

_DISCARDED_BYTES: Final = 8 * MOST_BODY_BYTES
"""What is read after a refusal: clients that send before they listen get to hear of it."""


class LimitedHTTPServer(HTTPServer):
    """A web server that reads no more than a request may have."""

    def initialize(  # type: ignore[override]  # tornado has names for all of them
        self, request_callback: Any, **settings: Any
    ) -> None:
        """Put the limits in front of what answers."""
        limits = {
            "max_header_size": MOST_HEADER_BYTES,
            "body_timeout": BODY_SECONDS,
            "idle_connection_timeout": HEADER_SECONDS,
        }
        super().initialize(LimitedRequests(request_callback), **(limits | settings))

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Count the pieces of chunked bodies, which alone are read up to a mark."""
        read_until, left = stream.read_until, MOST_CHUNKS

        def count(delimiter: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
            nonlocal left
            left -= 1
            if left < 0:
                raise HTTPInputError("The body comes in too many pieces")
            return read_until(delimiter, max_bytes)

        def start_counting() -> None:
            nonlocal left
            left = MOST_CHUNKS

        stream.read_until = count  # type: ignore[method-assign]
        stream.start_counting = start_counting  # type: ignore[attr-defined]
        super().handle_stream(stream, address)

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Begin to read a request; connections are used again."""
        request_conn.stream.start_counting()  # type: ignore[attr-defined]
        return super().start_request(server_conn, request_conn)


class LimitedRequests(HTTPServerConnectionDelegate):
    """Hands on what is small enough."""

    def __init__(self, inner: HTTPServerConnectionDelegate) -> None:
        self._inner = inner

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Begin to read a request."""
        inner = self._inner.start_request(server_conn, request_conn)
        return _LimitedBody(inner, request_conn)

    def on_close(self, server_conn: object) -> None:
        """Pass on that a connection is gone."""
        self._inner.on_close(server_conn)


class _LimitedBody(HTTPMessageDelegate):
    """Reads one request, and refuses it as soon as it is known to be too large."""

    def __init__(self, inner: HTTPMessageDelegate, connection: Any) -> None:
        self._inner = inner
        self._connection = connection
        self._received = 0
        self._refused = self._finished = False

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        """Refuse what says that it is too large."""
        self._start_line = start_line
        # The limit of tornado would be met first, and answers nothing that could be read.
        self._connection.set_max_body_size(sys.maxsize)
        if _is_too_long(headers.get("Content-Length", "")):
            self._refuse()
            if "Expect" in headers:
                self._finish()
            return None
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Hand on a part of the body, unless there have been too many."""
        self._received += len(chunk)
        if not self._refused and self._received > MOST_BODY_BYTES:
            self._refuse()
            self._inner.on_connection_close()
        if not self._refused:
            return self._inner.data_received(chunk)
        if self._received > _DISCARDED_BYTES:
            self._finish()
        return None

    def finish(self) -> None:
        """Have the request answered, now that it is there."""
        if self._refused:
            self._finish()
        else:
            self._inner.finish()

    def on_connection_close(self) -> None:
        """Pass on that the client is gone."""
        if not self._refused:
            self._inner.on_connection_close()

    def _refuse(self) -> None:
        self._refused = True
        method, path = self._start_line.method, self._start_line.path.partition("?")[0]
        log.warning("413 %s %.200s (%s): the body is too large", method, path, self._who())
        if "/api/" in path:
            kind = "application/json"
            said = json.dumps({"status": 413, "message": TOO_LARGE, "code": TOO_LARGE_CODE})
        else:
            kind, said = "text/plain; charset=UTF-8", f"{TOO_LARGE}\n"
        body = said.encode()
        headers = HTTPHeaders(
            {
                "Content-Type": kind,
                "Content-Length": str(len(body)),
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            }
        )
        start_line = ResponseStartLine("HTTP/1.1", 413, "Content Too Large")
        sent = self._connection.write_headers(start_line, headers, body)
        sent.add_done_callback(lambda future: future.exception())

    def _who(self) -> str:
        return str(getattr(self._connection.context, "remote_ip", "unknown"))

    def _finish(self) -> None:
        if not self._finished:
            self._finished = True
            self._connection.finish()


def _is_too_long(length: str) -> bool:
    digits = length.partition(",")[0].strip().lstrip("0")
    return digits.isdecimal() and (len(digits) > 9 or int(digits) > MOST_BODY_BYTES)
