"""The words of a real scheduler: what it says today comes to the cause that it means."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from kubernetes.client import CoreV1Api, StorageV1Api
from kubernetes.client.exceptions import ApiException

from jupyterhub_platform.core.causes import Cause
from jupyterhub_platform.hub.kubernetes.causes.pod import explain_pod
from tests.cluster.fixtures import Cluster
from tests.cluster.objects import render_pod, wait_for

pytestmark = pytest.mark.cluster

ROOM: Final = {"cpu": "2", "memory": "1Gi", "pods": "10"}
READY: Final = [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]
ZONE: Final = "topology.kubernetes.io/zone"


class Yard:
    """Nodes that no kubelet runs on, and pods that wait for them."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.core: Any = CoreV1Api(cluster.client)
        self.mark = secrets.token_hex(3)
        self.classes: Any = StorageV1Api(cluster.client)
        self._undo: list[Callable[[], Any]] = []

    def node(self, name: str, room: dict[str, str] = ROOM, **spec: Any) -> None:
        """Add a node that is ready, for pods of this test alone."""
        full = f"{name}-{self.mark}"
        labels = {"yard": self.mark, ZONE: name}
        self.core.create_node({"metadata": {"name": full, "labels": labels}, "spec": spec})
        self._undo.append(lambda: self.core.delete_node(full))
        self.report(name, READY, room)

    def report(self, name: str, conditions: list[dict[str, str]], room: dict[str, str]) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        told = [{**each, "lastHeartbeatTime": now} for each in conditions]
        status = {"conditions": told, "capacity": room, "allocatable": room}
        self.core.patch_node_status(f"{name}-{self.mark}", {"status": status})
        wait_for(lambda: self.is_taken_note_of(name, conditions), "the controllers")

    def is_taken_note_of(self, name: str, conditions: list[dict[str, str]]) -> bool:
        taints = self.core.read_node(f"{name}-{self.mark}").spec.taints or []
        keys = {taint.key.rpartition("/")[2] for taint in taints}
        bad = any(c["type"] == "DiskPressure" and c["status"] == "True" for c in conditions)
        return "not-ready" not in keys and ("disk-pressure" in keys) == bad

    def pod(self, name: str, **spec: Any) -> None:
        spec = {"nodeSelector": {"yard": self.mark}, **spec}
        self.core.create_namespaced_pod(self.namespace, render_pod(name, **spec))

    def placed(self, name: str) -> None:
        """Make a pod and wait until it has a node."""

        def has_node() -> bool:
            return bool(self.core.read_namespaced_pod(name, self.namespace).spec.node_name)

        wait_for(has_node, f"{name} to be placed")

    def claim(self, name: str, storage_class: str, mode: str = "ReadWriteOnce") -> Any:
        spec = {
            "accessModes": [mode],
            "resources": {"requests": {"storage": "1Mi"}},
            "storageClassName": storage_class,
        }
        claim = {"metadata": {"name": name}, "spec": spec}
        self.core.create_namespaced_persistent_volume_claim(self.namespace, claim)
        return {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": name}}]}

    def volume(self, zone: str, claim: str, storage_class: str, mode: str) -> None:
        """Add a volume for a claim, in a zone."""
        name = f"pv-{zone}-{self.mark}"
        terms = [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}]
        spec = {
            "capacity": {"storage": "1Mi"},
            "accessModes": [mode],
            "storageClassName": storage_class,
            "claimRef": {"namespace": self.namespace, "name": claim},
            "hostPath": {"path": "/tmp/none"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
        }
        self.core.create_persistent_volume({"metadata": {"name": name}, "spec": spec})
        self._undo.append(lambda: self.core.delete_persistent_volume(name))

    def storage_class(self, binding: str) -> str:
        name = f"{binding.lower()}-{self.mark}"
        body = {
            "metadata": {"name": name},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": binding,
        }
        self.classes.create_storage_class(body)
        self._undo.append(lambda: self.classes.delete_storage_class(name))
        return name

    def explain(self, name: str) -> tuple[Cause, str]:
        """Return what the scheduler's words about a pod come to, and the words."""

        def read() -> Any:
            found = self.core.read_namespaced_pod(name, self.namespace)
            assert not found.spec.node_name, "it has a node"
            pod = self.cluster.client.sanitize_for_serialization(found)
            told = [c for c in pod["status"].get("conditions", ()) if c["type"] == "PodScheduled"]
            return (pod, told[0]["message"]) if told else None

        pod, message = wait_for(read, "the scheduler")
        cause = explain_pod(pod, datetime.now(UTC))
        assert cause is not None, message
        print(f"{cause.code}: {message}")
        return cause, message

    def clean_up(self) -> None:
        for undo in reversed(self._undo):
            with suppress(ApiException):
                undo()


@pytest.fixture
def yard(api_cluster: Cluster, namespace: str) -> Iterator[Yard]:
    made = Yard(api_cluster, namespace)
    yield made
    made.clean_up()


def asking(**amounts: str) -> dict[str, Any]:
    container = render_pod("x")["spec"]["containers"][0]
    return {"containers": [{**container, "resources": {"requests": amounts}}]}


def test_cluster_without_nodes_is_named(yard: Yard) -> None:
    if yard.core.list_node().items:
        pytest.skip("by choice: a lent cluster has nodes")
    yard.pod("waits")
    assert yard.explain("waits")[0].code == "cluster.empty"


def test_nodes_of_another_kind_are_not_accused_where_the_right_ones_are_full(yard: Yard) -> None:
    yard.node("right")
    yard.pod("waits", **asking(memory="2Gi"))
    cause, _ = yard.explain("waits")
    assert (cause.code, "memory" in cause.sentence) == ("cluster.full", True)
    yard.pod("nowhere", nodeSelector={"yard": "none"})
    assert yard.explain("nowhere")[0].code == "cluster.no_node"


def test_cordoned_node_is_named(yard: Yard) -> None:
    yard.node("closed", unschedulable=True)
    yard.pod("waits")
    assert yard.explain("waits")[0].code == "cluster.cordoned"


@pytest.mark.parametrize(
    "key", ["ToBeDeletedByClusterAutoscaler", "node.cilium.io/agent-not-ready", "example.org/team"]
)
def test_tainted_node_is_named(yard: Yard, key: str) -> None:
    yard.node("tainted", taints=[{"key": key, "value": "x", "effect": "NoSchedule"}])
    yard.pod("waits")
    cause, message = yard.explain("waits")
    # From 1.36 on the scheduler does not say which taint it is.
    named = key in message
    known = {
        "ToBeDeletedByClusterAutoscaler": "leaving",
        "node.cilium.io/agent-not-ready": "starting",
    }
    wanted = f"cluster.node_{known[key]}" if named and key in known else "cluster.tainted"
    assert cause.code == wanted
    assert "selectors" not in str(cause)


def test_node_under_pressure_is_named(yard: Yard) -> None:
    yard.node("short")
    yard.report("short", [*READY, {"type": "DiskPressure", "status": "True", "reason": "x"}], ROOM)
    yard.pod("waits")
    cause, _ = yard.explain("waits")
    assert cause.code in {"cluster.node_pressure", "cluster.tainted"}
    assert "unhealthy" in cause.fix or "pressure" in cause.code


def test_placement_rules_of_the_pod_are_named(yard: Yard) -> None:
    yard.node("only", {**ROOM, "pods": "3"})
    port = {"containers": [{**render_pod("x")["spec"]["containers"][0]}]}
    port["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 80}]
    yard.pod("first", **port)
    yard.placed("first")
    yard.pod("port", **port)
    assert yard.explain("port")[0].code == "cluster.ports"
    term = {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "first"}}}
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    yard.pod("apart", affinity=apart)
    assert yard.explain("apart")[0].code == "cluster.pod_affinity"
    beside = {**term, "labelSelector": {"matchLabels": {"app": "nobody"}}}
    together = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [beside]}}
    yard.pod("together", affinity=together)
    assert yard.explain("together")[0].code == "cluster.pod_affinity"
    spread = {"maxSkew": 1, "topologyKey": "none", "whenUnsatisfiable": "DoNotSchedule"}
    match = {"labelSelector": {"matchLabels": {"app": "spread"}}}
    yard.pod("spread", topologySpreadConstraints=[{**spread, **match}])
    assert yard.explain("spread")[0].code == "cluster.spread"
    yard.pod("second")
    yard.placed("second")
    yard.pod("third")
    yard.placed("third")
    yard.pod("fourth")
    cause, _ = yard.explain("fourth")
    assert (cause.code, cause.sentence) == (
        "cluster.full",
        "Every node runs its maximum of pods.",
    )


