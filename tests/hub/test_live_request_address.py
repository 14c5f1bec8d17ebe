"""A browser's address is on record where the Hub listens everywhere, as in a cluster."""

import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.live_hub import hidden_xsrf, wait_for
from tests.support.tls_hub import NAME, TlsHub

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
defaults: {tier: small}
users: {kim: {level: admin}}
groups: {vision: {members: [kim]}}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}}
"""
PASSWORD = "a password for kim alone"
BROWSER = "127.0.0.9"
"""The address that the browser has, and nothing else."""
EVERYWHERE = """
from urllib.parse import urlsplit
port = urlsplit(c.JupyterHub.hub_bind_url).port
c.JupyterHub.hub_bind_url = f"http://0.0.0.0:{{port}}"
c.JupyterHub.hub_connect_url = f"http://{address}:{{port}}"
"""


def own_address() -> str:
    """Return an address of this machine that is not its loopback's; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[TlsHub]:
    site = EVERYWHERE.format(address=own_address())
    hub = TlsHub(make_directory(), POLICY, site=site, password=PASSWORD)
    try:
        yield hub.start()
    finally:
        hub.stop()


@pytest.fixture
def kim(hub: TlsHub) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(verify=False, local_address=BROWSER)
    port = hub.origin.rpartition(":")[2]
    with httpx.Client(
        transport=transport,
        base_url=f"https://127.0.0.1:{port}",
        headers={"Host": f"{NAME}:{port}"},
        follow_redirects=False,
    ) as client:
        page = client.get("/hub/login")
        form = {"username": "kim", "password": PASSWORD, "_xsrf": hidden_xsrf(page.text)}
        assert client.post("/hub/login", data=form).status_code == 302
        yield client


def visit(client: httpx.Client, path: str) -> httpx.Response:
    """Follow redirects on this machine, whatever name they have."""
    page = client.get(path)
    while page.is_redirect:
        page = client.get(re.sub(r"^https://[^/]*", "", page.headers["Location"]))
    return page


def read_last(hub: TlsHub, action: str) -> tuple[str, str, str] | None:
    with sqlite3.connect(hub.state / "platform.sqlite") as store:
        found = store.execute(
            "SELECT actor, via, address FROM audit WHERE action = ? ORDER BY seq DESC LIMIT 1",
            (action,),
        ).fetchone()
    store.close()
    return None if found is None else (str(found[0]), str(found[1]), str(found[2]))


def test_what_is_done_and_refused_on_pages_comes_from_the_browser(
    hub: TlsHub, kim: httpx.Client
) -> None:
    new = "/services/platform/new/user"
    form = {"_xsrf": hidden_xsrf(visit(kim, new).text), "name": "new", "level": "user"}
    form |= {"why": "hired", "step": "save", "seen": ""}
    made = kim.post(new, data=form)
    assert made.status_code == 303, made.text
    assert read_last(hub, "user.made") == ("kim", "page", BROWSER)
    refused = kim.post("/services/platform/servers/stop", data={**form, "user": ".."})
    assert refused.status_code == 400
    wait_for(lambda: read_last(hub, "call.refused") is not None, "the row")
    assert read_last(hub, "call.refused") == ("kim", "page", BROWSER)
