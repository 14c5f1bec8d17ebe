"""Connections that are held open, on a real web server: one peer takes only its own share."""

import asyncio
import logging
import os
import resource
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tornado import web
from tornado.netutil import bind_unix_socket
from tornado.testing import bind_unused_port

from jupyterhub_platform.http.connection_limits import (
    MAX_OF_A_PEER,
    ConnectionLimits,
    OpenConnections,
)
from jupyterhub_platform.http.forwarded_headers import ProxiedHTTPServer, Proxies
from jupyterhub_platform.http.limited_server import LimitedHTTPServer

OTHER_USER = 65_533
HOLDER = r"""
import os, socket, sys, time
where, number = sys.argv[1], int(sys.argv[2])
os.setgid(65533)
os.setuid(65533)
held = []
for _ in range(number):
    if where.startswith("/"):
        each = socket.socket(socket.AF_UNIX)
        each.connect(where)
    else:
        each = socket.create_connection(("127.0.0.1", int(where)))
    body = b"POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: 9\r\n\r\nx"
    try:
        each.sendall(body if len(held) % 2 else b"GET / HT")
    except OSError:
        pass
    held.append(each)
time.sleep(1.5)
ended = 0
for each in held:
    each.setblocking(False)
    try:
        ended += each.recv(1) == b""
    except BlockingIOError:
        pass
    except OSError:
        ended += 1
print(ended, flush=True)
sys.stdin.read()
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")


class Say(web.RequestHandler):
    def get(self) -> None:
        self.write("ok")


@asynccontextmanager
async def serving(listening: socket.socket, **settings: Any) -> AsyncIterator[LimitedHTTPServer]:
    server = ProxiedHTTPServer(web.Application([(".*", Say)]), **{"proxies": Proxies()} | settings)
    server.add_socket(listening)
    try:
        yield server
    finally:
        server.stop()
        await server.close_all_connections()


@contextmanager
def another_user_holding(where: str, number: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, where, str(number)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    try:
        yield process
    finally:
        process.communicate("")


async def connect(where: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if where.startswith("/"):
        return await asyncio.open_unix_connection(where)
    return await asyncio.open_connection("127.0.0.1", int(where))


async def ask(where: str) -> bytes:
    reader, writer = await connect(where)
    writer.write(b"GET / HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
    said = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return said


@pytest.fixture(params=["port", "socket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[socket.socket, str]:
    if request.param == "port":
        listening, port = bind_unused_port()
        return listening, str(port)
    for each in (tmp_path, *list(tmp_path.parents)[:3]):
        if each != Path("/tmp"):
            each.chmod(0o755)
    path = tmp_path / "hub.sock"
    return bind_unix_socket(str(path), mode=0o666), str(path)


@needs_root
async def test_half_sent_requests_of_a_user_take_nothing_from_others(
    place: tuple[socket.socket, str], caplog: pytest.LogCaptureFixture
) -> None:
    listening, where = place
    async with serving(listening) as server:
        more = MAX_OF_A_PEER + 150
        with another_user_holding(where, more) as holder:
            assert holder.stdout is not None
            refused = int(await asyncio.to_thread(holder.stdout.readline))
            assert refused == more - MAX_OF_A_PEER
            # The proxy, which runs as the Hub does, holds more, and is answered.
            held = [await connect(where) for _ in range(MAX_OF_A_PEER + 50)]
            assert (await ask(where)).endswith(b"ok")
            assert not any(there.at_eof() for there, _ in held)
            for _, writer in held:
                writer.close()
                await writer.wait_closed()
            with another_user_holding(where, 1) as again:
                assert again.stdout is not None
                assert await asyncio.to_thread(again.stdout.readline) == "1\n"
        # Once it has let go of them, it is served again.
        await asyncio.sleep(0.3)
        with another_user_holding(where, 20) as holder:
            assert holder.stdout is not None
            assert await asyncio.to_thread(holder.stdout.readline) == "0\n"
        await asyncio.sleep(0.3)
        assert server._open._open.total() == 0
    (told,) = [each for each in caplog.records if "connections open" in each.getMessage()]
    said = f"The user id {OTHER_USER} holds {MAX_OF_A_PEER} connections open: further ones"
    assert told.getMessage().startswith(said)


async def test_a_proxy_elsewhere_is_not_taken_for_one_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyterhub_platform.http.limited_server.find_user", lambda *_: None)
    proxies: list[str] = []

    async def find() -> list[str]:
        return proxies

    for addresses, expected in ((["127.0.0.1"], 0), (["10.1.0.5"], 44)):
        proxies[:] = addresses
        listening, port = bind_unused_port()
        async with serving(listening, proxies=Proxies(find=find)):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(300)]
            await asyncio.sleep(0.5)
            assert sum(there.at_eof() for there, _ in held) == expected
            for _, writer in held:
                writer.close()


async def test_a_connection_that_cannot_be_accepted_yet_waits(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("jupyterhub_platform.http.connection_limits.PAUSE_SECONDS", 0.2)
    listening, port = bind_unused_port()
    async with serving(listening):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        spare, probes = os.open("/dev/null", os.O_RDONLY), []
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        connecting = socket.socket()
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (connecting.fileno() + 1, limits[1]))
            with suppress(OSError):
                while True:
                    probes.append(os.open("/dev/null", os.O_RDONLY))
            connecting.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connecting, ("127.0.0.1", port))
            began = os.times()
            await asyncio.sleep(1.5)
            busy = sum(os.times()[:2]) - sum(began[:2])
            # What was open is answered meanwhile.
            writer.write(b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n")
            assert b" 200 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        finally:
            for each in (spare, *probes):
                os.close(each)
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        await asyncio.get_running_loop().sock_sendall(
            connecting, b"GET / HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"
        )
        async with asyncio.timeout(10):
            assert b" 200 " in await asyncio.get_running_loop().sock_recv(connecting, 999)
        connecting.close()
        writer.close()
    assert busy < 0.5
    told = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert [each.name for each in told] == ["jupyterhub_platform.http.connection_limits"]
    assert "No connection can be taken (Too many open files)" in told[0].getMessage()


@pytest.mark.parametrize("descriptors", [16, 256, 1_024, 4_096, 20_000, 2**20])
def test_shares_leave_something_to_everybody(descriptors: int) -> None:
    bounds = ConnectionLimits.within(descriptors)
    assert 0 < bounds.each <= MAX_OF_A_PEER
    assert bounds.all < descriptors
    assert bounds.each <= bounds.others <= bounds.all - bounds.others
    assert bounds.proxies < bounds.all


def test_many_strangers_together_leave_the_proxy_its_share_and_the_proxy_them_theirs() -> None:
    counted = OpenConnections(ConnectionLimits(each=2, others=4, proxies=6, all=8))
    taken = [counted.enter(f"user id {n}", is_proxy=False) for n in (1, 1, 1, 2, 2, 3)]
    assert taken == [True, True, False, True, True, False]
    assert [counted.enter("user id 0", is_proxy=True) for _ in range(6)] == [True] * 4 + [False] * 2
    for _ in range(2):
        counted.leave("user id 1")
    assert [counted.enter("user id 0", is_proxy=True) for _ in range(3)] == [True] * 2 + [False]
    assert counted.enter("user id 3", is_proxy=False) is False or counted._open.total() <= 8


async def test_a_socket_stays_that_of_those_who_hold_it() -> None:
    """A site's own web server, in the Hub's process, goes on asking where it listens."""
    listening, port = bind_unused_port()
    server = LimitedHTTPServer(web.Application())
    server.add_sockets([listening])
    assert listening.getsockname()[1] == port
    server.stop()
    assert listening.fileno() == -1
