"""A Hub that shuts down while users wait for an answer."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.live_hub import LiveHub, running, wait_for
from tests.support.store_readers import read_open

pytestmark = pytest.mark.hub

NEVER_READY = """
import asyncio
from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner

class NeverReady(PlatformLocalSpawner):
    async def start(self):
        await asyncio.Event().wait()

c.JupyterHub.spawner_class = NeverReady
"""


def test_a_caller_who_waits_for_a_start_is_told_that_the_hub_stops(
    make_directory: Callable[[], Path],
) -> None:
    policy = Path("tests/data/faults.yaml")
    with running(LiveHub(make_directory(), policy, site=NEVER_READY)) as hub:
        token = hub.token("dev1").token

        def start() -> httpx.Response:
            # Past the proxy, which ends with this Hub.
            with hub.connect_directly(timeout=60) as client:
                return client.post(
                    "/hub/api/users/dev1/servers/one",
                    headers={"Authorization": f"Bearer {token}"},
                    json={"user_options": {"tier": "small"}},
                )

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(start)
            wait_for(lambda: read_open(hub), "the start to be under way")
            os.kill(hub.hub_pid, signal.SIGTERM)
            answer = waiting.result()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert answer.json()["message"].startswith("The Hub is shutting down")
