"""Nodes on paper are good for numbers."""

from collections import Counter

import pytest
from kubernetes.client import CoreV1Api

from tests.cluster.control_plane import ControlPlane
from tests.cluster.fake_nodes import add_fake_nodes
from tests.cluster.objects import render_pod, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.long]

PODS = 300


def test_pods_on_played_nodes_are_ready_and_their_claims_bound() -> None:
    with ControlPlane() as cluster:
        add_fake_nodes(cluster, 2, pods=PODS)
        core = CoreV1Api(cluster.client)
        claim = {
            "metadata": {"name": "home"},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        core.create_namespaced_persistent_volume_claim("default", claim)
        home = [{"name": "home", "persistentVolumeClaim": {"claimName": "home"}}]
        core.create_namespaced_pod("default", render_pod("with-home", volumes=home))
        for number in range(PODS):
            core.create_namespaced_pod("default", render_pod(f"pod-{number}"))

        def count_phases() -> Counter[str | None]:
            return Counter(pod.status.phase for pod in core.list_namespaced_pod("default").items)

        wait_for(lambda: count_phases() == {"Running": PODS + 1}, "every pod to run", seconds=120)
        bound = core.read_namespaced_persistent_volume_claim("home", "default")
        assert bound.status.phase == "Bound"