def test_missing_and_unbound_claims_are_named(yard: Yard) -> None:
    yard.node("a")
    missing = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "none"}}]}
    yard.pod("missing", **missing)
    assert yard.explain("missing")[0].code == "pod.volume_missing"
    yard.pod("unbound", **yard.claim("unbound", yard.storage_class("Immediate")))
    assert yard.explain("unbound")[0].code == "pod.volume_unbound"
    waiting = yard.storage_class("WaitForFirstConsumer")
    yard.pod("unprovided", **yard.claim("unprovided", waiting))
    assert yard.explain("unprovided")[0].code == "pod.volume_unbound"
    yard.pod("classless", **yard.claim("classless", "no-such-class"))
    assert yard.explain("classless")[0].code in {"pod.volume_class", "pod.volume_unbound"}
    leaving = yard.claim("leaving", waiting)
    metadata = {"metadata": {"finalizers": ["example.org/kept"]}}
    yard.core.patch_namespaced_persistent_volume_claim("leaving", yard.namespace, metadata)
    yard.core.delete_namespaced_persistent_volume_claim("leaving", yard.namespace)
    yard.pod("leaving", **leaving)
    assert yard.explain("leaving")[0].code == "pod.volume_leaving"
    free = {"metadata": {"finalizers": None}}
    yard.core.patch_namespaced_persistent_volume_claim("leaving", yard.namespace, free)


def test_volume_on_another_node_is_named(yard: Yard) -> None:
    yard.node("a")
    kind = yard.storage_class("WaitForFirstConsumer")
    elsewhere = yard.claim("elsewhere", kind)
    yard.volume("b", "elsewhere", kind, "ReadWriteOnce")
    yard.pod("elsewhere", **elsewhere)

    def is_bound(name: str) -> bool:
        read = yard.core.read_namespaced_persistent_volume_claim
        return bool(read(name, yard.namespace).status.phase == "Bound")

    wait_for(lambda: is_bound("elsewhere"), "the claim to be bound")
    yard.pod("again", **elsewhere)
    assert yard.explain("again")[0].code == "pod.volume_elsewhere"
    alone = yard.claim("alone", kind, "ReadWriteOncePod")
    yard.volume("a", "alone", kind, "ReadWriteOncePod")
    wait_for(lambda: is_bound("alone"), "the claim to be bound")
    yard.pod("has-it", **alone)
    yard.placed("has-it")
    yard.pod("wants-it", **alone)
    assert yard.explain("wants-it")[0].code == "pod.volume_in_use"
