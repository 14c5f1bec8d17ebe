"""Every golden pod is one that a real API server takes, where Pod Security ``restricted`` holds."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import CoreV1Api, NodeV1Api, SchedulingV1Api
from kubernetes.client.exceptions import ApiException
from ruamel.yaml import YAML

from tests.hub.kubernetes.hubs import EVERYTHING, GOLDEN

pytestmark = pytest.mark.cluster

RESTRICTED = "pod-security.kubernetes.io/enforce"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))
WITH_SIDECARS = {name for name in NAMES if name.endswith("extras")}
"""These have containers of the operator's own, which are the operator's to confine."""


@pytest.fixture(scope="module")
def classes(api_cluster: Any) -> Iterator[None]:
    """Make the classes that the goldens name; they belong to no namespace."""
    priorities, runtimes = SchedulingV1Api(api_cluster.client), NodeV1Api(api_cluster.client)
    runtime = EVERYTHING.runtime_class
    runtimes.create_runtime_class({"metadata": {"name": runtime}, "handler": "runsc"})
    for name in (EVERYTHING.priority_class, "sites-own"):
        priorities.create_priority_class({"metadata": {"name": name}, "value": 7})
    yield
    runtimes.delete_runtime_class(runtime)
    for name in (EVERYTHING.priority_class, "sites-own"):
        priorities.delete_priority_class(name)


@pytest.fixture
def core(api_cluster: Any, namespace: str, classes: None) -> CoreV1Api:
    api = CoreV1Api(api_cluster.client)
    api.create_namespaced_service_account(
        namespace, {"metadata": {"name": EVERYTHING.service_account}}
    )
    return api


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_pod_is_accepted(name: str, core: CoreV1Api, namespace: str) -> None:
    level = "baseline" if name in WITH_SIDECARS else "restricted"
    core.patch_namespace(namespace, {"metadata": {"labels": {RESTRICTED: level}}})
    pod = YAML(typ="safe").load(GOLDEN / f"{name}.yaml")
    created = core.create_namespaced_pod(namespace, pod, dry_run="All")
    assert created.metadata.name == pod["metadata"]["name"]


def test_the_namespace_does_refuse_what_is_not_restricted(core: CoreV1Api, namespace: str) -> None:
    core.patch_namespace(namespace, {"metadata": {"labels": {RESTRICTED: "restricted"}}})
    pod = YAML(typ="safe").load(GOLDEN / "small.yaml")
    del pod["spec"]["containers"][0]["securityContext"]["capabilities"]
    with pytest.raises(ApiException, match="unrestricted capabilities"):
        core.create_namespaced_pod(namespace, pod, dry_run="All")
