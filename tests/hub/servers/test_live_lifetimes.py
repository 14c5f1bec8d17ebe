"""A server ends when its tier says so: at its deadline, or when it is not used."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.ioloop import IOLoop
from tornado.websocket import websocket_connect

from tests.support.canaries import Watched
from tests.support.hub_fixtures import hub_of, token_of
from tests.support.live_hub import Api, LiveHub, wait_for
from tests.support.store_readers import read_open, read_releases

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
users:
  admin: {level: admin}
  dev: {level: developer}
groups: {vision: {members: [dev, admin]}}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers:
  brief:
    requests: {cpu: 100m, memory: 256Mi}
    limits: {cpu: 2, memory: 1Gi}
    images: [lab]
    max_lifetime: 50s
  lazy:
    requests: {cpu: 100m, memory: 256Mi}
    limits: {cpu: 2, memory: 1Gi}
    images: [lab]
    idle_timeout: 12s
  long:
    requests: {cpu: 100m, memory: 256Mi}
    limits: {cpu: 2, memory: 1Gi}
    images: [lab]
    max_lifetime: 8h
    idle_timeout: 1h
"""
WITHOUT_DEV = POLICY.replace("  dev: {level: developer}\n", "").replace("[dev, admin]", "[admin]")
SITE = "c.Platform.lifetime_seconds = 1\nc.Authenticator.auth_refresh_age = 1\n"


hub = hub_of(POLICY, site=SITE, lab=True)
dev = token_of("dev")


def start(dev: Api, server: str, tier: str) -> None:
    assert dev.start("dev", server, tier=tier).status_code in {201, 202}
    dev.wait_until_ready("dev", server)


def test_a_deadline_is_shown_survives_a_killed_hub_and_is_kept(hub: LiveHub, dev: Api) -> None:
    assert dev.start("dev", "brief", tier="brief").status_code in {201, 202}
    started = datetime.now(UTC)
    held = next(each for each in read_open(hub) if each.server == "brief")
    assert held.ends_at is not None
    assert 30 < (held.ends_at - started).total_seconds() <= 50
    usage = dev.get("platform/usage").json()["servers"]
    assert [each["ends_at"] for each in usage] == [held.ends_at.isoformat()]
    browser = hub.login("dev")
    home = browser.visit("/hub/home").text
    assert "its lifetime ends" in home, "a server that ends within ten minutes is warned about"
    assert held.ends_at.isoformat() in home
    assert "its lifetime ends" in browser.get("/hub/token").text, "as on every page of the Hub"

    hub.kill_hub()
    hub.start()
    assert next(each for each in read_open(hub) if each.server == "brief").ends_at == held.ends_at
    wait_for(lambda: not read_open(hub), "the deadline to be kept", seconds=120)
    assert datetime.now(UTC) >= held.ends_at
    assert read_releases(hub)[held.id] == "lifetime"
    assert "brief" not in dev.servers("dev")


def test_a_deadline_that_is_far_away_is_shown_without_a_warning(hub: LiveHub, dev: Api) -> None:
    start(dev, "long", "long")
    home = hub.login("dev").visit("/hub/home").text
    assert ">in 7 h" in home
    assert "its lifetime ends" not in home
    spawn = hub.login("dev").get("/hub/spawn").text
    assert "Stopped by itself after 8 h, or after 1 h without use." in spawn
    dev.stop("dev", "long")


def test_an_idle_server_ends_and_a_busy_kernel_is_not_idle(hub: LiveHub, dev: Api) -> None:
    """A computation goes on after its user's session has ended, or they are declared no more."""
    admin = hub.token("admin")
    start(dev, "lazy", "lazy")
    held = next(each for each in read_open(hub) if each.server == "lazy")
    with Watched(hub.url) as client:
        client.headers["Authorization"] = f"Bearer {dev.token}"
        kernel = client.post("/user/dev/lazy/api/kernels").json()["id"]
        began = time.monotonic()
        IOLoop().run_sync(lambda: compute(hub, dev, kernel, seconds=36), timeout=120)
        computed = time.monotonic() - began
        assert computed > 35
        assert dev.get("user").status_code == 403, "their tokens are refused"
        assert "lazy" in admin.servers("dev"), "it computed for three times its idle timeout"
    hub.policy.write_text(POLICY)
    assert admin.post("platform/reload").status_code == 200
    wait_for(lambda: "lazy" not in dev.servers("dev"), "the idle server to stop", seconds=90)
    wait_for(lambda: held.id in read_releases(hub), "the release")
    assert read_releases(hub)[held.id] == "idle"
    notes = [each["note"] for each in dev.get("users/dev/tokens").json()["api_tokens"]]
    assert "The Hub asks whether a server is busy" not in notes


async def compute(hub: LiveHub, dev: Api, kernel: str, *, seconds: int) -> None:
    """Have a kernel compute without a word, and wait until it is done."""
    url = f"{hub.url.replace('http', 'ws', 1)}/user/dev/lazy/api/kernels/{kernel}/channels"
    request = HTTPRequest(url, headers={"Authorization": f"Bearer {dev.token}"})
    channel = await websocket_connect(request)
    header = {"msg_id": "m", "msg_type": "execute_request", "session": "s", "username": "dev"}
    content: dict[str, Any] = {"code": f"import time; time.sleep({seconds})", "silent": False}
    message = {"header": {**header, "version": "5.3"}, "channel": "shell", "content": content}
    await channel.write_message(json.dumps({**message, "parent_header": {}, "metadata": {}}))
    hub.policy.write_text(WITHOUT_DEV)
    while True:
        said = await channel.read_message()
        assert said is not None, "the server ended while its kernel computed"
        if isinstance(said, str):
            answer = json.loads(said)
            if answer["msg_type"] == "execute_reply" and answer["parent_header"]["msg_id"] == "m":
                assert answer["content"]["status"] == "ok"
                return
