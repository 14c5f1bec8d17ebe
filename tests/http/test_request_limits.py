"""Requests that are too large, on a real web server: a sentence, whatever the client does."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from tornado import web
from tornado.netutil import bind_unix_socket
from tornado.testing import bind_unused_port

from jupyterhub_platform.http.limited_server import LimitedHTTPServer
from jupyterhub_platform.http.request_limits import MAX_CHUNKS, MAX_HEADER_BYTES
from jupyterhub_platform.http.request_refusals import (
    MAX_BODY_BYTES,
    MAX_COOKIES,
    MAX_HEADERS,
    MAX_TARGET_BYTES,
)


class Echo(web.RequestHandler):
    def post(self) -> None:
        self.write(str(len(self.request.body)))


@pytest.fixture
async def port() -> AsyncIterator[int]:
    listening, port = bind_unused_port()
    server = LimitedHTTPServer(web.Application([(".*", Echo)]))
    server.add_socket(listening)
    yield port
    server.stop()
    await server.close_all_connections()


async def ask(port: int, *parts: bytes) -> tuple[int, bytes, bytes]:
    """Send parts one after another, listen only then, and return status, headers and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0] or 0)
        return int(head.split()[1]), head, await reader.readexactly(length)
    finally:
        writer.close()


def post(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: hub", *headers, "", ""]).encode()


def chunk(size: int) -> bytes:
    return f"{size:x}\r\n".encode() + b"x" * size + b"\r\n"


async def test_a_pause_of_the_loop_costs_no_client_at_a_socket_its_connection(
    tmp_path: Path,
) -> None:
    """At a port clients try again by themselves; at a Unix socket they are refused at once."""
    path = str(tmp_path / "hub.sock")
    server = LimitedHTTPServer(web.Application([(".*", Echo)]))
    server.add_socket(bind_unix_socket(path))
    with ExitStack() as clients:
        for _ in range(300):
            client = clients.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            client.connect(path)
    server.stop()


async def test_a_body_of_just_the_limit_is_read(port: int) -> None:
    head = post("/x", f"Content-Length: {MAX_BODY_BYTES}")
    status, _, body = await ask(port, head, b"x" * MAX_BODY_BYTES)
    assert (status, body) == (200, str(MAX_BODY_BYTES).encode())
    pieces = [chunk(2**16)] * (MAX_BODY_BYTES // 2**16)
    chunked = post("/x", "Transfer-Encoding: chunked")
    status, _, body = await ask(port, chunked, *pieces, b"0\r\n\r\n")
    assert (status, body) == (200, str(MAX_BODY_BYTES).encode())


@pytest.mark.parametrize("length", [MAX_BODY_BYTES + 1, 3 * MAX_BODY_BYTES, 10**30])
async def test_announced_length_that_is_too_large_is_refused_before_the_body(
    port: int, length: int
) -> None:
    status, head, body = await ask(port, post("/hub/login", f"Content-Length: {length}"))
    assert (status, b"text/plain" in head) == (413, True)
    assert b"1 MiB at most" in body


def cookies(count: int) -> str:
    return "Cookie: " + "; ".join(f"a{number}=b" for number in range(count))


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (post("/api/" + "x" * MAX_TARGET_BYTES, "Content-Length: 0"), 414, "request.too_long"),
        (post("/api/?a=" + "x" * MAX_TARGET_BYTES, "Content-Length: 0"), 414, "request.too_long"),
        (
            post("/api/x", *(f"X-{number}: y" for number in range(MAX_HEADERS + 1))),
            431,
            "request.too_many_headers",
        ),
        (post("/api/x", *["X: y"] * (MAX_HEADERS + 1)), 431, "request.too_many_headers"),
        (post("/api/x", cookies(MAX_COOKIES + 1)), 431, "request.too_many_headers"),
        (post("/api/x", cookies(150), cookies(150)), 431, "request.too_many_headers"),
    ],
    ids=["path", "query", "headers", "one header again", "cookies", "cookies in two headers"],
)
async def test_addresses_and_headers_have_a_limit(
    port: int, request_: bytes, status: int, code: str
) -> None:
    answered, _, body = await ask(port, request_)
    said = json.loads(body)
    assert (answered, said["code"], said["status"]) == (status, code, status)
    assert said["message"].endswith(".")


async def test_addresses_and_headers_up_to_the_limit_are_read(port: int) -> None:
    for request_ in (
        post("/" + "x" * (MAX_TARGET_BYTES - 1), "Content-Length: 0"),
        post("/x", *(f"X-{number}: y" for number in range(MAX_HEADERS - 2)), "Content-Length: 0"),
        post("/x", cookies(MAX_COOKIES), "Content-Length: 0"),
    ):
        assert (await ask(port, request_))[0] == 200


async def test_a_client_that_sends_everything_first_hears_of_it(port: int) -> None:
    size = 4 * MAX_BODY_BYTES
    head = post("/hub/api/users/x/tokens", f"Content-Length: {size}")
    status, _, body = await ask(port, head, b"x" * size)
    assert status == 413
    said = json.loads(body)
    assert said["code"] == "request.too_large"
    assert "Send less" in said["message"]


