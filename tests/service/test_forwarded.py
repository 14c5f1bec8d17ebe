"""What is said of others at the service's own door, by the proxy and by other callers."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from tests.support.fake_hub import FakeHub, FakePerson
from tests.support.other_os_user import as_other_os_user

FORGED = (
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Proto": "https,http", "X-Forwarded-For": "203.0.113.9"},
    {"X-Scheme": "https", "X-Real-Ip": "203.0.113.9"},
    {"Forwarded": "for=203.0.113.9;proto=https;host=evil.example"},
    {"X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "443"},
)
PROGRAM = """
import http.client, json, socket, sys
where, headers = json.loads(sys.argv[1]), json.loads(sys.argv[2])
connection = http.client.HTTPConnection("platform.example")
if isinstance(where, str):
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(where)
else:
    connection.sock = socket.create_connection(where)
connection.request("GET", "/services/platform/overview", headers=headers)
answer = connection.getresponse()
cookies = answer.headers.get_all("Set-Cookie")
print(json.dumps([answer.status, answer.getheader("Location"), cookies]))
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")


@asynccontextmanager
async def serving(folder: Path, url: str, hub: FakeHub) -> AsyncIterator[None]:
    """Run the service as the Hub does, beside a Hub that plays."""
    token = hub.add(FakePerson("platform", kind="service"))
    listening, port = bind_unused_port()
    server = HTTPServer(hub.make_app())
    server.add_socket(listening)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jupyterhub_platform.service"),
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "JUPYTERHUB_SERVICE_URL": url,
            "JUPYTERHUB_SERVICE_PREFIX": "/services/platform/",
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{port}/hub/api",
            "JUPYTERHUB_API_TOKEN": token,
            "JUPYTERHUB_CLIENT_ID": "service-platform",
            "JUPYTERHUB_SERVICE_NAME": "platform",
            "PLATFORM_DB_URL": f"sqlite:///{folder}/none.sqlite",
        },
    )
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while b" answers at " not in (line := await process.stderr.readline()):
            assert line, "it has ended"
    try:
        yield
    finally:
        process.terminate()
        await process.communicate()
        server.stop()
        await server.close_all_connections()


async def ask(
    where: Any, headers: dict[str, str], become: Callable[[], None] | None = None
) -> tuple[str, bool]:
    """Ask without a login; return where that leads, and whether the cookie is for TLS alone."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", PROGRAM, json.dumps(where), json.dumps(headers)],
        preexec_fn=become,
        capture_output=True,
        text=True,
        cwd="/",
        env={},
        check=True,
    )
    status, location, cookies = json.loads(done.stdout)
    assert status == 302
    (cookie,) = [each for each in cookies if "oauth-state" in each]
    return location.partition("&response_type=")[0], "secure" in cookie.lower()


@pytest.fixture
def at_port() -> tuple[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return f"http://127.0.0.1:{port}", ["127.0.0.1", port]


@pytest.fixture
def at_socket(tmp_path: Path) -> tuple[str, Any]:
    for each in (tmp_path, *list(tmp_path.parents)[:3]):
        if each != Path("/tmp"):
            each.chmod(0o755)
    path = tmp_path / "service.sock"
    return f"http+unix://{quote(str(path), safe='')}", str(path)


@pytest.mark.parametrize("kind", ["at_port", "at_socket"])
async def test_only_a_proxy_says_of_others_how_they_came(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url, where = request.getfixturevalue(kind)
    async with serving(tmp_path, url, FakeHub()):
        if isinstance(where, str):
            # It is closed to others; should it ever be open, that is no way in.
            os.chmod(where, 0o666)  # noqa: PTH101
        plain = await ask(where, {}, as_other_os_user)
        assert not plain[1]
        for headers in FORGED:
            assert await ask(where, headers, as_other_os_user) == plain, headers
        # The proxy runs as the Hub does, and so does this test.
        assert (await ask(where, {"X-Forwarded-Proto": "https"}))[1]
        assert not (await ask(where, {"X-Forwarded-Proto": "http"}))[1]


async def test_proxies_elsewhere_are_those_that_the_hub_knows(at_port: Any, tmp_path: Path) -> None:
    """In a cluster the proxy is another pod: here it is an address that another user has."""
    url, where = at_port
    hub = FakeHub(proxies=["127.0.0.0/8", "10.1.0.5"])
    async with serving(tmp_path, url, hub):
        assert (await ask(where, {"X-Forwarded-Proto": "https"}, as_other_os_user))[1]


@pytest.mark.parametrize("is_down", [False, True])
async def test_an_address_that_the_hub_does_not_name_is_not_believed(
    at_port: Any, tmp_path: Path, is_down: bool
) -> None:
    url, where = at_port
    hub = FakeHub(proxies=["10.1.0.5"], is_down=is_down)
    async with serving(tmp_path, url, hub):
        assert not (await ask(where, {"X-Forwarded-Proto": "https"}, as_other_os_user))[1]
