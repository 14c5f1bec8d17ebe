"""What strangers send to the public port and hold open there, on a real proxy."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from jupyterhub_platform.cli.local.proxy import find_proxy_command
from jupyterhub_platform.http.sockets import render_unix_url
from jupyterhub_platform.hub.upstream.node_preload import KEEP_ALIVE, REQUESTS
from tests.support.live_hub import _free_port

pytestmark = pytest.mark.hub

MAX_UNFINISHED = 256
UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a server does: at once, but for a path that streams a line now and then."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            if b"upgrade: websocket" in head.lower():
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n")
                writer.write(b"Connection: Upgrade\r\n\r\n")
                while said := await reader.read(2**16):
                    writer.write(said)
            if head.startswith(b"POST"):
                await reader.readexactly(9)
            if b"/stream" in head:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
                await asyncio.sleep(3)
                writer.write(b"a")
                await asyncio.sleep(1)
                writer.write(b"bcde")
                continue
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
    await close(writer)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@asynccontextmanager
async def proxy(
    *scripts: Path,
    connections: int = 0,
    default: bool = True,
    server: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] = answer,
) -> AsyncIterator[tuple[int, Path]]:
    """Run the proxy in front of a server; give its port, and the socket of its API."""
    with tempfile.TemporaryDirectory() as folder:
        target, api = Path(folder) / "server.sock", Path(folder) / "api.sock"
        answering: list[asyncio.Future[None]] = []

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            answering.append(asyncio.ensure_future(server(reader, writer)))

        listening = await asyncio.start_unix_server(begin, target)
        port = _free_port()
        process = await asyncio.create_subprocess_exec(
            *find_proxy_command(),
            *("--ip", "127.0.0.1", "--port", str(port), "--api-socket", str(api)),
            *([f"--default-target={render_unix_url(target)}"] if default else []),
            env={
                **os.environ,
                "CONFIGPROXY_AUTH_TOKEN": "test",
                "JUPYTERHUB_PLATFORM_PROXY_CONNECTIONS": str(connections or ""),
                "NODE_OPTIONS": " ".join(f'--require="{script}"' for script in scripts),
            },
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(20):
                while not await can_connect(port):  # noqa: ASYNC110  another process begins
                    await asyncio.sleep(0.1)
            yield port, api
        finally:
            process.terminate()
            await process.wait()
            listening.close()
            async with asyncio.timeout(10):
                await asyncio.gather(*answering)


def has_ended(reader: asyncio.StreamReader) -> bool:
    return reader.at_eof() or reader.exception() is not None


async def can_connect(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    await close(writer)
    return True


async def ask(port: int | Path, target: bytes, *headers: bytes) -> bytes:
    """Send a request for a target, and return the first part of what is answered."""
    request = b"GET " + target + b" HTTP/1.1\r\nHost: hub\r\n" + b"".join(headers) + b"\r\n"
    return await send(port, request)


async def send(port: int | Path, request: bytes) -> bytes:
    """Send a whole request, and return the first part of what is answered."""
    if isinstance(port, Path):
        reader, writer = await asyncio.open_unix_connection(port)
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(2**16), 10)
    finally:
        await close(writer)


UNREADABLE = (
    b"/%ff", b"/%", b"/%c0%80", b"/hub/%e2%82", b"/user/x/%zz/api", b"/services/platform/%fe",
    b"/%ff?next=/", b"//", b"http://[/hub/", b"/%ed%a0%80",
)  # fmt: skip
READABLE = (
    b"/", b"/hub/%00", b"/?a=%ff", b"/%c3%bc", b"//hub/home", b"*",
    b"http://other.example/hub/", b"/" + b"x" * 8_000,
)  # fmt: skip


async def test_an_address_that_cannot_be_read_is_the_senders_fault() -> None:
    async with proxy(KEEP_ALIVE, REQUESTS) as (port, api):
        for target in UNREADABLE:
            said = await ask(port, target)
            assert said.startswith(b"HTTP/1.1 400 "), (target, said)
            assert b"cannot be read" in said
            said = await ask(port, target, UPGRADE)
            assert said.startswith(b"HTTP/1.1 400 "), (target, said)
        for target in READABLE:
            assert (await ask(port, target)).startswith(b"HTTP/1.1 200 "), target
        assert (await ask(port, b"/" + b"x" * 100_000)).startswith(b"HTTP/1.1 431 ")
        assert (await ask(port, b"/", b"X-A: \xff\xfe\x80\r\n")).startswith(b"HTTP/1.1 200 ")
        for by_node in (b"/\x00", b"/\xc3\xbc", b"hub"):
            assert (await ask(port, by_node)).startswith(b"HTTP/1.1 400 ")
        # Without an answer, the caller there would wait for ever.
        assert (await ask(api, b"/api/routes/%ff")).startswith(b"HTTP/1.1 400 ")
        assert (await ask(api, b"/api/routes")).startswith(b"HTTP/1.1 403 ")


async def test_half_sent_requests_of_one_address_end_the_oldest_of_them() -> None:
    async with proxy(KEEP_ALIVE, REQUESTS) as (port, _):
        reader, websocket = await asyncio.open_connection("127.0.0.1", port)
        websocket.write(b"GET /ws HTTP/1.1\r\nHost: hub\r\n" + UPGRADE + b"\r\n")
        assert b" 101 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        streaming = asyncio.create_task(ask(port, b"/stream"))
        await asyncio.sleep(0.5)
        held = []
        for number in range(MAX_UNFINISHED + 50):
            there, writer = await asyncio.open_connection("127.0.0.1", port)
            # Half of the headers, or a body of which nothing comes.
            half = b"GET / HTTP/1.1\r\nA: b" if number % 2 else b"POST / HTTP/1.1\r\nHost: hub\r\n"
            writer.write(half if number % 2 else half + b"Content-Length: 9\r\n\r\n")
            held.append((there, writer))
        async with asyncio.timeout(20):
            while len([each for each in held if has_ended(each[0])]) < 50:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        ended = [has_ended(there) for there, _ in held]
        assert not any(ended[60:]), ended
        # All else goes on: what is whole, what is streamed, and what was upgraded.
        assert (await ask(port, b"/")).endswith(b"ok")
        assert (await streaming).startswith(b"HTTP/1.1 200 OK")
        websocket.write(b"hello")
        assert await asyncio.wait_for(reader.read(9), 10) == b"hello"
        for writer in (websocket, *(writer for _, writer in held)):
            await close(writer)


async def test_addresses_of_this_machine_count_as_one() -> None:
    async with proxy(KEEP_ALIVE, REQUESTS) as (port, _):
        held = []
        for number in range(MAX_UNFINISHED + 50):
            where = (f"127.1.{number % 3}.{number % 200 + 1}", 0)
            opened = await asyncio.open_connection("127.0.0.1", port, local_addr=where)
            opened[1].write(b"GET / HTTP/1.1\r\nA: b")
            held.append(opened)
        async with asyncio.timeout(20):
            while len([each for each in held if has_ended(each[0])]) < 50:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        for _, writer in held:
            await close(writer)


@pytest.mark.parametrize("headers", [b"", UPGRADE])
@pytest.mark.parametrize(
    "path",
    [b"/user/dev1/stream", b"/base/user/%64ev1/stream?a=b", b"/hub/api/users/dev1/server/stream"],
)
async def test_requests_held_open_by_one_user_leave_room_for_others(
    headers: bytes, path: bytes
) -> None:
    async with proxy(KEEP_ALIVE, REQUESTS, connections=60) as (port, api):
        held = []
        # What has not come whole may be any sender's.
        for _ in range(20):
            opened = await asyncio.open_connection("127.0.0.1", port)
            opened[1].write(
                b"POST " + path + b" HTTP/1.1\r\nHost: hub\r\nContent-Length: 9\r\n\r\n"
            )
            held.append(opened)
        await asyncio.sleep(0.5)
        assert (await ask(port, b"/user/dev1/x")).endswith(b"ok")
        for _ in range(15):
            opened = await asyncio.open_connection("127.0.0.1", port)
            opened[1].write(b"GET " + path + b" HTTP/1.1\r\nHost: hub\r\n" + headers + b"\r\n")
            held.append(opened)
        await asyncio.sleep(0.5)
        for more in (b"", UPGRADE):
            said = await ask(port, b"/user/dev1/x", more)
            assert said.startswith(b"HTTP/1.1 503 "), said
            assert b"Close some of them" in said
        assert (await ask(port, b"/user/dev2/x")).endswith(b"ok")
        assert (await ask(port, b"/hub/home?next=/user/dev1/x")).endswith(b"ok")
        # The Hub, which takes the route away.
        assert (await ask(api, b"/api/routes/user/dev1")).startswith(b"HTTP/1.1 403 ")
        for _, writer in held:
            await close(writer)
        async with asyncio.timeout(10):
            while not (await ask(port, b"/user/dev1/x")).endswith(b"ok"):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
