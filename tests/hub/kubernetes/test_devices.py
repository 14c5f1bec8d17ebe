"""Devices that come by claims, on a real cluster: given, counted, waited for and released."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ResourceV1Api, V1Pod
from kubernetes.client.exceptions import ApiException

from tests.cluster.control_plane import ControlPlane
from tests.cluster.fixtures import FOREIGN, Cluster, make_namespace
from tests.hub.kubernetes.live_pods import POLICY, ClusterHub, cluster_hub
from tests.support.live_hub import Api, wait_for
from tests.support.store_readers import read_open

pytestmark = [pytest.mark.cluster, pytest.mark.hub, pytest.mark.full]

GPU = "nvidia.com/gpu"
DRIVER = "gpu.jupyterhub-platform.test"
NODE = "with-devices"
TAINT = {"key": "jupyterhub-platform.test/devices", "value": "yes", "effect": "NoSchedule"}
SITE = 'c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}'
TIERS = """\
  pair:
    requests: {cpu: 100m, memory: 128Mi}
    images: [lab]
    tolerations: [{key: jupyterhub-platform.test/devices, operator: Exists}]
    devices: [{name: gpu, template: pair, resource: nvidia.com/gpu, count: 2}]
  without-template:
    requests: {cpu: 100m, memory: 128Mi}
    images: [lab]
    devices: [{name: gpu, template: nowhere, resource: nvidia.com/gpu}]
  without-class:
    requests: {cpu: 100m, memory: 128Mi}
    images: [lab]
    tolerations: [{key: jupyterhub-platform.test/devices, operator: Exists}]
    devices: [{name: gpu, template: unknown, resource: nvidia.com/gpu}]
