"""The doors of a platform that runs: who may listen there, who holds them open, what is read."""

import os
import socket
import subprocess
import sys

import httpx
import psutil
import pytest

from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import LiveHub, wait_for

pytestmark = [
    pytest.mark.hub,
    pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users"),
]

POLICY = """\
version: 1
users:
  admin: {level: admin}
  dev: {level: developer}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}}
"""
HELD = 1_500
AS_A_DEVELOPER = """
import json, os, socket, sys
os.setgid(65533)
os.setuid(65533)
what, where = sys.argv[1], sys.argv[2]
if what == "hold":
    held = []
    for _ in range(int(sys.argv[3])):
        each = socket.socket(socket.AF_UNIX)
        each.connect(where)
        try:
            each.sendall(b"GET /hub/api/ HT")
        except OSError:
            pass
        held.append(each)
    print("held", flush=True)
    sys.stdin.read()
else:
    took = []
    for family, address in ((10, "::1"), (10, "::"), (2, "127.0.0.1"), (2, "0.0.0.0")):
        for options in ((), (2,), (15,), (2, 15)):
            with socket.socket(family) as thief:
                try:
                    for option in options:
                        thief.setsockopt(1, option, 1)
                    if family == 10:
                        thief.setsockopt(41, 26, 1)
                    thief.bind((address, int(where)))
                    thief.listen()
                    took.append(address)
                except OSError:
                    pass
    print(json.dumps(took))
"""


hub = hub_of(POLICY)


def as_a_developer(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", AS_A_DEVELOPER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )


@pytest.mark.parametrize("moment", ["while it runs", "while the proxy is gone"])
def test_no_developer_takes_an_address_where_visitors_arrive(hub: LiveHub, moment: str) -> None:
    if moment == "while the proxy is gone":
        psutil.Process(hub.proxy_pid).kill()
    port = str(httpx.URL(hub.url).port)
    said, _ = as_a_developer("listen", port).communicate(timeout=30)
    assert said == "[]\n"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("::1", int(port)), timeout=5)
    # Who types localhost gets there, and what is printed says 127.0.0.1.
    wait_for(lambda: _answers(f"http://localhost:{port}/hub/health"), "the proxy")
    assert hub.url.startswith("http://127.0.0.1:")


def _answers(url: str) -> bool:
    try:
        answer = httpx.get(url, timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    if answer.status_code != 200:
        assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "3"), answer.text
    return answer.status_code == 200


def test_half_sent_requests_of_a_developer_stop_no_other_user(hub: LiveHub) -> None:
    before = psutil.Process(hub.hub_pid).num_fds()
    written = len(hub.log)
    with as_a_developer("hold", str(hub.sockets.hub), str(HELD)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert psutil.Process(hub.hub_pid).num_fds() < before + 300
        # Through the proxy, and at the same socket as another user, which a server has.
        assert hub.login("dev").get("/hub/token").status_code == 200
        directly = hub.connect_directly(timeout=20)
        assert all(directly.get("/hub/api/").status_code == 200 for _ in range(20))
        holder.communicate("")
    said = hub.log[written:]
    assert said.count("holds 256 connections open") == 1
    assert len(said) < 20_000


@pytest.mark.parametrize("path", ["/%ff", "/hub/%ff", "/user/dev/%c0%80", "/services/platform/%"])
def test_an_address_that_cannot_be_read_is_the_senders_fault(hub: LiveHub, path: str) -> None:
    url = httpx.URL(hub.url)
    assert url.port is not None
    for upgrade in (b"", b"Upgrade: websocket\r\nConnection: Upgrade\r\n"):
        with socket.create_connection((url.host, url.port), timeout=20) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: hub\r\n".encode() + upgrade + b"\r\n")
            said = client.recv(2**16)
        assert said.startswith(b"HTTP/1.1 400 ")
        assert b"cannot be read" in said
    assert _answers(f"{hub.url}/hub/health")
