"""A real Hub, its proxy and real single-user servers, killed and started again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.cli.local.proxy import find_proxy_command
from jupyterhub_platform.hub.local.cgroups import find_groups
from jupyterhub_platform.hub.local.processes import Process, find_marked, identify, is_alive
from jupyterhub_platform.instance_id import read_instance
from tests.hub.local.conftest import wait_until

pytestmark = pytest.mark.hub

_TOKEN = "a" * 40
_CONFIG = """
c.JupyterHub.spawner_class = "jupyterhub_platform.hub.local.process_spawner.LocalServerSpawner"
c.LocalServerSpawner.state_dir = {state!r}
c.LocalServerSpawner.isolate = False
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.bind_url = "http://127.0.0.1:{proxy}"
c.JupyterHub.hub_port = {hub}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = {command!r}
c.ConfigurableHTTPProxy.auth_token = "proxy-secret-of-the-hub"
c.ConfigurableHTTPProxy.pid_file = {state!r} + "/proxy.pid"
c.JupyterHub.db_url = "sqlite:///{state}/hub.sqlite"
c.JupyterHub.cookie_secret_file = {state!r} + "/cookie"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.services = [{{"name": "test", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{
    "name": "test", "services": ["test"],
    "scopes": ["admin:users", "admin:servers", "access:servers", "admin:server_state"],
}}]
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RealHub:
    """A Hub in a process of its own."""

    def __init__(self, state: Path, command: list[str]) -> None:
        self.state = state
        self.proxy = _free_port()
        self._config = state / "jupyterhub_config.py"
        self._config.write_text(
            _CONFIG.format(
                state=str(state),
                proxy=self.proxy,
                hub=_free_port(),
                api=_free_port(),
                command=command,
                token=_TOKEN,
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self.state / "hub.log").open("ab")
        root = str(Path(__file__).parents[3])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(self._config)],
            cwd=self.state,
            env={**os.environ, "PYTHONPATH": root, "A_SECRET_OF_THE_HUB": "x"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        wait_until(lambda: self.call("GET", "users")[0] == 200, 40)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(20)

    def call(self, method: str, path: str) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self.proxy}/hub/api/{path}"
        return _request(method, url)


def _request(method: str, url: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, method=method, data=b"{}" if method == "POST" else None)
    request.add_header("Authorization", f"token {_TOKEN}")
    try:
        # The Hub itself waits for ten seconds before it says that a start takes longer.
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read().decode()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, None


@pytest.fixture
def hub(state: Path) -> Iterator[RealHub]:
    made = RealHub(state, find_proxy_command())
    made.start()
    yield made
    made.call("DELETE", "users/ada/server")
    wait_until(lambda: find_marked(read_instance(state)) == [], 30)
    made.close()
    assert find_groups(read_instance(state)) == []


def _ready(hub: RealHub) -> bool:
    status, found = hub.call("GET", "users/ada")
    return status == 200 and bool(found["servers"].get("", {}).get("ready"))


def _lasting(instance: str) -> list[Process]:
    """Find what runs for longer than the short commands that a kernel calls as it starts."""
    found = [one.process for one in find_marked(instance)]
    time.sleep(2)
    return [process for process in found if is_alive(process)]


def test_a_server_outlives_a_killed_hub_and_ends_with_its_kernels(hub):
    assert hub.call("POST", "users/ada")[0] == 201
    assert hub.call("POST", "users/ada/server")[0] in {201, 202}
    wait_until(lambda: _ready(hub), 60)
    instance = read_instance(hub.state)
    server = f"http://127.0.0.1:{hub.proxy}/user/ada/api"
    assert _request("POST", f"{server}/kernels")[0] == 201
    lab = f"http://127.0.0.1:{hub.proxy}/user/ada/lab/api"
    # Nothing is asked of the network, as its failure in the log would show.
    assert _request("GET", f"{lab}/news") == (200, {"news": []})
    assert _request("GET", f"{lab}/update") == (200, {"notification": None})
    wait_until(lambda: len(find_marked(instance)) >= 3)
    before = _lasting(instance)
    assert len(before) >= 3

    hub.kill()
    time.sleep(0.2)
    assert all(is_alive(process) for process in before)
    hub.start()
    wait_until(lambda: _ready(hub), 30)

    assert len(_request("GET", f"{server}/kernels")[1]) == 1
    assert hub.call("DELETE", "users/ada/server")[0] in {202, 204}
    wait_until(lambda: not _ready(hub), 30)
    wait_until(lambda: not [process for process in before if is_alive(process)], 30)
    log = (hub.state / "logs/servers/ada.log").read_text()
    assert "Unrecognized" not in log
    assert "Failed to get announcements" not in log


def test_a_hub_killed_in_the_middle_of_a_start_adopts_the_server(hub):
    assert hub.call("POST", "users/ada")[0] == 201
    hub.call("POST", "users/ada/server")
    instance = read_instance(hub.state)
    wait_until(lambda: find_marked(instance))
    hub.kill()
    supervisor = find_marked(instance)[0].process
    assert is_alive(supervisor)

    hub.start()
    wait_until(lambda: _ready(hub), 60)

    assert identify(supervisor.pid) == supervisor
    status, found = hub.call("GET", "users/ada")
    assert status == 200
    assert found["servers"][""]["state"]["local"]["pid"] == supervisor.pid
