"""What a node is real about."""

from typing import Any

import pytest
from kubernetes.client import CoreV1Api

from tests.cluster.fixtures import Cluster
from tests.cluster.objects import render_pod, wait_for

pytestmark = pytest.mark.node


@pytest.fixture
def core(node_cluster: Cluster) -> CoreV1Api:
    return CoreV1Api(node_cluster.client)


def wait_for_phase(core: CoreV1Api, namespace: str, name: str, phase: str) -> Any:
    def read() -> Any:
        pod = core.read_namespaced_pod(name, namespace)
        return pod if pod.status.phase == phase else None

    return wait_for(read, f"{name} to be {phase}")


def run_to_end(core: CoreV1Api, namespace: str, name: str, *words: str, **spec: Any) -> str:
    """Run a pod that ends well, and return what it printed."""
    core.create_namespaced_pod(namespace, render_pod(name, *words, **spec))
    wait_for_phase(core, namespace, name, "Succeeded")
    return str(core.read_namespaced_pod_log(name, namespace))


def test_pod_answers_another_by_the_name_of_its_service(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_pod(namespace, render_pod("server", "serve", "hello"))
    service = {
        "metadata": {"name": "greeter"},
        "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    core.create_namespaced_service(namespace, service)
    wait_for_phase(core, namespace, "server", "Running")

    url = f"http://greeter.{namespace}.svc.cluster.local/"
    assert run_to_end(core, namespace, "client", "get", url) == "hello"


def test_memory_over_the_limit_ends_the_container(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_pod(namespace, render_pod("greedy", "eat", str(64 * 2**20)))

    pod = wait_for_phase(core, namespace, "greedy", "Failed")

    ended = pod.status.container_statuses[0].state.terminated
    assert (ended.reason, ended.exit_code) == ("OOMKilled", 137)
