"""Each patch is still needed: the programs by themselves still do what it is there for.

A test that fails here says which module to delete. Every question is also asked with the patches in
place, which must change the answer: a question that nothing can answer differently guards nothing.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from jupyterhub_platform.cli.local.proxy import find_proxy_command
from jupyterhub_platform.http.sockets import render_unix_url
from tests.hub.local.conftest import wait_until
from tests.hub.upstream.test_headers import MODULES, ON_FLOOR_ONE
from tests.hub.upstream.test_jupyter_server import PASS, bind, server
from tests.support.live_hub import _free_port

pytestmark = pytest.mark.hub

ROOT = Path(__file__).resolve().parents[3]
DELETE = {
    "jupyter_kernels": "hub/upstream/jupyter_kernels/",
    **{each.stem: f"http/{each.name}" for each in ON_FLOOR_ONE},
    **{each.stem: f"hub/upstream/{each.name}" for each in MODULES},
}
OF_THE_PROXY = {"node_preload", "proxy_socket"}
"""Asked of configurable-http-proxy, below."""
ASKED = sorted(DELETE.keys() - OF_THE_PROXY)
UNCHANGED = {
    "managed_roles": "the authenticator asks for it, not a patch",
    "forwarded_headers": "a process of the Hub's own user is taken for a proxy",
    "connection_limits": "a process of the Hub's own user is taken for a proxy",
    "kernel_sockets": "a configuration of users' servers",
    **dict.fromkeys(
        ("auth_refresh", "handler_state", "login_handler", "spawn_handler", "spawner_state"),
        "private parts under public names of ours",
    ),
}
"""What putting the patches into this one process does not change, and why."""


def ask(folder: Path, *options: str) -> dict[str, str]:
    """Return what is still done, by module."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hub.upstream.stock_questions", *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, str] = json.loads(done.stdout)
    return answers


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Ask a JupyterHub by itself."""
    return ask(tmp_path_factory.mktemp("stock"))


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Ask one that has been patched."""
    return ask(tmp_path_factory.mktemp("patched"), "--patched")


@pytest.mark.parametrize("module", ASKED)
def test_jupyterhub_by_itself_still_needs_it(stock: dict[str, str], module: str) -> None:
    assert "cannot be asked" not in stock[module], (
        f"JupyterHub has changed where {DELETE[module]} patches it: {stock[module]}. See "
        "whether it is still needed, and ask it in another way"
    )
    assert stock[module], f"JupyterHub or its library does this itself now: delete {DELETE[module]}"


def test_patches_of_unix_sockets_are_still_needed(stock: dict[str, str]) -> None:
    assert stock["unix_sockets"].split(", ") == [
        "Server.host",
        "JupyterHub.service_from_spec",
        "JupyterHub.init_hub",
    ], "JupyterHub does the others itself now: take them out of hub/upstream/unix_sockets.py"


@pytest.mark.parametrize("module", sorted(set(ASKED) - UNCHANGED.keys()))
def test_library_that_was_fixed_is_noticed(patched: dict[str, str], module: str) -> None:
    assert patched[module] == ""


def test_nothing_is_asked_that_is_not_there(stock: dict[str, str]) -> None:
    assert sorted(stock) == ASKED
    assert UNCHANGED.keys() <= stock.keys()


# -- the proxy, which is another program -------------------------------------------------------


@asynccontextmanager
async def stock_proxy(folder: Path, heads: list[bytes]) -> AsyncIterator[int]:
    """Run the proxy by itself in front of a socket, and note the heads of what arrives there."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        status = b"000" if b"/status-0" in heads[-1] else b"200"
        head = b"HTTP/1.1 %s OK\r\nContent-Length: 2\r\nConnection: close\r\n" % status
        writer.write(head + b"\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(answer, folder / "server.sock")
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        *find_proxy_command(),
        *("--ip", "127.0.0.1", "--port", str(port), "--api-socket", str(folder / "api.sock")),
        f"--default-target={render_unix_url(folder / 'server.sock')}",
        env={**os.environ, "CONFIGPROXY_AUTH_TOKEN": "test", "NODE_OPTIONS": ""},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.terminate()
        await process.wait()
        server.close()


async def send(port: int, target: bytes) -> bytes:
    """Send a request as soon as the proxy listens, and return the first line of the answer."""
    async with asyncio.timeout(30):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            with closing(writer):
                writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: hub\r\n\r\n")
                return await reader.readline()


async def test_the_proxy_by_itself_still_needs_its_scripts(tmp_path: Path) -> None:
    heads: list[bytes] = []
    async with stock_proxy(tmp_path, heads) as port:
        assert (await send(port, b"/")).startswith(b"HTTP/1.1 200")
        unreadable = await send(port, b"/%ff")
        with pytest.raises(TimeoutError):
            # Then proxy_answers.js is needless, apart from what it says while the Hub starts.
            await asyncio.wait_for(send(port, b"/status-0"), 3)
    assert b"connection: close" in heads[0].lower(), (
        "the proxy keeps connections to Unix sockets alive: delete proxy_keep_alive.js, and what "
        "preloads it in hub/upstream/node_preload.py and unix_sockets.py"
    )
    assert unreadable.startswith(b"HTTP/1.1 500 "), (
        "the proxy answers what it cannot decode: take that out of proxy_requests.js"
    )


def test_the_proxy_by_itself_still_takes_no_descriptor() -> None:
    done = subprocess.run(
        [*find_proxy_command(), "--help"], capture_output=True, text=True, check=True
    )
    options = done.stdout.lower()
    assert "--port" in options
    assert not any(word in options for word in ("descriptor", "systemd", "inherit", "--fd")), (
        "the proxy may listen at a socket that it is given: see whether hub/upstream/"
        "proxy_socket.py and proxy_socket.js can be deleted"
    )


def test_jupyter_server_by_itself_still_takes_no_socket_that_was_passed(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with bind(path) as passed:
        before = path.stat().st_ino
        process = subprocess.Popen(
            [sys.executable, "-c", PASS, str(passed.fileno()), sys.executable, *server(path)],
            env={"PATH": os.defpath, "HOME": str(tmp_path), "LISTEN_FDS": "1"},
            pass_fds=[passed.fileno()],
        )
    try:
        wait_until(lambda: not path.exists() or path.stat().st_ino != before, 60)
    except AssertionError:
        pytest.fail(
            "jupyter_server leaves the socket where it is, perhaps because it was passed: see "
            "whether hub/upstream/jupyter_server/ can be deleted"
        )
    finally:
        process.kill()
        process.wait()
