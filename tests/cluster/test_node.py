"""What a node is real about."""

import itertools
from typing import Any

import pytest
from kubernetes.client import CoreV1Api, NetworkingV1Api

from tests.cluster.fixtures import Cluster
from tests.cluster.node import Node
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


def read_end(core: CoreV1Api, namespace: str, name: str) -> str:
    """Return how a pod ended; empty as long as it has not."""
    phase = str(core.read_namespaced_pod(name, namespace).status.phase)
    return phase if phase in {"Succeeded", "Failed"} else ""


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


def test_file_outlives_its_pod_and_goes_with_its_claim(
    node_cluster: Cluster, core: CoreV1Api, namespace: str
) -> None:
    claim = {
        "metadata": {"name": "home"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    core.create_namespaced_persistent_volume_claim(namespace, claim)
    home = {
        "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": "home"}}],
        # As an ordinary user, who can write only if the volume was given to their group.
        "securityContext": {"runAsUser": 1000, "fsGroup": 100},
    }
    mount = [{"name": "home", "mountPath": "/home"}]
    writing = render_pod("writing", "write", "/home/note", "still there", **home)
    reading = render_pod("reading", "read", "/home/note", **home)
    for pod in (writing, reading):
        pod["spec"]["containers"][0]["volumeMounts"] = mount

    core.create_namespaced_pod(namespace, writing)
    wait_for_phase(core, namespace, "writing", "Succeeded")
    volume = core.read_namespaced_persistent_volume_claim("home", namespace).spec.volume_name
    core.delete_namespaced_pod("writing", namespace)
    core.create_namespaced_pod(namespace, reading)
    wait_for_phase(core, namespace, "reading", "Succeeded")

    assert core.read_namespaced_pod_log("reading", namespace) == "still there"
    core.delete_namespaced_pod("reading", namespace)
    if not isinstance(node_cluster, Node):
        return  # volumes of a lent cluster are not ours to look at
    folder = node_cluster.state.folder / "volumes" / volume
    assert folder.is_dir()
    core.delete_namespaced_persistent_volume_claim("home", namespace)
    wait_for(
        lambda: volume not in {each.metadata.name for each in core.list_persistent_volume().items},
        "the volume to go with its claim",
    )
    assert not folder.exists()


def test_network_policy_keeps_strangers_out(
    node_cluster: Cluster, core: CoreV1Api, namespace: str
) -> None:
    core.create_namespaced_pod(namespace, render_pod("server", "serve", "hello"))
    url = f"http://{wait_for_phase(core, namespace, 'server', 'Running').status.pod_ip}:8080/"
    assert run_to_end(core, namespace, "before", "get", url) == "hello"

    friends = {"podSelector": {"matchLabels": {"app": "friend"}}}
    spec = {
        "podSelector": {"matchLabels": {"app": "server"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [friends]}],
    }
    NetworkingV1Api(node_cluster.client).create_namespaced_network_policy(
        namespace, {"metadata": {"name": "friends-only"}, "spec": spec}
    )

    strangers = (f"stranger-{number}" for number in itertools.count())

    def is_kept_out() -> bool:
        name = next(strangers)
        core.create_namespaced_pod(namespace, render_pod(name, "get", url))
        return wait_for(lambda: read_end(core, namespace, name), f"{name} to end") == "Failed"

    # It takes a moment to be in force.
    wait_for(is_kept_out, "the policy to keep a stranger out", seconds=60)
    assert run_to_end(core, namespace, "friend", "get", url) == "hello"
