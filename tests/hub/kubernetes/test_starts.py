"""Starts and stops: what is created, and what operators' hooks cannot add to it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner
from tests.hub.kubernetes.spawners import GPU, GPU_TIER, NAME, Lines, Start, admit, refused
from tests.support.kubernetes_api import FakeKubernetes

# -- the road that works ---------------------------------------------------------------------


async def test_an_admitted_start_creates_the_pod_and_returns_its_address(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    started = spawner(admit(GPU_TIER))
    assert await started.start() == "http://10.0.0.7:8888"
    assert await started.poll() is None
    [pod] = cluster.created
    assert pod["spec"]["containers"][0]["resources"]["limits"][GPU] == "1"


async def test_arguments_of_a_server_reach_it_whatever_its_image_would_run(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    await spawner(args=["--HubOAuth.cache_max_age=5"]).start()
    [pod] = cluster.created
    words = pod["spec"]["containers"][0]["args"]
    assert words == ["jupyterhub-singleuser", "--HubOAuth.cache_max_age=5"]


async def test_a_stop_deletes_that_pod_by_its_uid(spawner: Start, cluster: FakeKubernetes) -> None:
    started = spawner()
    await started.start()
    uid = cluster.pods[NAME]["metadata"]["uid"]
    await started.stop()
    assert cluster.deleted == [(NAME, uid)]
    assert await started.poll() == 1


async def test_a_start_that_was_not_admitted_reaches_no_cluster(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    unadmitted = spawner()
    unadmitted.admitted = None
    error = await refused(unadmitted)
    assert (error.status_code, error.code) == (403, "server.not_admitted")
    assert cluster.created == []


@pytest.mark.parametrize("given_up", [0, 1])
async def test_cancelled_start_leaves_others_waiting_for_the_first_list(
    given_up: int, spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.slow = asyncio.Event()
    admitted = [admit(user="dev1"), admit(user="dev2"), admit(user="dev3")]
    starts = [asyncio.ensure_future(spawner(each).start()) for each in admitted]
    while not cluster.lists:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    broken_off = starts.pop(given_up)
    broken_off.cancel()
    with pytest.raises(asyncio.CancelledError):
        await broken_off
    cluster.slow.set()
    assert await asyncio.gather(*starts) == ["http://10.0.0.7:8888"] * 2


# -- what hooks and configuration add --------------------------------------------------------


def container(**fields: Any) -> dict[str, Any]:
    return {"name": "extra", "image": "example.org/extra:1", **fields}


async def inflate(_: Any, pod: Any) -> Any:
    pod.spec.containers[0].resources.limits["cpu"] = "64"
    return pod


def remove_limits(_: Any, pod: Any) -> Any:
    pod.spec.containers[0].resources.limits = None
    return pod


def add_gpus(_: Any, pod: Any) -> Any:
    for part in (
        pod.spec.containers[0].resources.limits,
        pod.spec.containers[0].resources.requests,
    ):
        part[GPU] = 8
    return pod


def swap_image(_: Any, pod: Any) -> Any:
    pod.spec.containers[0].image = "evil.example/x:9"
    return pod


def rename(_: Any, pod: Any) -> Any:
    pod.metadata.name = "jupyter-another"
    return pod


def label(name: str, value: str | None) -> Callable[..., Any]:
    def hook(_: Any, pod: Any) -> Any:
        pod.metadata.labels[name] = value
        return pod

    return hook


def add_unlimited_init(_: Any, pod: Any) -> Any:
    pod.spec.init_containers = [container()]
    return pod


@pytest.mark.parametrize(
    ("settings", "code", "where"),
    [
        ({"modify_pod_hook": inflate}, "pod.exceeds_reservation", "spec.limits.cpu"),
        ({"modify_pod_hook": remove_limits}, "pod.exceeds_reservation", "resources.limits.cpu"),
        ({"modify_pod_hook": add_gpus}, "pod.exceeds_reservation", f"spec.requests.{GPU}"),
        ({"modify_pod_hook": add_unlimited_init}, "pod.exceeds_reservation", "[extra].resources"),
        ({"modify_pod_hook": swap_image}, "pod.changed", "[notebook].image"),
        ({"modify_pod_hook": rename}, "pod.changed", "metadata.name"),
        ({"modify_pod_hook": label("component", "hub")}, "pod.changed", "labels[component]"),
        (
            {"modify_pod_hook": label("app.kubernetes.io/component", "hub")},
            "pod.changed",
            "labels[app.kubernetes.io/component]",
        ),
        ({"modify_pod_hook": label("app", None)}, "pod.changed", "labels[app]"),
        ({"extra_containers": [container()]}, "pod.exceeds_reservation", "[extra].resources"),
        (
            {"extra_containers": [container(resources={"limits": {"cpu": 4, "memory": "1Gi"}})]},
            "pod.exceeds_reservation",
            "spec.limits.cpu",
        ),
        (
            {"init_containers": [container(resources={"limits": {"cpu": 4}})]},
            "pod.exceeds_reservation",
            "spec.requests.cpu",
        ),
        (
            {"extra_container_config": {"resources": {"limits": {"cpu": "1", "memory": "8Gi"}}}},
            "pod.exceeds_reservation",
            "spec.limits.memory",
        ),
        (
            {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]},
            "pod.forbidden_field",
            "spec.volumes[root].hostPath",
        ),
        ({"extra_pod_config": {"hostNetwork": True}}, "pod.forbidden_field", "spec.hostNetwork"),
        ({"privileged": True}, "pod.forbidden_field", "securityContext.privileged"),
        ({"uid": 0}, "pod.forbidden_field", "[notebook].securityContext.runAsUser"),
        ({"service_account": "hub"}, "pod.forbidden_field", "spec.serviceAccountName"),
        ({"automount_service_account_token": True}, "pod.forbidden_field", "spec.automount"),
    ],
)
async def test_no_setting_of_the_operators_gets_a_pod_past_the_guard(
    settings: dict[str, Any],
    code: str,
    where: str,
    spawner: Start,
    cluster: FakeKubernetes,
    log: Lines,
) -> None:
    error = await refused(spawner(**settings))
    assert (error.status_code, error.code) == (409, code)
    assert where in log.text
    assert "operator" in error.jupyterhub_message
    assert cluster.created == []


@pytest.mark.parametrize("road", ["group_overrides", "pre_spawn_hook", "apply_user_options"])
async def test_resources_raised_by_a_hook_give_way_to_the_tier(
    road: str, spawner: Start, cluster: FakeKubernetes
) -> None:
    def inflate_traits(spawner: KubeTierSpawner, *_: Any) -> None:
        spawner.mem_limit = "1T"
        spawner.cpu_guarantee = 64
        spawner.image = "evil.example/x:9"
        spawner.extra_resource_limits = {GPU: 8}

    started = spawner(options={"size": "huge"})
    if road == "group_overrides":
        override = {"mem_limit": "1T", "image": "evil.example/x:9", "cpu_limit": 64}
        started._apply_overrides({**override, "extra_resource_limits": {GPU: 8}})
    else:
        setattr(started, road, inflate_traits)
        await started._run_apply_user_options(started.user_options)
        started.run_pre_spawn_hook()
    await started.start()
    [pod] = cluster.created
    [notebook] = pod["spec"]["containers"]
    assert notebook["image"] == admit().image.reference
    assert notebook["resources"] == {
        "requests": {"cpu": "500m", "memory": "1Gi"},
        "limits": {"cpu": "1", "memory": "2Gi"},
    }


async def test_an_operator_can_allow_the_container_that_blocks_the_clouds_metadata(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    path = "spec.initContainers[block-cloud-metadata].securityContext"
    blocking = {
        "name": "block-cloud-metadata",
        "image": "example.org/network-tools:4",
        "securityContext": {
            "runAsUser": 0,
            "privileged": True,
            "capabilities": {"add": ["NET_ADMIN"]},
        },
    }
    allowed = [f"{path}.{field}" for field in ("privileged", "runAsUser", "capabilities.add")]
    await spawner(init_containers=[blocking], allowed_pod_fields=allowed).start()
    [pod] = cluster.created
    # It has no limit of its own: it may use what the server may use after it, and no more.
    assert pod["spec"]["initContainers"][0]["resources"] == {
        "requests": {"cpu": "500m", "memory": "1Gi"},
        "limits": {"cpu": "1", "memory": "2Gi"},
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"extra_container_config": {"env": [{"name": "A", "value": "b"}]}},
        {"extra_pod_config": {"containers": []}},
        {"modify_pod_hook": lambda _, pod: None},
        {"modify_pod_hook": lambda _, pod: object()},
    ],
)
async def test_a_setting_that_would_leave_no_server_is_named(
    settings: dict[str, Any], spawner: Start, cluster: FakeKubernetes
) -> None:
    error = await refused(spawner(**settings))
    assert (error.status_code, error.code) == (500, "pod.configuration")
    assert next(iter(settings)) in error.jupyterhub_message
    assert cluster.created == []
