"""Holds the Hub at a chosen instant of a start or stop, so that it can be killed exactly there.

The site's configuration, as a site may, uses a spawner of its own: where an instant is armed by a
file, the spawner says that it is there by another, and waits for what never comes.
"""

import shutil
from pathlib import Path
from typing import Final

from tests.support import tiny_server
from tests.support.live_hub import wait_for

STOPS: Final = ("stop-asked", "stop-ended", "stop-returned")
"""Before anything is done, when the backend is gone, and when only the release is missing."""

STARTS: Final = ("before-create", "after-create")

CHEAP_SERVERS: Final = f"""
import jupyterhub, sys
c.Spawner.cmd = [sys.executable, {tiny_server.__file__!r}]
c.Spawner.environment = {{"TINY_SERVER_HUB_VERSION": jupyterhub.__version__}}
c.Spawner.poll_interval = 1
c.Spawner.http_timeout = 20
c.PlatformLocalSpawner.stop_grace = 1
c.Platform.check_seconds = 0.4
c.Platform.store_retry_seconds = 0.4
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0, "slow_stop_timeout": 0}}
"""
"""A site whose servers start at once, and whose Hub looks after itself often."""

_SITE: Final = """
import asyncio
from pathlib import Path
from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner

class BreakpointSpawner(PlatformLocalSpawner):
    async def reach(self, instant):
        armed = Path({directory!r}) / f"{{self.name}}.{{instant}}"
        if armed.exists():
            armed.rename(armed.with_suffix(".reached"))
            await asyncio.Event().wait()

    async def _end_leftovers(self, machine):
        await super()._end_leftovers(machine)
        await self.reach("before-create" if self._starting else "stop-ended")

    async def start(self):
        answer = await super().start()
        await self.reach("after-create")
        return answer

    async def stop(self, now=False):
        await self.reach("stop-asked")
        await super().stop(now)
        await self.reach("stop-returned")

c.JupyterHub.spawner_class = BreakpointSpawner
"""


class Breakpoints:
    """The instants of one platform, by the name of a server."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "instants"
        self._directory.mkdir()

    @property
    def site(self) -> str:
        """What goes into the configuration of the site."""
        return CHEAP_SERVERS + _SITE.format(directory=str(self._directory))

    def arm(self, server: str, instant: str) -> None:
        """Hold the next start or stop of ``server`` at ``instant``."""
        (self._directory / f"{server}.{instant}").touch()

    def wait_until_reached(self, server: str) -> None:
        """Wait until the Hub is held there."""
        reached = self._directory / f"{server}.reached"
        wait_for(reached.exists, f"{server} to reach its instant", 30)

    def disarm(self) -> None:
        """Let everything pass."""
        shutil.rmtree(self._directory)
        self._directory.mkdir()
