"""Limits the size and slowness of HTTP requests, for the Hub and the service.

Tornado has a limit for bodies, too, and answers what is beyond it with a bare 400 and a connection
that is reset while the client still sends. Here the client gets a 413 and a sentence: what it sends
after that is read for a while and thrown away.

Upstream: tornado 6
Issue: tornadoweb/tornado#2900 (closed)
Ends when: tornado says what is too large or too slow, and gives the client time to read it.
"""

import json
import logging
import sys
from collections.abc import Awaitable
from typing import Any, Final

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    ResponseStartLine,
)
from tornado.iostream import IOStream

from jupyterhub_platform.http.request_refusals import (
    MAX_BODY_BYTES,
    TOO_LARGE,
    Refusal,
    find_refusal,
    is_too_long,
)

log = logging.getLogger(__name__)

MAX_HEADER_BYTES: Final = 2**15
BODY_SECONDS: Final = 60.0
"""For how long a body may be on its way."""
HEADER_SECONDS: Final = 120.0
"""For how long headers may be on their way, and a kept connection may be idle."""
MAX_CHUNKS: Final = 4096
"""Of a chunked body: each chunk costs the loop as much as a kilobyte does."""
TOO_MANY_CHUNKS: Final = Refusal(
    413,
    "Content Too Large",
    "request.too_many_chunks",
    f"The body of a request comes in {MAX_CHUNKS} chunks at most. Send larger ones, or its length "
    "first (Content-Length).",
)

_DISCARDED_BYTES: Final = 8 * MAX_BODY_BYTES
"""What is read after a refusal: clients that send before they listen get to hear of it."""
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


def count_chunks(stream: IOStream) -> None:
    """Count the chunks of bodies, which alone are read up to a mark; refuse one with too many."""
    read_until, left = stream.read_until, MAX_CHUNKS

    def count(delimiter: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        nonlocal left
        left -= 1
        if left < 0:
            if not stream.refuse_chunks():  # type: ignore[attr-defined]
                raise HTTPInputError("The body comes in too many chunks")
            return _discard(stream)
        return read_until(delimiter, max_bytes)

    def start_counting() -> None:
        nonlocal left
        left = MAX_CHUNKS

    stream.read_until = count  # type: ignore[method-assign]
    stream.start_counting = start_counting  # type: ignore[attr-defined]


async def _discard(stream: IOStream) -> bytes:
    """Read on without looking for chunks, until the client has sent its last one, or has gone."""
    read, end = 0, b""
    while read < _DISCARDED_BYTES and end != _LAST_CHUNK:
        part = await stream.read_bytes(2**16, partial=True)
        read, end = read + len(part), (end + part)[-len(_LAST_CHUNK) :]
    raise HTTPInputError("The body comes in too many chunks")


class DelegatingMessage(HTTPMessageDelegate):
    """Hands on everything of one request."""

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


class LimitedRequests(HTTPServerConnectionDelegate):
    """Passes on the requests that are within the limits."""

    def __init__(self, inner: HTTPServerConnectionDelegate) -> None:
        self._inner = inner

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Begin to read a request."""
        inner = self._inner.start_request(server_conn, request_conn)
        body = _LimitedBody(inner, request_conn)
        request_conn.stream.refuse_chunks = body.refuse_chunks  # type: ignore[attr-defined]
        return body

    def on_close(self, server_conn: object) -> None:
        """Pass on that a connection is gone."""
        self._inner.on_close(server_conn)


class _LimitedBody(DelegatingMessage):
    """Reads one request, and refuses it as soon as it is known to be too large."""

    def __init__(self, inner: HTTPMessageDelegate, connection: Any) -> None:
        super().__init__(inner, connection)
        self._received = 0
        self._refused = self._finished = False

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        """Refuse a request whose headers announce that it is too large."""
        self._start_line = start_line
        # The limit of tornado would be met first, and answers nothing that could be read.
        self._connection.set_max_body_size(sys.maxsize)
        if refusal := find_refusal(start_line, headers):
            # Only so much is read of it: there are numbers that tornado refuses.
            if is_too_long(headers, _DISCARDED_BYTES):
                headers["Content-Length"] = str(_DISCARDED_BYTES + 1)
            self._refuse(refusal)
            if "Expect" in headers:
                self._finish()
            return None
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Hand on a part of the body, unless there have been too many."""
        self._received += len(chunk)
        if not self._refused and self._received > MAX_BODY_BYTES:
            self._refuse(TOO_LARGE)
            self._inner.on_connection_close()
        if not self._refused:
            return self._inner.data_received(chunk)
        if self._received > _DISCARDED_BYTES:
            self._finish()
        return None

    def refuse_chunks(self) -> bool:
        """Refuse what has come in too many chunks, unless it was refused before."""
        if self._refused:
            return False
        self._refuse(TOO_MANY_CHUNKS)
        self._inner.on_connection_close()
        return True

    def finish(self) -> None:
        """Pass the complete request on, or end a refused one."""
        if self._refused:
            self._finish()
        else:
            self._inner.finish()

    def on_connection_close(self) -> None:
        """Pass on that the client is gone."""
        if not self._refused:
            self._inner.on_connection_close()

    def _refuse(self, refusal: Refusal) -> None:
        self._refused = True
        status, sentence = refusal.status, refusal.sentence
        method, path = self._start_line.method, self._start_line.path.partition("?")[0]
        log.warning("%d %s %.200s (%s): %s", status, method, path, self._address(), refusal.phrase)
        if "/api/" in path:
            kind = "application/json"
            text = json.dumps({"status": status, "message": sentence, "code": refusal.code})
        else:
            kind, text = "text/plain; charset=UTF-8", f"{sentence}\n"
        body = text.encode()
        headers = HTTPHeaders(
            {
                "Content-Type": kind,
                "Content-Length": str(len(body)),
                "Cache-Control": "no-store",
                "Connection": "close",
                "X-Content-Type-Options": "nosniff",
            }
        )
        start_line = ResponseStartLine("HTTP/1.1", status, refusal.phrase)
        self._sent = sent = self._connection.write_headers(start_line, headers, body)
        sent.add_done_callback(lambda future: future.exception())
        # One answer is enough: tornado has a 400 for what is wrong with the rest of a request.
        self._connection.stream.write = lambda _data: sent

    def _address(self) -> str:
        return str(getattr(self._connection.context, "remote_ip", "unknown"))

    def _finish(self) -> None:
        if not self._finished:
            self._finished = True
            self._connection.finish()
            self._sent.add_done_callback(lambda _: self._connection.close())
