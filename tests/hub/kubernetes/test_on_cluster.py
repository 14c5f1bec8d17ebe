"""A spawner of ours and a real API server: what a person is told while a pod does not run."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from kubernetes.client import CoreV1Api
from kubernetes_asyncio.config import kube_config
from kubespawner.clients import load_config

from jupyterhub_platform.core.pods import Pod
from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin
from tests.hub.kubernetes.spawners import EVERYTHING, SMALL, Hubs, admit

pytestmark = pytest.mark.cluster

SECONDS = 30


@pytest.fixture
async def start_on_cluster(
    api_cluster: Any,
    namespace: str,
    make_hub: Callable[..., Hubs],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Callable[..., KubeTierSpawner]]:
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(api_cluster.kubeconfig))
    load_config.cache_clear()

    def make(
        spawner_class: type[KubeTierSpawner] = KubeTierSpawner, **start: Any
    ) -> KubeTierSpawner:
        settings = {"namespace": namespace, "events_enabled": True, "start_timeout": SECONDS}
        hub = make_hub(api_cluster.client.configuration.host, **settings)
        spawner = hub.spawner(admit(SMALL, **start), spawner_class=spawner_class)
        # By it a lent cluster tells what is to be deleted afterwards.
        spawner.api.api_client.user_agent = api_cluster.client.user_agent
        return spawner

    yield make
    await KubeTierSpawner._stop_all_reflectors()
    KubeTierSpawner.reflectors.clear()
    load_config.cache_clear()


class Governed(AdmissionMixin, KubeTierSpawner):
    """What a Hub's spawner class is made of."""


async def test_a_start_makes_progress_before_it_is_awaited(
    start_on_cluster: Callable[..., KubeTierSpawner],
) -> None:
    spawner = start_on_cluster(Governed)
    starting = spawner.start()
    async with asyncio.timeout(SECONDS):
        async for step in spawner.progress():
            if "The cluster has no node." in step["message"]:
                break
    assert not starting.done()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await KubeTierSpawner.stop(spawner, now=True)


async def test_progress_says_what_keeps_a_pod_from_running(
    start_on_cluster: Callable[..., KubeTierSpawner],
) -> None:
    spawner = start_on_cluster()
    starting = asyncio.ensure_future(spawner.start())
    async with asyncio.timeout(SECONDS):
        told = []
        async for step in spawner.progress():
            told.append(step["message"])
            if "The cluster has no node." in step["message"]:
                break
    assert any("no nodes available" in message for message in told), "the cluster's own words"
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await spawner.stop(now=True)
    assert await spawner.poll() == 1


async def test_a_home_is_made_once_and_outlives_its_server(
    start_on_cluster: Callable[..., KubeTierSpawner], api_cluster: Any, namespace: str
) -> None:
    core = CoreV1Api(api_cluster.client)
    for _ in range(2):
        spawner = start_on_cluster(server="lab", pod=Pod(home=EVERYTHING.home))
        starting = asyncio.ensure_future(spawner.start())
        async with asyncio.timeout(SECONDS):
            while not core.list_namespaced_pod(namespace).items:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await spawner.stop(now=True)
        (claim,) = core.list_namespaced_persistent_volume_claim(namespace).items
        assert claim.metadata.name == spawner.pvc_name
        assert claim.spec.resources.requests == {"storage": "10Gi"}
        assert claim.spec.storage_class_name == "gp3"
