"""Each proxy listens at the one socket that is kept, also after another has ended."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from jupyterhub import proxy

from jupyterhub_platform.cli.local.proxy import find_proxy_command
from jupyterhub_platform.hub.upstream.proxy_socket import pass_socket_to_proxy
from tests.support.live_hub import _free_port

VARIABLES = ("JUPYTERHUB_PLATFORM_PROXY_SOCKET", "JUPYTERHUB_PLATFORM_PROXY_PORT", "NODE_OPTIONS")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Bind the port of the proxy, and pass it on."""
    monkeypatch.setattr(proxy, "Popen", subprocess.Popen)
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        pass_socket_to_proxy(bound.fileno(), bound.getsockname()[1])
        yield bound


def test_a_program_that_jupyterhub_starts_as_its_proxy_inherits_the_socket(
    kept: socket.socket,
) -> None:
    code = "import os, socket; fd = int(os.environ['JUPYTERHUB_PLATFORM_PROXY_SOCKET'])\n"
    code += "print(socket.socket(fileno=fd).getsockname()[1])"
    with proxy.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        said = child.communicate(timeout=30)[0]
    assert int(said) == kept.getsockname()[1] == int(os.environ[VARIABLES[1]])
    assert os.environ["NODE_OPTIONS"].endswith('proxy_socket.js"')


@pytest.mark.hub
def test_a_proxy_that_ended_is_followed_by_another_at_the_same_socket(
    kept: socket.socket,
) -> None:
    port = kept.getsockname()[1]
    command = [*find_proxy_command(), "--ip", "127.0.0.1", "--port", str(port)]
    for _ in range(2):
        running = proxy.Popen(
            [*command, "--api-port", str(_free_port())],
            env={**os.environ, "CONFIGPROXY_AUTH_TOKEN": "test"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert ask(port) == 404
        finally:
            running.kill()
            running.wait()
        # No other process can take it meanwhile.
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))


def ask(port: int) -> int:
    """Ask until something answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code
        except httpx.HTTPError:
            assert time.monotonic() < deadline, "the proxy does not answer"
            time.sleep(0.1)
