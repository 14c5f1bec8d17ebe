"""Nodes that exist only on paper, by the thousand: pods on them are ready at once."""

from typing import Any

from kubernetes.client import CoreV1Api

from tests.cluster.building import build
from tests.cluster.control_plane import ControlPlane, find_ports

_STAGES = ("node/fast/node-*.yaml", "node/heartbeat-with-lease/node-*.yaml", "pod/fast/pod-*.yaml")
_MARK = "kwok.x-k8s.io/node"


def render_node(name: str, *, pods: int) -> Any:
    """Return a node on which that many pods have room."""
    amounts = {"cpu": "10k", "memory": "100Ti", "pods": str(pods)}
    return {
        "metadata": {
            "name": name,
            "annotations": {_MARK: "fake"},
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
        },
        "status": {"allocatable": amounts, "capacity": amounts},
    }


def add_fake_nodes(cluster: ControlPlane, count: int = 1, *, pods: int = 1000) -> None:
    """Add nodes to a cluster that KWOK plays: it says what a node would, and runs nothing."""
    (port,) = find_ports(1)
    folder = build("kwok")["kwok"]
    stages = [path for stage in _STAGES for path in sorted((folder / "stage").glob(stage))]
    cluster.run_program(
        "kwok",
        folder / "kwok",
        *(f"--config={path}" for path in stages),
        f"--kubeconfig={cluster.kubeconfig}",
        f"--manage-nodes-with-annotation-selector={_MARK}=fake",
        f"--server-address=127.0.0.1:{port}",
    )
    core = CoreV1Api(cluster.client)
    names = [f"played{number}" for number in range(count)]
    for name in names:
        core.create_node(render_node(name, pods=pods))

    def are_ready() -> bool:
        nodes: Any = core.list_node().items
        ready = {
            node.metadata.name
            for node in nodes
            for condition in node.status.conditions or ()
            if (condition.type, condition.status) == ("Ready", "True")
        }
        return ready.issuperset(names)

    cluster.processes.wait_until(are_ready, "nodes that are played", of="kwok")
