"""The Hub's web server, with real sockets: whom it believes, and who is first."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from tornado import web
from tornado.netutil import bind_unix_socket
from tornado.testing import bind_unused_port

from jupyterhub_platform.http.forwarded_headers import (
    Proxies,
    came_through_proxy,
    list_forwarded,
    source_of,
)
from jupyterhub_platform.http.peers import find_user
from jupyterhub_platform.hub.upstream.http_server import HubHTTPServer
from jupyterhub_platform.hub.upstream.request_priority import RequestPriority
from tests.support.other_os_user import OTHER_USER, as_other_os_user

ADDRESS = "203.0.113.9"
FORGED = {
    "X-Forwarded-For": ADDRESS,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Anything": "x",
    "X-Scheme": "https",
    "X-Real-Ip": ADDRESS,
    "Forwarded": f"for={ADDRESS};proto=https",
}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")


class Say(web.RequestHandler):
    """Says what it was told of the caller."""

    def get(self) -> None:
        request = self.request
        self.write(
            {
                "ip": request.remote_ip,
                "protocol": request.protocol,
                "source": source_of(request),
                "proxied": came_through_proxy(request),
                "forwarded": sorted(list_forwarded(request.headers)),
            }
        )


@asynccontextmanager
async def serving(
    proxies: Proxies, listening: socket.socket, trusted: Iterable[str] = ()
) -> AsyncIterator[None]:
    server = HubHTTPServer(
        web.Application([(".*", Say)]),
        proxies=proxies,
        priority=RequestPriority(),
        ahead=frozenset(),
        xheaders=True,
        trusted_downstream=list(trusted),
    )
    server.add_socket(listening)
    yield
    server.stop()
    await server.close_all_connections()


PROGRAM = """
import http.client, json, socket, sys
where, headers = json.loads(sys.argv[1]), json.loads(sys.argv[2])
connection = http.client.HTTPConnection("hub")
if isinstance(where, str):
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(where)
else:
    connection.sock = socket.create_connection(where)
connection.request("GET", "/", headers=headers)
print(connection.getresponse().read().decode())
"""


async def ask(
    where: Any, headers: dict[str, str], become: Callable[[], None] | None = None
) -> dict[str, Any]:
    """Ask from a process of its own, which may be another user's."""
    command = [sys.executable, "-c", PROGRAM, json.dumps(where), json.dumps(headers)]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        preexec_fn=become,
        capture_output=True,
        text=True,
        cwd="/",
        env={},
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture
def at_port() -> tuple[socket.socket, list[Any]]:
    listening, port = bind_unused_port()
    return listening, ["127.0.0.1", port]


@pytest.fixture
def at_socket(tmp_path: Path) -> tuple[socket.socket, str]:
    path = tmp_path / "hub.sock"
    listening = bind_unix_socket(str(path), mode=0o666)
    for each in (tmp_path, *list(tmp_path.parents)[:3]):
        if each != Path("/tmp"):
            each.chmod(0o755)
    return listening, str(path)


@pytest.mark.parametrize("kind", ["at_port", "at_socket"])
async def test_a_process_of_the_hubs_own_user_is_its_proxy(
    kind: str, request: pytest.FixtureRequest
) -> None:
    listening, where = request.getfixturevalue(kind)
    async with serving(Proxies(), listening):
        said = await ask(where, {"X-Forwarded-For": f"10.0.0.1, {ADDRESS}"})
        assert (said["ip"], said["proxied"]) == (ADDRESS, True)
        assert said["source"] == f"address {ADDRESS}"
        nothing = await ask(where, {})
    assert (nothing["proxied"], nothing["source"]) == (False, f"user id {os.geteuid()}")


