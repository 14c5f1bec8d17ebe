"""Clients without a login, in a process of their own: what each sends is the worst that we know.

``python -m benchmarks.anonymous_clients PORT CLIENTS SECONDS`` prints how often what was answered.
"""

import asyncio
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

_READ: Final = 2**16
_ANSWER_SECONDS: Final = 30.0
_NAMES: Final = itertools.count()


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Return a request with a body."""
    length = f"Content-Length: {len(body)}"
    lines = [f"POST /hub/{path} HTTP/1.1", "Host: hub", "Connection: close", length, *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def get(path: str, *headers: str) -> bytes:
    """Return a request without one."""
    lines = [f"GET /hub/{path} HTTP/1.1", "Host: hub", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()


def list_worst() -> list[bytes]:
    """Return what costs a Hub most, each in another way."""
    tokens, form = "api/users/x/tokens", "Content-Type: application/x-www-form-urlencoded"
    parts = "Content-Type: multipart/form-data; boundary=x"
    deep = b'{"a":' + b"[" * 700 + b'"",' * 300_000 + b'""' + b"]" * 700 + b"}"
    crumbs = get("login").replace(b"GET", b"POST", 1)[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
    return [
        post(tokens, deep),
        post(tokens, b"[" * 900 + b'"",' * 20_000),
        post(tokens, b'{"auth": ' + b"[" * 60_000),
        post(tokens, b"x" * 2**21),
        post("login", b"a=b&" * 250_000, form),
        post("login", b"&".join(b"a%d=%%41" % n for n in range(900)), form),
        post("login", b"--x\r\n" * 200_000 + b"--x--", parts),
        crumbs + b"1\r\nx\r\n" * 100_000,
        crumbs + b"4000\r\n" + b"x" * 0x4000 + b"\r\n",
        get("login?" + "&".join(f"a{n}=b" for n in range(900))),
        get("api/user", *(f"X-{n}: y" for n in range(2_500))),
        get("api/user", "Authorization: token " + "x" * 25_000),
        get("home", 'Cookie: jupyterhub-hub-login="2|1:0|' + "x" * 25_000 + '"'),
        get("invite/?token=" + "x" * 20_000),
        get("oauth_login"),
        get("user/nobody/" + "x/" * 5_000),
        post(tokens, b"[" + b"{}," * 21_600 + b"{}]"),
        post("api/oauth2/token", b"scope=" + b"a+" * 524_000, form),
        get("static/" + "a/" * 15_000),
        get("login", "Cookie: " + "; ".join(f"a{n}=b" for n in range(4_000))),
    ]


def make_login(number: int) -> bytes:
    """Return a login with a name that was never used before."""
    auth = {"username": f"stranger{number}", "password": "the password of nobody"}
    forged = f"X-Forwarded-For: 198.51.{number // 250 % 250}.{number % 250}"
    return post("api/users/x/tokens", json.dumps({"auth": auth}).encode(), forged)


def list_requests(first: int) -> Iterator[bytes]:
    """Yield what one client sends: each second request is a login."""
    worst = list_worst()
    for number in itertools.count(first):
        yield make_login(next(_NAMES))
        yield worst[number % len(worst)]


async def send(port: int, request: bytes) -> str:
    """Send a request, and return the status that came back."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return "no connection"
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            writer.write(request)
            head = await reader.read(_READ)
            while await reader.read(_READ):
                pass
        return head.split(b" ", 2)[1].decode() if head else "closed"
    except TimeoutError:
        return "no answer"
    except (OSError, IndexError):
        return "broken"
    finally:
        writer.close()


async def run(port: int, clients: int, seconds: float) -> Counter[str]:
    """Send from many clients at once, each without a pause."""
    answers: Counter[str] = Counter()
    end = time.monotonic() + seconds

    async def keep_sending(first: int) -> None:
        for request in list_requests(first):
            if time.monotonic() > end:
                return
            answers[await send(port, request)] += 1

    await asyncio.gather(*(keep_sending(number) for number in range(clients)))
    return answers


def main() -> None:
    """Run from the command line."""
    port, clients, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    sys.stdout.write(json.dumps(asyncio.run(run(port, clients, seconds))))


if __name__ == "__main__":
    main()
