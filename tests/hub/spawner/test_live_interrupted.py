"""A start that is interrupted and gives way late: nothing of it stays, and nothing is held."""

from pathlib import Path

import pytest

from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import LiveHub, wait_for
from tests.support.store_readers import read_open

pytestmark = pytest.mark.hub

SITE = """
import asyncio
from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner

class SlowToGiveWay(PlatformLocalSpawner):
    async def start(self):
        if self.name == "starts":
            # Nothing interrupts it any more: it starts, though no caller waits for it.
            return await asyncio.shield(self._start_late())
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(15 if self.name == "late" else 3)
            raise

    async def _start_late(self):
        await asyncio.sleep(3)
        return await super().start()

c.JupyterHub.spawner_class = SlowToGiveWay
"""


hub = hub_of(Path("tests/data/stampede.yaml"), site=SITE, scope="function")


@pytest.mark.parametrize("server", ["", "late", "starts"])
def test_start_that_is_interrupted_late_is_released(hub: LiveHub, server: str) -> None:
    dev1 = hub.token("dev1")
    assert dev1.start("dev1", server, tier="small").status_code in {201, 202}
    assert len(read_open(hub)) == 1
    path = f"users/dev1/servers/{server}" if server else "users/dev1/server"
    assert dev1.delete(path).status_code in {202, 204, 409}
    wait_for(lambda: not read_open(hub) and not hub.list_marked(), "all of it to be gone", 40)
    assert not dev1.servers("dev1").get(server, {}).get("pending")
    assert "reservation_without_server" not in hub.log
