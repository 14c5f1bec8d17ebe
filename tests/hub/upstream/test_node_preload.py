"""The proxy ends its connections to Unix sockets itself, and would lose requests otherwise."""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from jupyterhub_platform.cli.local.proxy import find_proxy_command
from jupyterhub_platform.http.sockets import render_unix_url
from jupyterhub_platform.hub.upstream.node_preload import KEEP_ALIVE
from tests.support.live_hub import _free_port

pytestmark = pytest.mark.hub

REQUESTS = 300


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a body of three bytes as any server does: at once, and closing where that is asked."""
    head = b""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while b"connection: close" not in head.lower():
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(3)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request, and close at the next one, as a server does that was idle too long."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(3)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        await reader.read(1)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@asynccontextmanager
async def proxy(
    options: str,
    server_answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] = answer,
) -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "server.sock"
        server = await asyncio.start_unix_server(server_answer, socket)
        port, api_port = _free_port(), _free_port()
        listen = ("--ip", "127.0.0.1", "--port", str(port), "--api-port", str(api_port))
        process = await asyncio.create_subprocess_exec(
            *find_proxy_command(),
            *listen,
            f"--default-target={render_unix_url(socket)}",
            env={**os.environ, "CONFIGPROXY_AUTH_TOKEN": "test", "NODE_OPTIONS": options},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            await process.wait()
            server.close()
            # What was still connected ends with the proxy; its last turns are given here.
            await asyncio.sleep(0.1)


async def post_many(url: str) -> Counter[int]:
    answers: Counter[int] = Counter()
    transport = httpx.AsyncHTTPTransport(retries=8)
    async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=30) as client:
        for _ in range(REQUESTS):
            answers[(await client.post(url, content=b"[1]")).status_code] += 1
    return answers


async def test_no_request_with_a_body_is_lost_on_its_way_to_a_unix_socket() -> None:
    async with proxy(f'--require="{KEEP_ALIVE}"') as url:
        assert await post_many(url) == {200: REQUESTS}


async def test_no_request_is_sent_to_a_server_that_ends_an_idle_connection() -> None:
    async with proxy(f'--require="{KEEP_ALIVE}"', answer_once) as url:
        assert await post_many(url) == {200: REQUESTS}


async def test_stock_proxy_still_drops_requests() -> None:
    async with proxy("") as url:
        assert (await post_many(url))[503] > 0, "configurable-http-proxy keeps them by itself"
