"""Starts while the cluster answers every request, except for lists or watches."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner, PlatformKubeSpawner
from tests.hub.kubernetes.spawners import NAME, Hubs, Start, admit, refused
from tests.support.kubernetes_api import Answer, FakeKubernetes

WATCH_SECONDS = 1
ANSWER_SECONDS = 4
"""How long a list or a watch is waited for then: the watch, and three times a request's second."""


@pytest.fixture
async def watching(
    make_hub: Callable[..., Hubs], cluster: FakeKubernetes
) -> AsyncIterator[Callable[..., Any]]:
    """Begin to watch for a second at a time, and make a spawner."""

    async def make(**settings: Any) -> KubeTierSpawner:
        hub = make_hub(cluster.url, **settings)
        hub.config.ResourceReflector.timeout_seconds = WATCH_SECONDS
        spawner = hub.spawner(admit())
        await spawner.watch()
        async with asyncio.timeout(5):
            while not cluster._watchers:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return spawner

    yield make
    if cluster.slow is not None:
        cluster.slow.set()


async def silence_lists(cluster: FakeKubernetes) -> asyncio.Event:
    """End the watch, and leave the list after it without an answer until the event is set."""
    cluster.slow = asyncio.Event()
    before = cluster.lists
    cluster.end_watches()
    async with asyncio.timeout(5):
        while cluster.lists == before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return cluster.slow


async def test_a_list_without_an_answer_does_not_keep_a_server_from_starting(
    watching: Callable[..., Any], cluster: FakeKubernetes
) -> None:
    spawner = await watching(start_timeout=4 * ANSWER_SECONDS)
    silent = await silence_lists(cluster)
    cluster.slow = None  # the next one is answered
    assert await spawner.start() == "http://10.0.0.7:8888"
    silent.set()


async def test_a_watch_that_says_nothing_more_does_not_keep_a_server_from_starting(
    watching: Callable[..., Any], cluster: FakeKubernetes
) -> None:
    spawner = await watching(start_timeout=4 * ANSWER_SECONDS)
    cluster.mute = True
    assert await spawner.start() == "http://10.0.0.7:8888"


async def test_a_pod_that_went_unseen_is_gone_as_soon_as_a_list_is_answered(
    watching: Callable[..., Any], cluster: FakeKubernetes
) -> None:
    spawner = await watching(start_timeout=4 * ANSWER_SECONDS)
    await spawner.start()
    cluster.mute = True
    await spawner.stop()
    assert cluster.pods == {}
    assert await spawner.poll() == 1


async def test_lists_that_are_never_answered_are_no_failure_of_the_hub(
    watching: Callable[..., Any], cluster: FakeKubernetes
) -> None:
    spawner = await watching(start_timeout=ANSWER_SECONDS + 3)
    await silence_lists(cluster)
    error = await refused(spawner)
    assert (error.status_code, error.code) == (503, "cluster.no_answer")
    # The pod is there all the same, and is ended like that of every start that fails.
    assert await spawner.poll() is None
    assert NAME in cluster.pods


async def test_a_pod_that_was_created_at_the_last_moment_is_no_failure_of_the_hub(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.hidden = True
    # Each is waited for, for one second: the third comes when the time is almost over.
    cluster.answers = [Answer(silent=True), Answer(silent=True)]
    started = spawner(start_timeout=4, k8s_api_request_retry_timeout=20)
    error = await refused(started)
    assert (error.status_code, error.code) == (503, "cluster.no_answer")


@pytest.mark.parametrize("held_up", [(2.5, 1.7), (3.5, 1.0)], ids=["from before", "afterwards"])
async def test_a_loop_that_is_held_up_beyond_both_patiences_still_gives_the_sentence(
    held_up: tuple[float, float], make_hub: Callable[..., Hubs], cluster: FakeKubernetes
) -> None:
    hub = make_hub(
        cluster.url, start_timeout=4, k8s_api_request_retry_timeout=20, hub_instance="here"
    )
    cluster.answers = [Answer(503, "Busy", "later")] * 1000
    spawner: Any = hub.spawner(admit(), spawner_class=PlatformKubeSpawner)
    begin, seconds = held_up
    asyncio.get_running_loop().call_later(begin, time.sleep, seconds)
    with pytest.raises(AdmissionDenied) as refusal:
        await asyncio.wait_for(spawner.start(), spawner.start_timeout)
    assert (refusal.value.status_code, refusal.value.code) == (503, "cluster.busy")
    assert spawner.seen.code == "cluster.busy"


async def test_a_pod_that_goes_while_it_starts_is_no_failure_of_the_hub(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.hidden = True
    starting = asyncio.ensure_future(refused(spawner(start_timeout=2)))
    async with asyncio.timeout(5):
        while NAME not in cluster.pods:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    cluster.remove(NAME)
    error = await starting
    assert (error.status_code, error.code) == (500, "pod.deleted")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({}, 10 + 3 * 3),
        ({"timeout_seconds": 120}, 120 + 3 * 3),
        ({"timeout_seconds": 0}, 60),
        ({"request_timeout": 45}, 45),
    ],
)
async def test_a_site_says_for_how_long_an_answer_is_waited_for(
    said: dict[str, int], seconds: int, make_hub: Callable[..., Hubs], cluster: FakeKubernetes
) -> None:
    hub = make_hub(cluster.url, k8s_api_request_timeout=3)
    hub.config.ResourceReflector.update(said)
    spawner = hub.spawner(admit())
    await spawner.watch()
    assert spawner.pod_reflector.request_timeout == seconds
    assert spawner.pod_reflector.is_answered
