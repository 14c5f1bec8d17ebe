"""Whatever of a platform is killed: its port is no other user's, until ``jhp down``."""

import socket
import subprocess
import sys
import time

import httpx
import psutil
import pytest

from tests.support.hub_fixtures import PLAIN_TIER, hub_of
from tests.support.live_hub import LiveHub, is_alive, wait_for
from tests.support.other_os_user import as_root, hijacking

pytestmark = [pytest.mark.hub, as_root]

POLICY = (
    """\
version: 1
name: Held
defaults: {tier: small}
users: {admin: {level: admin}, dev1: {level: developer}}
groups:
  vision: {members: [dev1]}
"""
    + PLAIN_TIER
)


hub = hub_of(POLICY, scope="function")


def port_of(hub: LiveHub) -> int:
    return int(hub.url.rsplit(":", 1)[1])


def kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    wait_for(lambda: not is_alive(process), f"process {pid} to end", 30)


def assert_refused(port: int) -> None:
    began = time.monotonic()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=20)
    assert time.monotonic() - began < 2


def test_killing_any_process_gives_no_other_user_the_port_and_sessions_go_on(hub: LiveHub) -> None:
    port, session, api = port_of(hub), hub.login("dev1"), hub.token("dev1")
    assert api.start("dev1", tier="small").status_code in {201, 202}
    api.wait_until_ready("dev1")
    server = hub.list_lasting()
    with hijacking(port) as got:
        # The proxy alone: the Hub starts another one, at the same socket.
        kill(hub.proxy_pid)
        wait_for(lambda: session.get("/hub/token").status_code == 200, "the proxy to be back")
        # The Hub: `jhp up` ends what it had started.
        hub.kill_hub()
        assert_refused(port)
        hub.start()
        # `jhp up` and the Hub, then the proxy, which is left; all but people's servers.
        proxy = hub.proxy_pid
        hub.kill_everything()
        kill(proxy)
        assert_refused(port)
        hub.start()
        # `jhp up` alone: the kernel tells its Hub to end.
        hub.kill_jhp()
        assert_refused(port)
        hub.start()
        assert port_of(hub) == port
        # The cookies of before still hold, and so does the server.
        assert session.get("/hub/token").status_code == 200
        assert session.visit("/user/dev1/").text == "here\n"
        assert set(server) <= set(hub.list_marked())
        assert hub.stop() == 0
        assert_refused(port)
    assert got == []
    assert f"Port {port} stays held" in hub.terminal.read_text()
    assert len(hub.list_port_holders()) == 1


def test_jhp_down_frees_the_port_and_a_killed_holder_prevents_no_start(hub: LiveHub) -> None:
    port, (holder,) = port_of(hub), hub.list_port_holders()
    session = hub.login("dev1")
    visited = session.get("/services/platform/", follow_redirects=True)
    assert visited.url.path == "/services/platform/"
    cookies = [f"{each.name}={each.value}" for each in session.cookies.jar]
    kill(holder)
    hub.kill_everything()
    hub.start()
    assert port_of(hub) == port
    assert hub.stop() == 0
    down = subprocess.run(
        [sys.executable, "-m", "jupyterhub_platform", "down", "--yes", "--state", hub.state],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"Released port {port}." in down.stderr
    assert hub.list_port_holders() == []
    with hijacking(port) as got:
        pass
    assert any(each.startswith("listens 127.0.0.1 ") for each in got)
    # A process that listened there in between may have been sent these.
    hub.start()
    with httpx.Client(base_url=hub.url, timeout=60) as replay:
        for path in ("/hub/home", "/services/platform/"):
            answer = replay.get(path, headers={"Cookie": "; ".join(cookies)})
            assert answer.status_code in {302, 403}, path