async def test_a_chunked_body_is_cut_off(port: int) -> None:
    pieces = [chunk(2**16)] * (2 * MAX_BODY_BYTES // 2**16)
    status, _, _ = await ask(port, post("/x", "Transfer-Encoding: chunked"), *pieces)
    assert status == 413
    claims = post("/x", "Transfer-Encoding: chunked") + b"7fffffff\r\n" + b"x" * 2**21
    assert (await ask(port, claims))[0] == 413


async def test_expect_continue_is_answered_with_413_when_too_large(port: int) -> None:
    head = post("/x", f"Content-Length: {2 * MAX_BODY_BYTES}", "Expect: 100-continue")
    assert (await ask(port, head))[0] == 413
    small = post("/x", "Content-Length: 1", "Expect: 100-continue")
    assert (await ask(port, small, b"x"))[0] == 100


async def test_a_body_in_crumbs_is_not_read_to_its_end(port: int) -> None:
    head = post("/x", "Transfer-Encoding: chunked", "Connection: keep-alive")
    enough = chunk(1) * (MAX_CHUNKS - 1) + b"0\r\n\r\n"
    # Twice on one connection: each request is counted for itself.
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(head + enough)
        assert b" 200 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        await reader.readexactly(len(str(MAX_CHUNKS - 1)))
    writer.close()


@pytest.mark.parametrize("end", [b"", b"0\r\n\r\n"])
@pytest.mark.parametrize("chunks", [MAX_CHUNKS + 1, 2 * MAX_CHUNKS, 50_000])
async def test_a_body_in_too_many_chunks_is_refused_with_a_sentence(
    port: int, chunks: int, end: bytes
) -> None:
    head = post("/api/x", "Transfer-Encoding: chunked", "Connection: keep-alive")
    # The client sends all of it before it listens.
    status, _, body = await ask(port, head, *[chunk(1)] * chunks, end)
    assert (status, json.loads(body)["code"]) == (413, "request.too_many_chunks")
    said = await hear_all(port, head, *[chunk(1)] * chunks, b"0\r\n\r\n")
    assert said.count(b"HTTP/1.1") == 1, said


async def test_headers_without_end_are_not_read_to_their_end(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post("/x", f"A: {'x' * MAX_HEADER_BYTES}"))
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyterhub_platform.http.limited_server.BODY_SECONDS", 0.3)
    listening, port = bind_unused_port()
    server = LimitedHTTPServer(web.Application([(".*", Echo)]))
    server.add_socket(listening)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post("/x", "Content-Length: 10") + b"x")
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()
    server.stop()
    await server.close_all_connections()


async def hear_all(port: int, *parts: bytes) -> bytes:
    """Send parts, and return all that comes until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = bytearray()

    async def listen() -> None:
        while heard := await reader.read(2**16):
            said.extend(heard)

    listening = asyncio.create_task(listen())
    # What is sent to a connection that has ended is answered with a reset.
    with suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
    with suppress(ConnectionError):
        await asyncio.wait_for(listening, 20)
    writer.close()
    return bytes(said)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([f"Content-Length: {2**31}"], 413),
        ([f"Content-Length: {2**63}"], 413),
        ([f"Content-Length: {'9' * 20}"], 413),
        ([f"Content-Length: {'9' * 5_000}"], 413),
        ([f"Content-Length: {'9' * 20}", "Expect: 100-continue"], 413),
        ([f"Content-Length: {'9' * 20}"] * 2, 413),
        ([f"Content-Length: {'0' * 30}{2**30}"], 413),
        ([f"Content-Length: {'9' * 20}", "Content-Length: 1"], 400),
        (["Content-Length: 1", f"Content-Length: {'9' * 20}"], 400),
        ([f"Content-Length: {'9' * 20}", "Transfer-Encoding: chunked"], 400),
        (["Content-Length: 5", "Transfer-Encoding: chunked"], 400),
        (["Transfer-Encoding: gzip, chunked"], 400),
        (["Content-Length: -1"], 400),
        (["Content-Length: +5"], 400),
        (["Content-Length: 0x10"], 400),
        (["Content-Length: 1_0"], 400),
        (["Content-Length: \u00b2"], 400),
    ],
)
async def test_a_length_of_any_kind_has_one_answer(
    port: int, headers: list[str], status: int
) -> None:
    head = "\r\n".join(["POST /x HTTP/1.1", "Host: hub", *headers, "", ""]).encode("latin-1")
    # More than is read after a refusal, and what would be a request of its own.
    said = await hear_all(port, head, *[b"x" * 2**20] * 9, post("/y", "Content-Length: 0"))
    assert said.startswith(b"HTTP/1.1 %d " % status)
    assert said.count(b"HTTP/1.1") == 1, said


@pytest.mark.parametrize(
    "rest", [b"zz\r\n", b"5\r\nxxxxxzz\r\n", b"-1\r\n", chunk(1) * (MAX_CHUNKS + 1), b"0\r\n\r\n"]
)
async def test_malformed_rest_of_a_refused_body_gets_no_second_response(
    port: int, rest: bytes
) -> None:
    pieces = [chunk(2**16)] * 17
    said = await hear_all(port, post("/x", "Transfer-Encoding: chunked"), *pieces, rest)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert said.count(b"HTTP/1.1") == 1, said


async def test_a_connection_ends_with_a_refusal_also_if_all_of_its_body_came(port: int) -> None:
    size = 2 * MAX_BODY_BYTES
    head = post("/x", f"Content-Length: {size}")
    said = await hear_all(port, head + b"x" * size, post("/y", "Content-Length: 0"))
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in said.lower()
    assert said.count(b"HTTP/1.1") == 1, said
