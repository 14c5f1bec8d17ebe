"""Facts about a platform on which nothing is wrong, to be changed in one place by each test."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.deploy.doctor.facts import Cluster, DoctorFacts, File, Hub, Objects
from jupyterhub_platform.deploy.doctor.findings import Finding, Status
from jupyterhub_platform.deploy.doctor.table import CHECKS
from jupyterhub_platform.deploy.role import RIGHTS
from tests.support.policies import GPU, make_policy

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
HEALTH: Mapping[str, Any] = {
    "now": "2026-11-27T09:30:00+00:00",
    "store": {
        "url": "sqlite:///platform.sqlite",
        "fault": "",
        "waiting": 0,
        "schema": "0001",
        "newest_schema": "0001",
    },
    "policy": {
        "revision": 7,
        "file": "/etc/platform.yaml",
        "digest": "sha256:a",
        "file_digest": "sha256:a",
        "faults": [],
    },
    "audit": {
        "whole": True,
        "looked_at": "2026-11-27T09:29:20+00:00",
        "rows": 12,
        "head": f"12:{'ab' * 32}",
        "findings": [],
    },
    "memberships": {"settled": True, "fault": "", "since": None},
    "checker": {"seconds": 60.0, "looked_at": "2026-11-27T09:29:10+00:00", "drift": []},
    "observed_pods": {"sources": 0, "seconds": 0, "looked_at": None, "fault": "", "examples": []},
}
HUB = Hub("", HEALTH, {"weakened": []}, 0.4)
IMAGE = "registry.example.org/lab:1@sha256:" + "a" * 64
POLICY: Mapping[str, Any] = {
    "quota": {"cpu": 8, "servers": 10},
    "images": {"lab": {"reference": IMAGE}, "sci": {"reference": IMAGE}},
    "tiers": {
        "small": {
            "limits": {"cpu": 1, "memory": "4Gi"},
            "home": {"size": "10Gi", "storage_class": "fast"},
            "service_account": "data",
        },
        "large": {"limits": {"cpu": 2, "memory": "4Gi"}},
        "gpu": {
            "node_selector": {"pool": "gpu"},
            "tolerations": [{"key": GPU, "operator": "Exists"}],
        },
    },
}
"""A home, a service account, and a tier with nodes of its own."""


def render_node(name: str = "n1", *, zone: str = "a", **spec: Any) -> dict[str, Any]:
    """Return a node with 4 CPU and 16 GiB."""
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"},
            "images": [{"names": [IMAGE]}],
        },
    }


def render_gpu_node() -> dict[str, Any]:
    """Return a node for the tier gpu alone."""
    node = render_node("gpu1", taints=[{"key": GPU, "value": "present", "effect": "NoSchedule"}])
    node["metadata"]["labels"]["pool"] = "gpu"
    node["status"]["allocatable"][GPU] = "1"
    return node


def render_daemonset(name: str, cpu: str, **spec: Any) -> dict[str, Any]:
    """Return a DaemonSet whose pods request so much CPU."""
    container = {"name": "main", "resources": {"requests": {"cpu": cpu}}}
    return {
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": [container], **spec}}},
    }


def render_deployment(component: str, *ports: tuple[str, int]) -> dict[str, Any]:
    """Return a Deployment as Zero to JupyterHub makes it."""
    labels = {"app": "jupyterhub", "release": "hub", "component": component}
    if component == "hub":
        labels |= {"hub.jupyter.org/network-access-singleuser": "true"}
    container = {"ports": [{"name": name, "containerPort": port} for name, port in ports]}
    return {
        "metadata": {"name": component, "generation": 1},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"component": component}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"serviceAccountName": component, "containers": [container]},
            },
        },
        "status": {"observedGeneration": 1, "replicas": 1, "availableReplicas": 1},
    }


def render_policy(component: str, *peers: str, **rule: Any) -> dict[str, Any]:
    """Return a NetworkPolicy that lets pods of these components in."""
    sources = [{"podSelector": {"matchLabels": {"component": peer}}} for peer in peers]
    return {
        "metadata": {"name": component},
        "spec": {
            "podSelector": {"matchLabels": {"component": component}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": sources, **rule}],
        },
    }


def render_template(
    name: str, *, device_class: str = "gpu.example.org", **request: Any
) -> dict[str, Any]:
    """Return a ResourceClaimTemplate with one request of these fields."""
    exactly = {"deviceClassName": device_class, "allocationMode": "ExactCount", **request}
    requests = [{"name": "devices", "exactly": exactly}]
    return {"metadata": {"name": name}, "spec": {"spec": {"devices": {"requests": requests}}}}


CLASS: Mapping[str, Any] = {
    "metadata": {
        "name": "fast",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "allowVolumeExpansion": True,
    "volumeBindingMode": "WaitForFirstConsumer",
}
OBJECTS: Mapping[str, tuple[Any, ...]] = {
    "namespaces": ({"metadata": {"name": "hub", "labels": {}}},),
    "deployments": (
        render_deployment("hub", ("http", 8081)),
        render_deployment("proxy", ("api", 8001)),
    ),
    "nodes": (render_node(), render_node("n2", zone="b"), render_gpu_node()),
    "daemonsets": (render_daemonset("calico-node", "250m"),),
    "leases": ({"metadata": {"name": "n1"}, "spec": {"renewTime": "2026-11-27T09:29:55.123Z"}},),
    "storageclasses": (CLASS,),
    "serviceaccounts": ({"metadata": {"name": "default"}}, {"metadata": {"name": "data"}}),
    "networkpolicies": (
        render_policy("hub", "proxy", "singleuser-server"),
        render_policy("singleuser-server", "proxy", "hub"),
    ),
    "deviceapi": ({"kind": "APIResourceList", "groupVersion": "resource.k8s.io/v1"},),
    "deviceclasses": ({"metadata": {"name": "gpu.example.org"}},),
    "resourceclaimtemplates": (render_template("pair", count=2),),
    **dict.fromkeys(
        (
            *("resourcequotas", "limitranges", "persistentvolumeclaims", "priorityclasses"),
            *("runtimeclasses", "nodepools", "autoscalers", "pods", "events", "dns"),
            "dnsendpoints",
        ),
        (),
    ),
}
CLUSTER = Cluster(
    "https://10.0.0.1:6443",
    "hub",
    rights=dict.fromkeys(RIGHTS, True),
    objects={kind: Objects(objects) for kind, objects in OBJECTS.items()},
    answered_at=NOW,
    ahead_seconds=0.4,
)


def of_cluster(*changes: Mapping[str, Any], unread: str = "", **objects: Any) -> DoctorFacts:
    """Return facts about a cluster with other objects of some kinds, and a policy with changes."""
    found = {kind: Objects(tuple(listed)) for kind, listed in objects.items()}
    if unread:
        found[unread] = Objects(unread="may not be read (403)")
    cluster = replace(CLUSTER, objects={**CLUSTER.objects, **found})
    return DoctorFacts(cluster=cluster, file=File("platform.yaml", make_policy(POLICY, *changes)))


def of_hub(**changes: Mapping[str, Any]) -> DoctorFacts:
    """Return facts about a Hub whose health differs in these keys of these parts."""
    health = copy.deepcopy(dict(HEALTH))
    for part, values in changes.items():
        health[part].update(values)
    return DoctorFacts(hub=replace(HUB, health=health))


def of_file(policy: Policy | None = None, **changes: Any) -> DoctorFacts:
    """Return facts about a policy file beside a Hub."""
    return DoctorFacts(
        hub=HUB, file=replace(File("platform.yaml", policy or make_policy(), "sha256:a"), **changes)
    )


def look(code: str, facts: DoctorFacts) -> list[Finding]:
    """Return what one check finds."""
    (check,) = (check for check in CHECKS if check.code == code)
    assert all(facts.has(need) for need in check.needs)
    findings = list(check.find(facts))
    for finding in findings:
        assert finding.what
        assert finding.why
        assert finding.fix
        assert finding.status is not Status.OK
    return findings
