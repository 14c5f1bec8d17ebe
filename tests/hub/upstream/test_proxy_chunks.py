"""Bodies in many small chunks cost the proxy no more than others, and arrive as they were sent."""

import asyncio

import psutil
import pytest

from jupyterhub_platform.hub.upstream.node_preload import CHUNKS, KEEP_ALIVE
from tests.hub.upstream.test_proxy_requests import close, proxy

pytestmark = pytest.mark.hub

CRUMBS = 100_000
LARGE = 100_000_000
SIZES = (1, 2, 70_000, 1, 300, 65_536, 5)
HEAD = b"POST / HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunked(parts: list[bytes]) -> bytes:
    """Return a body in chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])


async def read_body(reader: asyncio.StreamReader) -> list[bytes]:
    """Read a body in chunks."""
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return parts


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a body with itself, in chunks of one byte, and say in how many it came."""
    await reader.readuntil(b"\r\n\r\n")
    parts = await read_body(reader)
    head = b"HTTP/1.1 200 OK\r\nX-Chunks: %d\r\nTransfer-Encoding: chunked\r\n" % len(parts)
    writer.write(head + b"Connection: close\r\n\r\n")
    writer.write(chunked([bytes([each]) for each in b"".join(parts)]))
    await writer.drain()
    await close(writer)


async def exchange(port: int, body: bytes) -> tuple[int, list[bytes]]:
    """Send a body; return how many chunks came to the server, and the chunks of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD + body)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    chunks = int(head.split(b"x-chunks: ")[1].split(b"\r\n")[0])
    answer = await read_body(reader)
    await close(writer)
    return chunks, answer


def find_proxy(port: int) -> psutil.Process:
    children = psutil.Process().children(recursive=True)
    return next(each for each in children if str(port) in each.cmdline())


async def test_stock_proxy_still_passes_on_each_chunk() -> None:
    async with proxy(KEEP_ALIVE, server=echo) as (port, _), asyncio.timeout(60):
        chunks, answer = await exchange(port, chunked([b"x"] * 2_000))
    assert chunks == len(answer) == 2_000, "the proxy does so itself: delete proxy_chunks.js"


async def test_crumbs_are_passed_on_in_large_parts() -> None:
    async with proxy(KEEP_ALIVE, CHUNKS, server=echo) as (port, _), asyncio.timeout(60):
        chunks, answer = await exchange(port, chunked([b"x"] * CRUMBS))
    assert b"".join(answer) == b"x" * CRUMBS
    assert chunks < CRUMBS / 100
    assert len(answer) < CRUMBS / 100


async def test_bodies_arrive_as_they_were_sent() -> None:
    parts = [bytes([48 + size % 60]) * size for size in SIZES]
    async with proxy(KEEP_ALIVE, CHUNKS, server=echo) as (port, _), asyncio.timeout(60):
        for count in range(1, len(parts) + 1):
            _, answer = await exchange(port, chunked(parts[:count]))
            assert b"".join(answer) == b"".join(parts[:count])


async def test_a_part_is_passed_on_before_the_next_one_comes() -> None:
    async def read_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for said in (b"a", b"b"):
            assert await reader.readexactly(6) == b"1\r\n%s\r\n" % said
            writer.write(b"1\r\n%s\r\n" % said.upper())
        writer.write(b"0\r\n\r\n")
        await close(writer)

    async with proxy(KEEP_ALIVE, CHUNKS, server=read_slowly) as (port, _), asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD)
        for said in (b"a", b"b"):
            writer.write(b"1\r\n%s\r\n" % said)
            if said == b"a":
                await reader.readuntil(b"\r\n\r\n")
            assert await reader.readuntil(said.upper() + b"\r\n")
        await close(writer)


async def test_a_server_that_does_not_read_holds_the_sender_back() -> None:
    go_on = asyncio.Event()
    sizes: list[int] = []

    async def read_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await go_on.wait()
        sizes.extend(map(len, await read_body(reader)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await close(writer)

    async with proxy(KEEP_ALIVE, CHUNKS, server=read_late) as (port, _), asyncio.timeout(60):
        memory = find_proxy(port).memory_info
        before = memory().rss
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + chunked([b"x" * 1_000] * (LARGE // 1_000)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.drain(), 2)
        assert memory().rss - before < LARGE / 2
        go_on.set()
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        await close(writer)
    assert sum(sizes) == LARGE
