"""The service as the Hub starts it: a process of its own, which ends with the Hub."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from jupyterhub_platform.service.hub_watchdog import WatchedHub, read_start_time

# Plays the Hub: starts the service in a session of its own, says its number, and waits.
STARTER = """
import json, os, subprocess, sys, time
env = json.loads(sys.argv[1])
if sys.argv[2] == "told":
    env["PLATFORM_HUB_PID"] = str(os.getpid())
service = subprocess.Popen(
    [sys.executable, "-m", "jupyterhub_platform.service"], env=env, start_new_session=True
)
print(service.pid, flush=True)
time.sleep(60)
"""


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _environment(port: int, tmp_path: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return kept | {
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "JUPYTERHUB_SERVICE_PREFIX": "/services/platform/",
        "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",
        "JUPYTERHUB_API_TOKEN": "token",
        "JUPYTERHUB_CLIENT_ID": "service-platform",
        "JUPYTERHUB_SERVICE_NAME": "platform",
        "PLATFORM_DB_URL": f"sqlite:///{tmp_path}/none.sqlite",
    }


def _start(port: int, tmp_path: Path, mode: str = "told") -> tuple[subprocess.Popen[str], int]:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, json.dumps(_environment(port, tmp_path)), mode],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    return starter, int(starter.stdout.readline())


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/services/platform/static/platform.css", timeout=5):
            return True
    except HTTPError:
        return True
    except (URLError, OSError):
        return False


def _wait(condition: object, seconds: float) -> bool:
    assert callable(condition)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _end(starter: subprocess.Popen[str], service: int) -> None:
    starter.kill()
    starter.wait()
    assert starter.stdout is not None
    starter.stdout.close()
    if read_start_time(service):
        os.kill(service, signal.SIGKILL)


@pytest.mark.parametrize("mode", ["told", "not told"])
def test_the_service_ends_with_a_hub_that_is_killed(tmp_path: Path, mode: str) -> None:
    port = _free_port()
    starter, service = _start(port, tmp_path, mode)
    try:
        assert _wait(lambda: _answers(port), 30)
        starter.kill()
        starter.wait()
        assert _wait(lambda: not read_start_time(service), 10)
        assert not _answers(port)
    finally:
        _end(starter, service)


def test_the_service_ends_with_a_hub_that_is_not_its_parent(tmp_path: Path) -> None:
    port = _free_port()
    hub = subprocess.Popen(["sleep", "60"])
    told = {"PLATFORM_HUB_PID": str(hub.pid), "PLATFORM_HUB_STARTED": str(read_start_time(hub.pid))}
    service = subprocess.Popen(
        [sys.executable, "-m", "jupyterhub_platform.service"],
        env=_environment(port, tmp_path) | told,
    )
    try:
        assert _wait(lambda: _answers(port), 30)
        hub.kill()
        hub.wait()
        assert service.wait(timeout=2) == 0
    finally:
        hub.kill()
        service.kill()
        service.wait()


def test_a_new_service_waits_for_the_port_of_the_old_one(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = int(holder.getsockname()[1])
        starter, service = _start(port, tmp_path)
        try:
            time.sleep(2)
            assert read_start_time(service), "it waits"
            holder.close()
            assert _wait(lambda: _answers(port), 15)
        finally:
            _end(starter, service)


def test_a_service_that_is_asked_to_stop_does(tmp_path: Path) -> None:
    port = _free_port()
    starter, service = _start(port, tmp_path)
    try:
        assert _wait(lambda: _answers(port), 30)
        os.kill(service, signal.SIGTERM)
        assert _wait(lambda: not read_start_time(service), 10)
    finally:
        _end(starter, service)


def test_a_process_with_the_number_of_a_hub_that_is_gone_is_not_the_hub() -> None:
    mine = read_start_time(os.getpid())
    assert WatchedHub(os.getpid(), mine, is_parent=False).is_alive()
    assert not WatchedHub(os.getpid(), mine - 1, is_parent=False).is_alive()
    child = subprocess.Popen([sys.executable, "-c", ""])
    started = read_start_time(child.pid)
    assert _wait(lambda: not WatchedHub(child.pid, started, is_parent=False).is_alive(), 10)
    child.wait()


def test_a_hub_that_is_another_process_than_ours_by_now_is_gone() -> None:
    assert WatchedHub.find(0, 0).is_alive()
    assert not WatchedHub(os.getppid() + 10**6, 0, is_parent=True).is_alive()
