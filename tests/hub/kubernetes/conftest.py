"""Spawners without a cluster, and with one that is faked at the other end of real HTTP."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from kubespawner.clients import load_config

from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner
from tests.hub.kubernetes.spawners import SMALL, TOKEN, Hubs, Lines, Start, admit
from tests.support.kubernetes_api import FakeKubernetes


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes golden manifests instead of comparing with them."""
    parser.addoption("--update-goldens", action="store_true", help="write the golden manifests")


@pytest.fixture
def update_goldens(request: pytest.FixtureRequest) -> bool:
    # Only known to pytest when it is started on this directory.
    return bool(request.config.getoption("--update-goldens", default=False))


@pytest.fixture
async def cluster() -> AsyncIterator[FakeKubernetes]:
    fake = FakeKubernetes.start()
    # KubeSpawner sets the address of the cluster once for each that it sees, and would stay with
    # the last one when a port comes back that an earlier test had.
    load_config.cache_clear()
    yield fake
    await KubeTierSpawner._stop_all_reflectors()
    KubeTierSpawner.reflectors.clear()
    await _end_clients()
    await fake.close()


@pytest.fixture
async def make_hub() -> AsyncIterator[Callable[..., Hubs]]:
    made: list[Hubs] = []

    def make(api_url: str = "http://127.0.0.1:9", **settings: Any) -> Hubs:
        made.append(Hubs(api_url, **settings))
        return made[-1]

    yield make
    for hub in made:
        hub.close()
    await _end_clients()


@pytest.fixture
def spawner(make_hub: Callable[..., Hubs], cluster: FakeKubernetes) -> Start:
    def make(admitted: Any = None, options: Any = None, **settings: Any) -> KubeTierSpawner:
        hub = make_hub(cluster.url, **settings)
        return hub.spawner(admitted or admit(SMALL), options)

    return make


@pytest.fixture(autouse=True)
def log() -> Iterator[Lines]:
    """Collect what the Hub logs at every level; the token of a server is never in it."""
    lines = Lines()
    logger = logging.getLogger("traitlets")
    level = logger.level
    logger.addHandler(lines)
    logger.setLevel(logging.DEBUG)
    yield lines
    logger.removeHandler(lines)
    logger.setLevel(level)
    assert TOKEN not in lines.text


async def _end_clients() -> None:
    """End the task with which KubeSpawner closes its client, as the Hub does when it ends."""
    own = asyncio.current_task()
    tasks = [
        task
        for task in asyncio.all_tasks()
        if task is not own and "close_client_task" in repr(task.get_coro())
    ]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # Its connections are closed in the turns of the loop after that.
    await asyncio.sleep(0.1)
