"""Servers that start and never answer: who waits is told how long, and what may be the cause."""

import json
from typing import Any, Final

import pytest

from tests.support.hub_fixtures import hub_of, token_of
from tests.support.live_hub import Api, LiveHub, wait_for
from tests.support.store_readers import read_releases

pytestmark = pytest.mark.hub

POLICY: Final = """\
version: 1
users:
  admin: {level: admin}
  dev: {level: developer}
groups:
  vision: {members: [dev, admin]}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers:
  tiny: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}
  slow: {requests: {cpu: 100m, memory: 256Mi}, limits: {cpu: 1500m, memory: 1Gi}, images: [lab]}
  large: {requests: {cpu: 100m, memory: 256Mi}, limits: {cpu: 4, memory: 1Gi}, images: [lab]}
"""
SITE: Final = """
import asyncio

from jupyterhub.handlers import BaseHandler

class Failures(BaseHandler):
    def get(self):
        self.write(str(self.settings.get("failure_count", 0)))

async def prepare(spawner):
    if spawner.name == "hooked":
        await asyncio.sleep(1.5)
        raise RuntimeError("the site's own hook")
    if spawner.name == "brief":
        spawner.cmd = ["/bin/sh", "-c", "exit 3"]

c.JupyterHub.extra_handlers = [("/failures", Failures)]
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 1}
c.PlatformLocalSpawner.cmd = ["/bin/sh", "-c", "sleep 600"]
c.PlatformLocalSpawner.pre_spawn_hook = prepare
c.Spawner.http_timeout = 3
c.Spawner.poll_interval = 1
"""


hub = hub_of(POLICY, site=SITE)
dev = token_of("dev")


def fail(dev: Api, server: str, tier: str) -> dict[str, Any]:
    """Start a server that fails, and return what ``why`` says of it then."""
    assert dev.start("dev", server, tier=tier).status_code in {201, 202}

    def ended() -> dict[str, Any]:
        answer = dev.get("platform/why", params={"user": "dev", "server": server})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found if found["state"] == "ended" else {}

    return wait_for(ended, "the start to fail", 60)


def failures(hub: LiveHub) -> int:
    return int(hub.login("admin").get("/hub/failures").text)


@pytest.mark.parametrize(
    ("tier", "words"),
    [
        ("tiny", "with 0.1 CPU JupyterLab needs longer"),
        ("slow", "with 1.5 CPU JupyterLab may need longer"),
    ],
)
def test_a_tier_too_small_to_start_in_time_says_so_and_is_no_failure_of_the_hub(
    hub: LiveHub, dev: Api, tier: str, words: str
) -> None:
    before = failures(hub)
    told = fail(dev, tier, tier)
    sentence = f"The server started, but did not answer the Hub within 3 s (http_timeout); {words}."
    assert told["cause"]["code"] == "server.too_slow"
    assert told["cause"]["sentence"] == sentence
    assert "more CPU" in told["cause"]["fix"]
    assert sentence in hub.login("dev").visit("/hub/home").text
    page = hub.login("dev").get(f"/hub/spawn-pending/dev/{tier}")
    assert page.status_code == 500
    assert sentence in page.text
    progress = dev.get(f"users/dev/servers/{tier}/progress").text
    events = [json.loads(line[5:]) for line in progress.splitlines() if line.startswith("data:")]
    assert sentence in events[-1]["message"]
    assert "server.too_slow" in read_releases(hub).values()
    assert failures(hub) == before


def test_a_server_that_is_silent_for_no_known_reason_may_be_the_hubs_failure(
    hub: LiveHub, dev: Api
) -> None:
    before = failures(hub)
    cause = fail(dev, "large", "large")["cause"]
    assert cause["code"] == "server.not_answering"
    sentence = "The server started, but did not answer the Hub within 3 s (http_timeout)."
    assert cause["sentence"] == sentence
    assert sentence in hub.login("dev").get("/hub/spawn-pending/dev/large").text
    assert failures(hub) == before + 1


def test_an_error_before_a_start_is_not_told_as_a_server_that_was_slow(dev: Api) -> None:
    cause = fail(dev, "hooked", "large")["cause"]
    assert cause["code"] == "server.not_started"


def test_a_server_that_ends_before_it_answers_is_still_starting_until_the_hub_knows_why(
    hub: LiveHub, dev: Api
) -> None:
    told = fail(dev, "brief", "large")
    assert told["cause"]["code"] == "server.failed"
    assert "InvalidStateError" not in hub.log
