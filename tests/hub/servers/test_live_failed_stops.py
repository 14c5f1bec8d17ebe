"""A server that cannot be stopped keeps its reservation until it is really gone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.live_hub import LiveHub, running, wait_for
from tests.support.store_readers import read_open

pytestmark = pytest.mark.hub

SITE = """
from pathlib import Path
from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner

class StubbornSpawner(PlatformLocalSpawner):
    async def start(self):
        url = await super().start()
        if self.name == "broken":
            raise RuntimeError("this server fails when all is done")
        return url

    async def stop(self, now=False):
        if Path({flag!r}).exists():
            raise RuntimeError("this server does not want to end")
        await super().stop(now)

c.JupyterHub.spawner_class = StubbornSpawner
"""


@pytest.fixture
def flag(make_directory: Callable[[], Path]) -> Path:
    """A file that says, while it is there, that no server can be stopped."""
    return make_directory() / "stubborn"


@pytest.fixture
def hub(flag: Path) -> Iterator[LiveHub]:
    site = SITE.format(flag=str(flag))
    with running(LiveHub(flag.parent, Path("tests/data/stampede.yaml"), site=site)) as hub:
        yield hub
        flag.unlink(missing_ok=True)


def test_holds_until_it_is_gone_when_a_stop_fails(hub: LiveHub, flag: Path) -> None:
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


def test_a_failed_start_is_released_although_its_owner_tried_again_meanwhile(
    hub: LiveHub, flag: Path
) -> None:
    dev1 = hub.token("dev1")
    flag.touch()
    assert dev1.start("dev1", "broken", tier="small").status_code == 500
    again = dev1.start("dev1", "broken", tier="small")
    assert again.status_code == 409
    assert "has not ended yet" in again.json()["message"]
    assert len(read_open(hub)) == 1
    assert hub.list_marked(), "its processes were expected to live"
    flag.unlink()
    wait_for(lambda: not read_open(hub), "it to be ended and released", 30)
    assert hub.list_marked() == []


def test_holds_until_it_is_gone_when_the_hub_is_killed_after_a_stop_that_failed(
    hub: LiveHub, flag: Path
) -> None:
    dev1 = hub.token("dev1")
    assert dev1.start("dev1", tier="small").status_code in {201, 202}
    dev1.wait_until_ready("dev1")
    (held,) = read_open(hub)
    flag.touch()
    dev1.delete("users/dev1/server")
    wait_for(lambda: "" not in dev1.servers("dev1"), "the Hub to give up on it")
    hub.kill_hub()
    hub.start()
    assert hub.list_marked(), "its processes were expected to live"
    assert read_open(hub) == [held]
    assert dev1.start("dev1", "other", tier="small").status_code == 409
    flag.unlink()
    wait_for(lambda: not read_open(hub), "it to be ended and released", 30)
    assert hub.list_marked() == []
    assert dev1.start("dev1", "other", tier="small").status_code in {201, 202}
    dev1.wait_until_ready("dev1", "other")