"""
"""Of pairs the node has one, of what quotas allow two."""


def render_template(name: str, device_class: str, count: int) -> Any:
    request = {"deviceClassName": device_class, "allocationMode": "ExactCount", "count": count}
    requests = [{"name": "gpu", "exactly": request}]
    return {"metadata": {"name": name}, "spec": {"spec": {"devices": {"requests": requests}}}}


@pytest.fixture(scope="module")
def devices(api_cluster: Cluster) -> Iterator[ControlPlane]:
    """Have a node whose driver says that it has three devices of a class."""
    if not isinstance(api_cluster, ControlPlane):
        pytest.skip(f"by choice: {FOREIGN} names a cluster whose nodes are its owner's")
    resources = ResourceV1Api(api_cluster.client)
    chosen = {"cel": {"expression": f'device.driver == "{DRIVER}"'}}
    pool = {"name": NODE, "generation": 1, "resourceSliceCount": 1}
    listed = [{"name": f"gpu{number}"} for number in range(3)]
    with ExitStack() as stack:
        resources.create_device_class(
            {"metadata": {"name": DRIVER}, "spec": {"selectors": [chosen]}}
        )
        stack.callback(resources.delete_device_class, DRIVER)
        spec = {"driver": DRIVER, "nodeName": NODE, "pool": pool, "devices": listed}
        resources.create_resource_slice({"metadata": {"name": NODE}, "spec": spec})
        stack.callback(resources.delete_resource_slice, NODE)
        yield api_cluster


@pytest.fixture(scope="module")
def running_hub(
    make_directory: Callable[[], Path], devices: ControlPlane
) -> Iterator[tuple[ClusterHub, Api]]:
    policy = POLICY.replace("quota: {servers: 100}", f"quota: {{servers: 100, {GPU}: 4}}") + TIERS
    with (
        make_namespace(devices) as namespace,
        cluster_hub(
            make_directory(), devices, namespace, start_timeout=120, site=SITE, policy=policy
        ) as live,
    ):
        resources = ResourceV1Api(devices.client)
        for template in (render_template("pair", DRIVER, 2), render_template("unknown", "none", 1)):
            resources.create_namespaced_resource_claim_template(namespace, template)
        yield live, live.hub.token("dev1")


@pytest.fixture
def live(running_hub: tuple[ClusterHub, Api]) -> Iterator[ClusterHub]:
    live, api = running_hub
    amounts = {"cpu": "8", "memory": "64Gi", "pods": "100"}
    ready = {"type": "Ready", "status": "True", "reason": "Test", "message": "ready"}
    node = {
        "metadata": {"name": NODE, "labels": {"jupyterhub-platform.test/nowhere": "true"}},
        "spec": {"taints": [TAINT]},
        "status": {"allocatable": amounts, "capacity": amounts, "conditions": [ready]},
    }
    live.core.create_node(node)
    wait_for(
        lambda: [each.key for each in live.core.read_node(NODE).spec.taints] == [TAINT["key"]],
        "the node to be ready",
    )
    yield live
    for server in api.servers("dev1"):
        end(live, api, server)
    wait_for(lambda: not live.list_held(), "everything to be released", 60)
    live.core.delete_node(NODE)
    assert live.failures == 0


@pytest.fixture
def api(running_hub: tuple[ClusterHub, Api]) -> Api:
    return running_hub[1]


def start(live: ClusterHub, api: Api, server: str, tier: str = "pair") -> Any:
    """Start a server whose pod does not run until the test calls :func:`run`."""
    live.pods.waiting.add(server)
    return api.start("dev1", server, tier=tier)


def find_pod(live: ClusterHub, server: str) -> V1Pod | None:
    pods = live.core.list_namespaced_pod(live.namespace).items
    name = f"jupyter-dev1--{server}"
    return next((pod for pod in pods if pod.metadata.name == name), None)


def place_of(live: ClusterHub, server: str) -> str | None:
    """Return the node that the scheduler has found for a server."""
    pod = find_pod(live, server)
    return pod.spec.node_name if pod is not None else None


def end(live: ClusterHub, api: Api, server: str) -> None:
    """Stop a server, and say in the place of a kubelet that its pod has ended."""
    api.delete(f"users/dev1/servers/{server}")

    def has_ended() -> bool:
        pod = find_pod(live, server)
        if pod is not None and pod.metadata.deletion_timestamp:
            with suppress(ApiException):
                live.core.delete_namespaced_pod(
                    pod.metadata.name, live.namespace, grace_period_seconds=0
                )
        return pod is None

    wait_for(has_ended, f"{server} to end")


def list_claims(live: ClusterHub) -> dict[str, int]:
    """Return how many devices each claim was given, by the name of its pod."""
    resources = ResourceV1Api(live.cluster.client)
    claims: Any = resources.list_namespaced_resource_claim(live.namespace).items
    given = {}
    for claim in claims:
        allocation = claim.status and claim.status.allocation
        results = allocation.devices.results if allocation else []
        given[claim.metadata.owner_references[0].name] = len(results)
    return given


def run(live: ClusterHub, api: Api, server: str) -> None:
    wait_for(lambda: place_of(live, server) == NODE, "a node")
    live.pods.waiting.discard(server)
    api.wait_until_ready("dev1", server)


def wait_for_cause(api: Api, server: str, code: str) -> str:
    """Wait until ``jhp why`` says so, and return its sentence."""

    def read() -> Any:
        cause = api.get("platform/why", params={"server": server}).json()["cause"]
        return cause if cause["code"] == code else None

    return str(wait_for(read, code)["sentence"])


def test_devices_are_given_waited_for_and_given_back(live: ClusterHub, api: Api) -> None:
    assert start(live, api, "first").status_code == 202
    run(live, api, "first")
    assert list_claims(live) == {"jupyter-dev1--first": 2}
    (held,) = read_open(live.hub)
    assert held.demand.amount(GPU) == 2

    assert start(live, api, "second").status_code == 202
    said = wait_for_cause(api, "second", "cluster.full")
    assert said == "No node has enough devices left for this server."
    assert place_of(live, "second") is None
    assert list_claims(live) == {"jupyter-dev1--first": 2, "jupyter-dev1--second": 0}

    refused = start(live, api, "third")
    assert refused.status_code == 409
    assert "4 GPU" in refused.json()["message"]

    end(live, api, "first")
    run(live, api, "second")
    wait_for(lambda: list_claims(live) == {"jupyter-dev1--second": 2}, "the first claim to be gone")


@pytest.mark.parametrize(
    ("tier", "code"),
    [("without-template", "pod.claim_unmade"), ("without-class", "pod.device_class")],
)
def test_missing_template_or_device_class_is_reported(
    tier: str, code: str, live: ClusterHub, api: Api
) -> None:
    assert start(live, api, tier, tier).status_code == 202
    wait_for_cause(api, tier, code)
