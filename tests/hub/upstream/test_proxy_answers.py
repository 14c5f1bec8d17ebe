"""What the proxy says when a server answers nonsense, and while the Hub is not there yet."""

import asyncio
from contextlib import suppress
from typing import Final

import pytest

from jupyterhub_platform.http.sockets import render_unix_url
from jupyterhub_platform.hub.upstream.node_preload import ANSWERS, KEEP_ALIVE, REQUESTS
from tests.hub.upstream.test_proxy_requests import UPGRADE, ask, close, proxy, send

pytestmark = pytest.mark.hub

INVALID: Final = {
    "no http": b"hello\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "status 0": b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
    "status of two digits": b"HTTP/1.1 42 OK\r\nContent-Length: 0\r\n\r\n",
    "status below 100": b"HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok",
    "status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "other protocol": b"HTTP/1.1 101 OK\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "version": b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "control in reason": b"HTTP/1.1 200 a\x01b\r\nContent-Length: 2\r\n\r\nok",
    "control in header": b"HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 2\r\n\r\nok",
    "nul in header": b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 2\r\n\r\nok",
    "blank in name": b"HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 2\r\n\r\nok",
    "no name": b"HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 2\r\n\r\nok",
    "name not ascii": b"HTTP/1.1 200 OK\r\nX-\xfc: b\r\nContent-Length: 2\r\n\r\nok",
    "no colon": b"HTTP/1.1 200 OK\r\nabc\r\nContent-Length: 2\r\n\r\nok",
    "bare line feed": b"HTTP/1.1 200 OK\nX: y\n\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nok",
    "length no number": b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
    "length negative": b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
    "length beyond": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
}
BROKEN_OFF: Final = {
    "first chunk no number": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n",
    "nothing of it": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "only a head": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "short": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\npart",
    "chunks without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npart",
    "chunk no number": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\nzz\r\n",
}
ODD: Final = {
    "status unknown": b"HTTP/1.1 799 Odd\r\nContent-Length: 2\r\n\r\nok",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    "latin reason": b"HTTP/1.1 200 \xfc\r\nContent-Length: 2\r\n\r\nok",
    "latin header": b"HTTP/1.1 200 OK\r\nX-A: \xfc\r\nContent-Length: 2\r\n\r\nok",
    "tab in header": b"HTTP/1.1 200 OK\r\nX-A: a\tb\r\nContent-Length: 2\r\n\r\nok",
    "until the end": b"HTTP/1.1 200 OK\r\n\r\nok",
    "old": b"HTTP/1.0 200 OK\r\n\r\nok",
    "nothing": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "cookies": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n"
    b"Content-Length: 2\r\n\r\nok",
}


def find(target: bytes) -> bytes:
    _, kind, number = target.split(b"/")
    said = {b"invalid": INVALID, b"part": BROKEN_OFF, b"odd": ODD}[kind]
    return list(said.values())[int(number)]


async def answer_badly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer what the path names, and end the connection."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(find(head.split()[1]))
        await writer.drain()
    await close(writer)


async def hear(port: int, target: bytes, *headers: bytes) -> bytes:
    """Ask, and return all that comes until the connection ends, or for some seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"GET " + target + b" HTTP/1.1\r\nHost: hub\r\n" + b"".join(headers) + b"\r\n"
    said = bytearray()
    try:
        writer.write(head)
        async with asyncio.timeout(15):
            with suppress(ConnectionError):
                while heard := await reader.read(2**16):
                    said.extend(heard)
    except TimeoutError:
        return b"(waits) " + said
    finally:
        await close(writer)
    return bytes(said)


async def hear_each(
    port: int, kind: bytes, answers: dict[str, bytes], *headers: bytes
) -> dict[str, bytes]:
    asked = (hear(port, b"/%s/%d" % (kind, number), *headers) for number in range(len(answers)))
    return dict(zip(answers, await asyncio.gather(*asked), strict=True))


@pytest.mark.parametrize("headers", [b"", UPGRADE], ids=["request", "upgrade"])
async def test_an_answer_that_is_not_http_becomes_a_502(headers: bytes) -> None:
    async with proxy(KEEP_ALIVE, REQUESTS, ANSWERS, server=answer_badly) as (port, _):
        for kind, said in (await hear_each(port, b"invalid", INVALID, headers)).items():
            if headers and kind == "other protocol":
                continue  # it was asked for
            assert said.startswith(b"HTTP/1.1 502 Bad Gateway\r\n"), (kind, said)
            assert b"not valid HTTP" in said, (kind, said)
            assert said.count(b"HTTP/1.1") == 1, (kind, said)


@pytest.mark.parametrize("headers", [b"", UPGRADE], ids=["request", "upgrade"])
async def test_an_answer_that_breaks_off_ends_the_connection(headers: bytes) -> None:
    async with proxy(KEEP_ALIVE, REQUESTS, ANSWERS, server=answer_badly) as (port, _):
        for kind, said in (await hear_each(port, b"part", BROKEN_OFF, headers)).items():
            assert not said.startswith(b"(waits)"), (kind, said)
            # What comes at once may be refused before any of it is sent on.
            if not said.startswith(b"HTTP/1.1 502 "):
                assert said.startswith(b"HTTP/1.1 200 OK\r\n"), (kind, said)
                assert not said.endswith(b"0\r\n\r\n"), "a part must not look whole"


async def test_an_answer_that_is_odd_but_valid_goes_through() -> None:
    async with proxy(KEEP_ALIVE, REQUESTS, ANSWERS, server=answer_badly) as (port, _):
        for kind, said in (await hear_each(port, b"odd", ODD)).items():
            assert said.removeprefix(b"(waits) ").startswith(b"HTTP/1.1 "), (kind, said)
            assert said.removeprefix(b"(waits) ").split()[1] == ODD[kind].split()[1], (kind, said)
            assert said.count(b"ok") == ODD[kind].count(b"ok"), (kind, said)


async def test_a_proxy_without_routes_says_that_the_hub_starts() -> None:
    async with proxy(KEEP_ALIVE, REQUESTS, ANSWERS, default=False) as (port, api):
        for headers in (b"", UPGRADE):
            for target in (b"/", b"/hub/login", b"/user/dev1/lab", b"/api/kernels"):
                said = await ask(port, target, headers)
                assert said.startswith(b"HTTP/1.1 503 "), (target, said)
                assert b"\r\nRetry-After: 3\r\n" in said
                assert said.endswith(b"The Hub is starting. Try again in a few seconds.\n")
        assert (await ask(port, b"/_chp_healthz")).startswith(b"HTTP/1.1 200 ")
        url = render_unix_url(api.with_name("server.sock"))
        body = b'{"target": "%s"}' % url.encode()
        route = b"POST /api/routes/ HTTP/1.1\r\nHost: hub\r\nContent-Length: %d\r\n" % len(body)
        # A visitor's request changes nothing.
        assert b" 201 " not in await send(port, route + b"\r\n" + body)
        assert (await ask(port, b"/")).startswith(b"HTTP/1.1 503 ")
        said = await send(api, route + b"Authorization: token test\r\n\r\n" + body)
        assert said.startswith(b"HTTP/1.1 201 "), said
        assert (await ask(port, b"/")).endswith(b"ok")
