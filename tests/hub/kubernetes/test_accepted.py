"""Every golden pod is one that a real API server takes, where Pod Security ``restricted`` holds."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from kubernetes.client import CoreV1Api, NodeV1Api, SchedulingV1Api
from kubernetes.client.exceptions import ApiException
from ruamel.yaml import YAML

from tests.cluster.fixtures import FOREIGN
from tests.hub.kubernetes.spawners import EVERYTHING, GOLDEN

pytestmark = pytest.mark.cluster

RESTRICTED = "pod-security.kubernetes.io/enforce"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))
WITH_SIDECARS = {name for name in NAMES if name.endswith(("extras", "unread"))}
"""These have containers of the operator's own, which are the operator's to confine."""
WITH_NFS = {"directories"}
"""Pod Security ``restricted`` takes NFS only through a claim."""
_FORBIDDEN, _CONFLICT = 403, 409


@pytest.fixture(scope="module")
def classes(api_cluster: Any) -> Iterator[None]:
    """Have the classes that the goldens name; they belong to no namespace."""
    priorities, runtimes = SchedulingV1Api(api_cluster.client), NodeV1Api(api_cluster.client)
    runtime: Any = {"metadata": {"name": EVERYTHING.runtime_class}, "handler": "runsc"}
    with ExitStack() as stack:
        have(stack, runtimes.create_runtime_class, runtimes.delete_runtime_class, runtime)
        for name in (EVERYTHING.priority_class, "sites-own"):
            priority: Any = {"metadata": {"name": name}, "value": 7}
            have(
                stack, priorities.create_priority_class, priorities.delete_priority_class, priority
            )
        yield


def have(
    stack: ExitStack, make: Callable[..., Any], remove: Callable[..., Any], body: dict[str, Any]
) -> None:
    """Make an object of the whole cluster for a while, unless there is one of that name."""
    try:
        make(body)
    except ApiException as error:
        if error.status == _FORBIDDEN:
            pytest.skip(f"by choice: {FOREIGN} names a cluster whose classes are its owner's")
        if error.status != _CONFLICT:
            raise
    else:
        stack.callback(remove, body["metadata"]["name"])


@pytest.fixture
def core(api_cluster: Any, own_namespace: str, classes: None) -> CoreV1Api:
    api = CoreV1Api(api_cluster.client)
    api.create_namespaced_service_account(
        own_namespace, {"metadata": {"name": EVERYTHING.service_account}}
    )
    return api


def find_ineffective(sent: Any, returned: Any, path: str = "") -> Iterator[str]:
    """Yield where something that was sent does not come back; what is added does not matter."""
    if isinstance(sent, dict) and isinstance(returned, dict):
        for key, value in sent.items():
            yield from find_ineffective(value, returned.get(key), f"{path}.{key}")
    elif isinstance(sent, list) and isinstance(returned, list):
        for number, each in enumerate(sent):
            if not any(not list(find_ineffective(each, other)) for other in returned):
                yield f"{path}[{number}]"
    elif sent and sent != returned:  # what is empty means the same as what is not said
        yield path


def send(core: CoreV1Api, namespace: str, pod: Any) -> Any:
    """Ask for a pod that is not made, and return it as the API server would keep it."""
    # The client's types do not say that this gives the answer as it came.
    answer: Any = core.create_namespaced_pod(namespace, pod, dry_run="All", _preload_content=False)
    return json.loads(answer.data)


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_pod_is_accepted(name: str, core: CoreV1Api, namespace: str) -> None:
    level = "baseline" if name in WITH_SIDECARS | WITH_NFS else "restricted"
    core.patch_namespace(namespace, {"metadata": {"labels": {RESTRICTED: level}}})
    pod = YAML(typ="safe").load(GOLDEN / f"{name}.yaml")
    assert list(find_ineffective(pod, send(core, namespace, pod))) == []


def test_field_that_the_api_server_drops_is_noticed(core: CoreV1Api, namespace: str) -> None:
    pod = YAML(typ="safe").load(GOLDEN / "devices.yaml")
    returned = send(core, namespace, pod)
    pod["spec"]["resourceClaims"][1]["resourceClaimTemplateName"] = "another"
    assert list(find_ineffective(pod, returned)) == [".spec.resourceClaims[1]"]


def test_the_namespace_does_refuse_what_is_not_restricted(core: CoreV1Api, namespace: str) -> None:
    core.patch_namespace(namespace, {"metadata": {"labels": {RESTRICTED: "restricted"}}})
    pod = YAML(typ="safe").load(GOLDEN / "small.yaml")
    del pod["spec"]["containers"][0]["securityContext"]["capabilities"]
    with pytest.raises(ApiException, match="unrestricted capabilities"):
        core.create_namespaced_pod(namespace, pod, dry_run="All")
