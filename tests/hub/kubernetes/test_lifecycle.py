"""What ends a server from outside, and that the Hub notices."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner, PlatformKubeSpawner
from tests.hub.kubernetes.spawners import NAME, Hubs, Start, admit
from tests.support.kubernetes_api import FakeKubernetes

SIDECAR = {"name": "backup", "ready": True, "state": {"running": {}}}


def restarted(name: str, reason: str) -> dict[str, Any]:
    """Return the status of a container that its node has started again."""
    ended = {"reason": reason, "exitCode": 137}
    running = {"name": name, "ready": True, "restartCount": 1, "state": {"running": {}}}
    return {**running, "lastState": {"terminated": ended}}


async def watch(spawner: KubeTierSpawner, statuses: list[dict[str, Any]]) -> None:
    """Wait until the watch shows these containers."""
    async with asyncio.timeout(5):
        while (spawner.watched_pod() or {})["status"]["containerStatuses"] != statuses:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def poll_after(
    statuses: list[dict[str, Any]], spawner: Start, cluster: FakeKubernetes
) -> int | None:
    """Start a server, let its node report these containers, and ask whether it runs."""
    started = spawner()
    await started.start()
    pod = cluster.pods[NAME]
    pod["status"]["containerStatuses"] = statuses
    cluster.publish("MODIFIED", pod)
    await watch(started, statuses)
    status: int | None = await started.poll()
    return status


@pytest.mark.parametrize("beside", [[], [SIDECAR]])
async def test_a_server_killed_for_memory_has_ended_though_its_node_started_it_again(
    beside: list[dict[str, Any]], spawner: Start, cluster: FakeKubernetes
) -> None:
    statuses = [*beside, restarted("notebook", "OOMKilled")]
    assert await poll_after(statuses, spawner, cluster) == 137
    assert cluster.pods == {}


@pytest.mark.parametrize(
    "statuses",
    [
        [restarted("notebook", "Error")],
        [
            {"name": "notebook", "ready": True, "state": {"running": {}}},
            restarted("backup", "OOMKilled"),
        ],
    ],
)
async def test_a_server_that_was_not_killed_itself_goes_on(
    statuses: list[dict[str, Any]], spawner: Start, cluster: FakeKubernetes
) -> None:
    assert await poll_after(statuses, spawner, cluster) is None
    assert NAME in cluster.pods


async def test_a_watch_that_has_given_up_is_begun_anew(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    started = spawner()
    await started.start()
    watch = started.pod_reflector.watch_task
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    cluster.remove(NAME)
    assert await started.poll() == 1


async def test_a_pod_that_the_watch_lost_still_runs_if_the_cluster_says_so(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    started = spawner()
    await started.start()
    started.pod_reflector.resources.clear()
    assert await started.poll() is None


async def test_an_end_that_was_seen_is_told_again_by_a_cluster_that_answers_no_more(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    started = spawner()
    await started.start()
    started.pod_reflector.resources.clear()
    cluster.pods.clear()
    assert await started.poll() == 1
    await cluster.close()
    assert await started.poll() == 1


# -- what a silent server has logged -----------------------------------------------------------

FAILED = b"Failed to connect to my Hub at http://hub:8081/hub/api (attempt 1/5). Is it running?"


@pytest.mark.parametrize(
    ("logged", "code", "word"),
    [
        (FAILED + b"\n socket.gaierror: Temporary failure in name resolution", "no_hub", "DNS"),
        (FAILED + b"\n ConnectionRefusedError \xff", "no_hub", "NetworkPolicies"),
        (b"Jupyter Server is running", "not_answering", "log"),
        (None, "not_answering", "log"),
    ],
)
async def test_a_silent_server_is_told_by_its_log_where_that_may_be_read(
    logged: bytes | None,
    code: str,
    word: str,
    make_hub: Callable[..., Hubs],
    cluster: FakeKubernetes,
) -> None:
    hub = make_hub(cluster.url, http_timeout=30)
    spawner: Any = hub.spawner(admit(), spawner_class=PlatformKubeSpawner)
    cluster.logged = logged
    spawner._waiting_for_response = True
    cause = await spawner._why_not_up()
    assert cause.code == f"server.{code}"
    assert word in str(cause)
