"""Whose pod it is: one of the same name is taken, stopped and deleted only if it is ours."""

import asyncio
from typing import Any

import pytest

from tests.hub.kubernetes.spawners import NAME, Start, admit, refused
from tests.support.kubernetes_api import FakeKubernetes


def existing(**annotations: str) -> dict[str, Any]:
    metadata = {
        "name": NAME,
        "labels": {"component": "singleuser-server"},
        "annotations": {f"jupyterhub-platform/{key}": value for key, value in annotations.items()},
    }
    return {"metadata": metadata, "spec": {"containers": [{"name": "notebook"}]}}


OURS = {"hub": "http://10.0.0.1:8081/hub/api", "user": "dev1", "server": ""}


@pytest.mark.parametrize(
    "pod",
    [
        existing(),
        existing(**{**OURS, "hub": "http://10.0.0.2:8081/hub/api"}, reservation="r0"),
        existing(**{**OURS, "user": "dev2"}, reservation="r0"),
        existing(**{**OURS, "server": "other"}, reservation=admit().reservation.id),
        {
            **existing(),
            "metadata": {
                **existing()["metadata"],
                "annotations": {"hub.jupyter.org/username": "dev1"},
            },
        },
    ],
)
async def test_a_pod_that_is_not_ours_is_neither_taken_nor_stopped_nor_deleted(
    pod: dict[str, Any], spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.add("hub", pod)
    blocked = spawner()
    error = await refused(blocked)
    assert (error.status_code, error.code) == (409, "cluster.name_taken")
    assert NAME in error.jupyterhub_message
    # What the Hub does after a failed start:
    assert await blocked.poll() == 1
    await blocked.stop(now=True)
    assert cluster.deleted == []
    assert NAME in cluster.pods


async def test_a_pod_of_an_earlier_start_is_deleted_by_its_uid_first(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    left = cluster.add("hub", existing(**OURS, reservation="r0"))
    await spawner().start()
    assert cluster.deleted == [(NAME, left["metadata"]["uid"])]
    marks = cluster.pods[NAME]["metadata"]["annotations"]
    assert marks["jupyterhub-platform/reservation"] == admit().reservation.id


async def test_a_start_waits_for_an_earlier_pod_that_is_ending(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.add("hub", existing(**OURS, reservation="r0"), deletionTimestamp="2026-11-24T09:30:00Z")
    starting = spawner().start()
    await asyncio.sleep(0.3)
    cluster.remove(NAME)
    assert await starting == "http://10.0.0.7:8888"
    assert cluster.deleted == []


async def test_an_earlier_pod_that_does_not_end_is_said(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.lingering = True
    cluster.add("hub", existing(**OURS, reservation="r0"))
    error = await refused(spawner(k8s_api_request_retry_timeout=1))
    assert (error.status_code, error.code) == (503, "cluster.still_leaving")
    assert len(cluster.deleted) == 1


async def test_a_pod_from_before_the_platform_can_still_be_stopped(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    pod = existing()
    pod["metadata"]["annotations"] = {"hub.jupyter.org/username": "dev1"}
    cluster.add("hub", pod)
    running = spawner()
    assert await running.poll() is None
    await running.stop()
    assert cluster.pods == {}


async def test_a_start_never_returns_the_address_of_the_pod_before_it(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    earlier = cluster.add("hub", existing(**OURS, reservation="r0"))
    earlier["status"]["podIP"] = "10.0.0.6"
    earlier["spec"]["containers"][0]["ports"] = [{"name": "notebook-port", "containerPort": 8888}]
    started = spawner(start_timeout=1)
    await started.poll()
    await asyncio.sleep(0.5)  # until the watch has begun
    cluster.hidden = True  # from now on it shows nothing new
    with pytest.raises(TimeoutError):
        await started.start()
