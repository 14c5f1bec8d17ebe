"""A server that cannot be stopped goes on holding what it holds, until it is really gone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.live_hub import LiveHub, running, wait_for
from tests.support.readers import read_open

pytestmark = pytest.mark.hub

SITE = """
from pathlib import Path
from jupyterhub_platform.hub.local.governed import PlatformLocalSpawner

class StubbornSpawner(PlatformLocalSpawner):
    async def stop(self, now=False):
        if Path({flag!r}).exists():
            raise RuntimeError("this server does not want to end")
        await super().stop(now)

c.JupyterHub.spawner_class = StubbornSpawner
"""


def test_holds_until_it_is_gone_when_a_stop_fails(make_directory: Callable[[], Path]) -> None:
    directory = make_directory()
    flag = directory / "stubborn"
    site = SITE.format(flag=str(flag))
    with running(LiveHub(directory, Path("tests/data/stampede.yaml"), site=site)) as hub:
        dev1 = hub.token("dev1")
        assert dev1.start("dev1", tier="small").status_code in {201, 202}
        dev1.wait_until_ready("dev1")
        flag.touch()
        dev1.delete("users/dev1/server")
        wait_for(lambda: "" not in dev1.servers("dev1"), "the Hub to give up on it")
        assert len(dev1.get("platform/usage").json()["servers"]) == 1
        assert len(hub.list_marked()) > 0, "its processes were expected to live"
        other = dev1.start("dev1", "other", tier="small")
        assert (other.status_code, other.headers.get("retry-after")) == (409, None)
        again = dev1.start("dev1", tier="small")
        assert again.status_code == 409
        assert "has not ended yet" in again.json()["message"]
        assert len(read_open(hub)) == 1
        flag.unlink()
        wait_for(lambda: not read_open(hub), "it to be ended and released", 30)
        assert hub.list_marked() == []
        assert dev1.start("dev1", tier="small").status_code in {201, 202}
        dev1.wait_until_ready("dev1")