@needs_root
@pytest.mark.parametrize("kind", ["at_port", "at_socket"])
async def test_forwarded_headers_of_a_users_server_are_ignored(
    kind: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    listening, where = request.getfixturevalue(kind)
    async with serving(Proxies(), listening):
        said = await ask(where, FORGED, as_other_os_user)
    assert (said["forwarded"], said["proxied"]) == ([], False)
    assert (said["protocol"], said["ip"] == ADDRESS) == ("http", False)
    assert said["source"] == f"user id {OTHER_USER}"
    assert f"The user id {OTHER_USER} speaks for others" in caplog.text


@needs_root
async def test_each_connection_is_looked_at_for_itself(at_port: Any) -> None:
    """A stranger's port may be the number that the proxy has at another loopback address."""
    listening, where = at_port
    async with serving(Proxies(), listening):
        asked = [ask(where, FORGED, as_other_os_user if n % 2 else None) for n in range(6)]
        told = [said["proxied"] for said in await asyncio.gather(*asked)]
    assert told == [True, False] * 3


@needs_root
async def test_a_named_network_is_believed_whatever_runs_there(at_port: Any) -> None:
    listening, where = at_port
    async with serving(Proxies([ip_network("127.0.0.0/8")]), listening):
        said = await ask(where, {"X-Forwarded-For": ADDRESS}, as_other_os_user)
    assert (said["ip"], said["proxied"]) == (ADDRESS, True)


async def test_browsers_side_of_forwarded_headers_counts(at_port: Any) -> None:
    listening, where = at_port
    async with serving(Proxies(), listening, trusted=["10.0.0.7"]):
        said = await ask(
            where,
            {
                "X-Forwarded-For": f"198.51.100.1, {ADDRESS}, 10.0.0.7",
                "X-Forwarded-Proto": "https,http",
                "X-Real-Ip": "198.51.100.2",
            },
        )
        assert (said["ip"], said["protocol"]) == (ADDRESS, "https")
        standard = {"Forwarded": "proto=https, proto=http", "X-Forwarded-For": ADDRESS}
        assert (await ask(where, standard))["protocol"] == "https"
        plain = {"X-Forwarded-For": ADDRESS, "X-Forwarded-Proto": "http"}
        assert (await ask(where, plain))["protocol"] == "http"


class Cluster:
    """Says which proxies there are, and counts how often it is asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses: Collection[str] = addresses
        self.asked = 0
        self.fails = False

    async def find(self) -> Collection[str]:
        self.asked += 1
        if self.fails:
            raise TimeoutError
        return self.addresses


async def test_a_proxy_that_moves_is_found_and_one_that_is_gone_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("jupyterhub_platform.http.forwarded_headers.time.monotonic", lambda: now)
    cluster = Cluster("10.1.0.5")
    proxies = Proxies(find=cluster.find)
    proxy, stranger = ("10.1.0.5", 1), ("10.1.0.6", 1)
    assert proxies.is_proxy(None, proxy) is None
    assert await proxies.is_found_proxy(proxy)
    assert not await proxies.is_found_proxy(stranger)
    assert cluster.asked == 1
    cluster.addresses = ("10.1.0.6",)
    now += 3
    assert await proxies.is_found_proxy(stranger)
    assert not await proxies.is_found_proxy(proxy)
    assert cluster.asked == 2
    # An address that was the proxy's is not believed for ever: it may be a user's by now.
    cluster.addresses = ()
    now += 61
    assert not await proxies.is_found_proxy(stranger)


async def test_proxies_that_cannot_be_looked_for_stay_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("jupyterhub_platform.http.forwarded_headers.time.monotonic", lambda: now)
    cluster = Cluster("10.1.0.5")
    proxies = Proxies(find=cluster.find)
    assert await proxies.is_found_proxy(("10.1.0.5", 1))
    cluster.fails = True
    now += 100
    assert await proxies.is_found_proxy(("10.1.0.5", 1))
    assert not await proxies.is_found_proxy(("10.1.0.6", 1))


def test_the_kernel_is_not_asked_about_clients_elsewhere() -> None:
    with socket.socket() as connection:
        assert find_user(connection, ("192.0.2.1", 80)) is None
        assert find_user(connection, ("127.0.0.1", 1)) is None


async def test_connections_at_once_wait_for_one_search_for_proxies() -> None:
    cluster = Cluster("10.1.0.5")
    gate = asyncio.Event()

    async def find() -> Collection[str]:
        await gate.wait()
        return await cluster.find()

    proxies = Proxies(find=find)
    asked = [asyncio.ensure_future(proxies.is_found_proxy(("10.1.0.5", 1))) for _ in range(9)]
    await asyncio.sleep(0.05)
    gate.set()
    assert await asyncio.gather(*asked) == [True] * 9
    assert cluster.asked == 1
