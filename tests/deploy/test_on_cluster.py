"""Each check of a cluster against a real API server: each fault is made, found and repaired.

Where Kubernetes itself gives a verdict (quotas, ranges, the scheduler), the doctor's is the same.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import (
    CoordinationV1Api,
    NetworkingV1Api,
    NodeV1Api,
    ResourceV1Api,
    SchedulingV1Api,
)
from kubernetes.client.exceptions import ApiException

from jupyterhub_platform.core.tiers import pod_amounts
from jupyterhub_platform.deploy.cluster.connection import Connection
from jupyterhub_platform.deploy.cluster.reader import read_cluster
from jupyterhub_platform.deploy.doctor.findings import Status
from jupyterhub_platform.deploy.doctor.rules.scheduling import spec_of
from tests.cluster.objects import render_pod, wait_for
from tests.deploy.conftest import Looking, load_role, write_kubeconfig
from tests.deploy.facts import render_deployment, render_policy, render_template
from tests.support.policies import make_policy

pytestmark = pytest.mark.cluster

OK, FAILED, WARNING, UNKNOWN = Status.OK, Status.FAILED, Status.WARNING, Status.UNKNOWN
TAINT = {"key": "jupyterhub-platform.test/doctor", "value": "yes", "effect": "NoSchedule"}
TOLERATION = {"key": TAINT["key"], "value": TAINT["value"]}


def tier(**keys: Any) -> dict[str, Any]:
    """Return a policy of one tier, which runs only on nodes of these tests."""
    return {"tiers": {"small": {"tolerations": [TOLERATION], **keys}}}


def amounts(cpu: str, memory: str = "1Gi", **more: str) -> dict[str, Any]:
    asked = {"cpu": cpu, "memory": memory, **more}
    return {"requests": asked, "limits": asked}


# -- the API server and the Hub's rights ----------------------------------------------------------


def test_a_namespace_that_is_not_there_is_named(looking: Looking) -> None:
    assert looking.look("doctor.namespace").status is OK
    result = looking.look("doctor.namespace", namespace="nowhere")
    assert (result.status, "namespace nowhere" in result.findings[0].what) == (FAILED, True)


def test_rights_of_the_hub_are_those_of_its_role(looking: Looking) -> None:
    looking.core.create_namespaced_service_account(looking.namespace, {"metadata": {"name": "hub"}})
    (finding,) = looking.look("doctor.role").findings
    assert f"{looking.namespace}:hub may not get pods, list pods, watch pods" in finding.what
    role = load_role("role.yaml")
    looking.rbac.create_namespaced_role(looking.namespace, role)
    looking.bind(role["metadata"]["name"], account="hub")
    wait_for(lambda: looking.look("doctor.role").status is OK, "the rights of the Hub")
    role["rules"][0]["verbs"].remove("delete")
    looking.rbac.replace_namespaced_role(role["metadata"]["name"], looking.namespace, role)
    wait_for(lambda: looking.look("doctor.role").status is FAILED, "the right to be gone")
    (finding,) = looking.look("doctor.role").findings
    assert finding.what.endswith("may not delete pods.")


def test_the_account_of_the_hub_is_the_one_of_its_pods(looking: Looking) -> None:
    looking.apps.create_namespaced_deployment(looking.namespace, deployment("hub", account="mine"))
    (finding,) = looking.look("doctor.role").findings
    assert f"service account {looking.namespace}:mine " in finding.what


def test_an_account_that_may_read_nothing_is_told_so_and_nothing_is_called_well(
    looking: Looking,
) -> None:
    looking.core.create_namespaced_service_account(
        looking.namespace, {"metadata": {"name": "nobody"}}
    )
    write_kubeconfig(looking, "nobody")
    devices = [{"name": "gpu", "template": "pair", "resource": "nvidia.com/gpu"}]
    named = {"home": {"size": "1Gi"}, "service_account": "data", "devices": devices}
    for code in (
        *("doctor.namespace", "doctor.role", "doctor.storage", "doctor.quota", "doctor.limits"),
        *("doctor.nodes", "doctor.names", "doctor.network", "doctor.network.enforced"),
        *("doctor.devices", "doctor.clock.cluster"),
    ):
        result = looking.look(code, tier(**named))
        assert result.status is UNKNOWN, (code, result.findings)


# -- quotas and ranges: as the API server decides -------------------------------------------------


def is_refused(looking: Looking, policy: Mapping[str, Any]) -> bool:
    """Tell whether the API server refuses a server of the tier small."""
    asked = pod_amounts(make_policy(policy).tiers["small"])
    pod = render_pod("asked")
    pod["spec"]["containers"][0]["resources"] = {
        "requests": asked.requests.render(),
        "limits": asked.limits.render(),
    }
    try:
        looking.core.create_namespaced_pod(looking.namespace, pod, dry_run="All")
    except ApiException as error:
        return bool(error.status == 403)
    return False


@pytest.mark.parametrize(
    ("hard", "refused"),
    [
        ({"limits.cpu": "1"}, False),
        ({"limits.cpu": "999m"}, True),
        ({"cpu": "999m"}, True),
        ({"requests.memory": "1Gi", "pods": "1"}, False),
        ({"requests.memory": "1023Mi"}, True),
        ({"count/pods": "0"}, True),
        ({"requests.nvidia.com/gpu": "0"}, False),
    ],
)
def test_quota_refuses_what_the_doctor_says(
    looking: Looking, hard: dict[str, str], refused: bool
) -> None:
    policy = tier(**amounts("1"))
    assert looking.look("doctor.quota", policy).status is OK
    quota = {"metadata": {"name": "most"}, "spec": {"hard": hard}}
    looking.core.create_namespaced_resource_quota(looking.namespace, quota)
    wait_for(
        lambda: looking.core.read_namespaced_resource_quota("most", looking.namespace).status.hard,
        "the quota to count",
    )
    said = [each.what for each in looking.look("doctor.quota", policy).findings]
    assert any("tier small" in what for what in said) is refused
    assert is_refused(looking, policy) is refused


@pytest.mark.parametrize(
    ("entry", "refused"),
    [
        ({"type": "Container", "max": {"cpu": "1"}}, False),
        ({"type": "Container", "max": {"cpu": "900m"}}, True),
        ({"type": "Container", "min": {"memory": "1025Mi"}}, True),
        ({"type": "Pod", "max": {"memory": "1Gi"}, "min": {"memory": "1Gi"}}, False),
        ({"type": "Pod", "min": {"cpu": "1001m"}}, True),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}, False),
        # What a tier leaves open is filled in for a container, and not for a pod.
        ({"type": "Container", "min": {"ephemeral-storage": "1Gi"}}, False),
        ({"type": "Container", "max": {"ephemeral-storage": "1Gi"}}, False),
        ({"type": "Pod", "min": {"ephemeral-storage": "1Gi"}}, True),
        ({"type": "Pod", "max": {"ephemeral-storage": "1Gi"}}, True),
    ],
)
def test_limit_range_refuses_what_the_doctor_says(
    looking: Looking, entry: dict[str, Any], refused: bool
) -> None:
    policy = tier(**amounts("1"))
    assert looking.look("doctor.limits", policy).status is OK
    body = {"metadata": {"name": "bounds"}, "spec": {"limits": [entry]}}
    looking.core.create_namespaced_limit_range(looking.namespace, body)
    said = [each.what for each in looking.look("doctor.limits", policy).findings]
    assert any("tier small" in what for what in said) is refused
    # The admission plugin follows with a watch.
    wait_for(lambda: is_refused(looking, policy) is refused, "the API server's own answer")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}, "has 1 CPU for 0.4 CPU"),
        # It is stored as 1500m.
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "1.5"}}, "has 1 CPU for 0.4 CPU"),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "2.5"}}, ""),
        (
            {"type": "Pod", "maxLimitRequestRatio": {"ephemeral-storage": "2"}},
            "has no request and no limit",
        ),
        (
            {
                "type": "Container",
                "defaultRequest": {"ephemeral-storage": "1Gi"},
                "maxLimitRequestRatio": {"ephemeral-storage": "2"},
            },
            "has no limit",
        ),
    ],
)
def test_ratio_of_a_limit_range_refuses_what_the_doctor_says(
    looking: Looking, entry: dict[str, Any], said: str
) -> None:
    policy = tier(requests={"cpu": "400m", "memory": "1Gi"}, limits={"cpu": "1", "memory": "1Gi"})
    body = {"metadata": {"name": "bounds"}, "spec": {"limits": [entry]}}
    looking.core.create_namespaced_limit_range(looking.namespace, body)
    of_small = [
        each.what
        for each in looking.look("doctor.limits", policy).findings
        if f"tier small {said}" in each.what
    ]
    assert bool(of_small) is bool(said)
    wait_for(lambda: is_refused(looking, policy) is bool(said), "the API server's own answer")


# -- nodes: as the scheduler decides --------------------------------------------------------------


@contextmanager
def node(
    looking: Looking, name: str, *, zone: str = "a", images: tuple[str, ...] = (), **more: str
) -> Iterator[None]:
    """Have a node on which only pods of these tests run, and which says that it is ready."""
    has = {"cpu": "2", "memory": "4Gi", "pods": "10", **more}
    ready = {"type": "Ready", "status": "True", "reason": "Test", "message": "ready"}
    labels = {"topology.kubernetes.io/zone": zone, "pool": name}
    body = {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [TAINT]},
        "status": {
            "allocatable": has,
            "capacity": has,
            "conditions": [ready],
            "images": [{"names": [each], "sizeBytes": 1} for each in images],
        },
    }
    lease = {
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": render_time(0)},
    }
    leases = CoordinationV1Api(looking.cluster.client)
    with looking.made(looking.core.create_node, looking.core.delete_node, body):
        leases.create_namespaced_lease("kube-node-lease", lease)
        try:
            wait_for(
                lambda: (
                    [each.key for each in looking.core.read_node(name).spec.taints]
                    == [TAINT["key"]]
                ),
                "the node to be ready",
            )
            yield
        finally:
            leases.delete_namespaced_lease(name, "kube-node-lease")


def render_time(seconds: float) -> str:
    """Return the time in so many seconds, as Kubernetes writes it in a lease."""
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%fZ}"


def is_scheduled(looking: Looking, policy: Mapping[str, Any]) -> bool:
    """Tell whether the scheduler finds a node for a server of the tier small."""
    small = make_policy(policy).tiers["small"]
    asked = pod_amounts(small)
    pod = render_pod("placed", **spec_of(small.pod))
    pod["spec"]["containers"][0]["resources"] = {
        "requests": asked.requests.render(),
        "limits": asked.limits.render(),
    }
    looking.core.create_namespaced_pod(looking.namespace, pod)

    def read() -> str:
        found = looking.core.read_namespaced_pod("placed", looking.namespace)
        conditions = found.status.conditions or ()
        return next((each.status for each in conditions if each.type == "PodScheduled"), "")

    try:
        return wait_for(read, "the scheduler") == "True"
    finally:
        looking.core.delete_namespaced_pod("placed", looking.namespace, grace_period_seconds=0)


RULE = {"key": "pool", "values": ["doctor1"]}


@pytest.mark.parametrize(
    ("keys", "fits"),
    [
        (amounts("2", "4Gi"), True),
        (amounts("2001m"), False),
        (amounts("1", "4097Mi"), False),
        ({**amounts("1"), "node_selector": {"pool": "doctor1"}}, True),
        ({**amounts("1"), "node_selector": {"pool": "other"}}, False),
        ({**amounts("1"), "node_affinity": [RULE]}, True),
        ({**amounts("1"), "node_affinity": [{**RULE, "operator": "NotIn"}]}, False),
        ({**amounts("1"), "node_affinity": [{**RULE, "operator": "NotIn", "weight": 1}]}, True),
        ({**amounts("1"), "tolerations": []}, False),
        ({**amounts("1"), "tolerations": [{"key": TAINT["key"], "operator": "Exists"}]}, True),
        ({**amounts("1"), "tolerations": [{**TOLERATION, "effect": "NoExecute"}]}, False),
    ],
)
def test_scheduler_finds_a_node_where_the_doctor_says_so(
    looking: Looking, keys: dict[str, Any], fits: bool
) -> None:
    policy = tier(**keys)
    with node(looking, "doctor1"):
        said = [each.what for each in looking.look("doctor.nodes", policy).findings]
        assert any(what.startswith("Tier small ") for what in said) is not fits
        assert is_scheduled(looking, policy) is fits


def test_daemonsets_are_taken_off_the_capacity_of_a_node(looking: Looking) -> None:
    policy = tier(**amounts("2", "1Gi"))
    agent = render_pod("agent")["spec"] | {"tolerations": [{"operator": "Exists"}]}
    agent["restartPolicy"] = "Always"
    body = {
        "metadata": {"name": "agent"},
        "spec": {
            "selector": {"matchLabels": {"app": "agent"}},
            "template": {"metadata": {"labels": {"app": "agent"}}, "spec": agent},
        },
    }
    with node(looking, "doctor1"):
        looking.apps.create_namespaced_daemon_set(looking.namespace, body)
        wait_for(
            lambda: [
                pod
                for pod in looking.core.list_namespaced_pod(looking.namespace).items
                if pod.spec.node_name == "doctor1"
            ],
            "the agent of the node",
        )
        (finding,) = (
            each
            for each in looking.look("doctor.nodes", policy).findings
            if each.what.startswith("Tier small ")
        )
        assert "2 CPU (cpu), of which 1.9 CPU are left on the best one, doctor1" in finding.what
        assert is_scheduled(looking, policy) is False
        looking.apps.delete_namespaced_daemon_set("agent", looking.namespace)


def test_a_pool_that_has_no_node_now_is_looked_at_by_a_saved_one(looking: Looking) -> None:
    policy = tier(**amounts("1"), node_selector={"pool": "doctor1"})
    with node(looking, "doctor1"):
        saved = looking.core.read_node("doctor1")
        found = looking.cluster.client.sanitize_for_serialization(saved)

    def list_said(**facts: Any) -> list[str]:
        findings = looking.look("doctor.nodes", policy, **facts).findings
        return [each.what for each in findings if each.what.startswith("Tier small ")]

    with node(looking, "doctor2"):
        assert len(list_said()) == 1
        assert list_said(absent_nodes=(found,)) == []


def test_missing_node_is_unknown_when_an_autoscaler_runs(looking: Looking) -> None:
    policy = tier(**amounts("1"))
    assert looking.look("doctor.nodes", policy).status is FAILED
    status = {"metadata": {"name": "cluster-autoscaler-status"}, "data": {"status": "Running"}}
    looking.core.create_namespaced_config_map("kube-system", status)
    try:
        assert looking.look("doctor.nodes", policy).status is UNKNOWN
    finally:
        looking.core.delete_namespaced_config_map("cluster-autoscaler-status", "kube-system")


# -- devices --------------------------------------------------------------------------------------


def test_claims_of_devices_are_compared_with_what_the_policy_counts(looking: Looking) -> None:
    resources = ResourceV1Api(looking.cluster.client)
    device_class = f"{looking.namespace}.example.org"
    devices = [{"name": "gpu", "template": "pair", "resource": "nvidia.com/gpu", "count": 2}]
    policy = tier(**amounts("1"), devices=devices)

    def list_said() -> list[str]:
        return [each.what for each in looking.look("doctor.devices", policy).findings]

    def make(**request: Any) -> None:
        resources.create_namespaced_resource_claim_template(
            looking.namespace, render_template("pair", device_class=device_class, **request)
        )

    assert looking.look("doctor.devices", tier(**amounts("1"))).status is OK
    assert list_said() == ["There is no ResourceClaimTemplate pair, which tier small names."]
    make()
    assert list_said() == [
        (
            "The ResourceClaimTemplate pair gives 1 for each claim, and tier small counts 2 "
            "(nvidia.com/gpu)."
        ),
        f"There is no device class {device_class}, which the ResourceClaimTemplate pair names.",
    ]
    resources.delete_namespaced_resource_claim_template("pair", looking.namespace)
    make(count=2)
    chosen = {"metadata": {"name": device_class}, "spec": {}}
    with looking.made(resources.create_device_class, resources.delete_device_class, chosen):
        assert looking.look("doctor.devices", policy).status is OK


# -- storage --------------------------------------------------------------------------------------


def render_class(name: str, *, grows: bool = True, waits: bool = True) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "provisioner": "jupyterhub-platform.test/none",
        "allowVolumeExpansion": grows,
        "volumeBindingMode": "WaitForFirstConsumer" if waits else "Immediate",
    }


def test_storage_class_of_a_home_is_looked_at(looking: Looking) -> None:
    policy = tier(home={"size": "1Gi", "storage_class": "doctor"})
    make, remove = looking.storage.create_storage_class, looking.storage.delete_storage_class
    (finding,) = looking.look("doctor.storage", policy).findings
    assert (finding.status, "no storage class doctor" in finding.what) == (FAILED, True)
    with looking.made(make, remove, render_class("doctor")):
        assert looking.look("doctor.storage", policy).status is OK
    with looking.made(make, remove, render_class("doctor", grows=False)):
        (finding,) = looking.look("doctor.storage", policy).findings
        assert (finding.status, "cannot grow" in finding.what) == (WARNING, True)
    with ExitStack() as stack:
        stack.enter_context(looking.made(make, remove, render_class("doctor", waits=False)))
        stack.enter_context(node(looking, "doctor1", zone="a"))
        assert looking.look("doctor.storage", policy).status is OK
        stack.enter_context(node(looking, "doctor2", zone="b"))
        (finding,) = looking.look("doctor.storage", policy).findings
        assert (finding.status, "2 zones: a, b" in finding.what) == (WARNING, True)


def test_a_home_without_a_class_needs_a_default_one(looking: Looking) -> None:
    policy = tier(home={"size": "1Gi"})
    said = [each.what for each in looking.look("doctor.storage", policy).findings]
    assert said == ["Volumes of the storage class local cannot grow."]
    key = "storageclass.kubernetes.io/is-default-class"

    def set_default(is_default: str) -> None:
        patch = {"metadata": {"annotations": {key: is_default}}}
        looking.storage.patch_storage_class("local", patch)

    set_default("false")
    try:
        (finding,) = looking.look("doctor.storage", policy).findings
        assert (finding.status, "There is no default storage class" in finding.what) == (
            FAILED,
            True,
        )
    finally:
        set_default("true")


# -- names and images -----------------------------------------------------------------------------


def test_objects_that_the_policy_names_are_looked_for(looking: Looking) -> None:
    named = {"service_account": "data", "priority_class": "doctor", "runtime_class": "doctor"}
    groups = {"vision": {"volumes": [{"claim": "shared", "mount": "/shared"}]}}
    policy = {**tier(**named), "groups": groups}
    missing = [each.what for each in looking.look("doctor.names", policy).findings]
    assert missing == [
        f"There is no {noun}, which the policy names."
        for noun in (
            *("service account data", "volume claim shared", "priority class doctor"),
            *("runtime class doctor",),
        )
    ]
    looking.core.create_namespaced_service_account(
        looking.namespace, {"metadata": {"name": "data"}}
    )
    claim = {
        "metadata": {"name": "shared"},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    looking.core.create_namespaced_persistent_volume_claim(looking.namespace, claim)
    priorities = SchedulingV1Api(looking.cluster.client)
    runtimes = NodeV1Api(looking.cluster.client)
    priority = {"metadata": {"name": "doctor"}, "value": 5}
    runtime = {"metadata": {"name": "doctor"}, "handler": "doctor"}
    with (
        looking.made(priorities.create_priority_class, priorities.delete_priority_class, priority),
        looking.made(runtimes.create_runtime_class, runtimes.delete_runtime_class, runtime),
    ):
        assert looking.look("doctor.names", policy).status is OK


def test_images_are_well_once_they_are_on_a_node(looking: Looking) -> None:
    reference = "registry.example.org/lab@sha256:" + "b" * 64
    policy = {"images": {name: {"reference": reference} for name in ("lab", "sci")}}
    (finding,) = looking.look("doctor.images", policy).findings
    assert (finding.status, reference in finding.what) == (UNKNOWN, True)
    with node(looking, "doctor1", images=(reference,)):
        assert looking.look("doctor.images", policy).status is OK


def test_pull_secret_is_looked_for_without_its_content(looking: Looking) -> None:
    reference = "registry.example.org/lab@sha256:" + "c" * 64
    policy = {"images": {name: {"reference": reference} for name in ("lab", "sci")}}
    account = {"imagePullSecrets": [{"name": "registry"}]}
    wait_for(
        lambda: [
            each.metadata.name
            for each in looking.core.list_namespaced_service_account(looking.namespace).items
            if each.metadata.name == "default"
        ],
        "the default service account",
    )
    looking.core.patch_namespaced_service_account("default", looking.namespace, account)
    with node(looking, "doctor1", images=(reference,)):
        assert looking.look("doctor.images", policy).status is UNKNOWN
        role = {
            "metadata": {"name": "registry"},
            "rules": [
                {
                    "apiGroups": [""],
                    "resources": ["secrets"],
                    "verbs": ["get"],
                    "resourceNames": ["registry"],
                }
            ],
        }
        looking.rbac.create_namespaced_role(looking.namespace, role)
        looking.bind("registry", account="reader")
        wait_for(
            lambda: looking.look("doctor.images", policy).status is FAILED, "the right to look"
        )
        secret = {"metadata": {"name": "registry"}, "stringData": {"password": "secret-word"}}
        looking.core.create_namespaced_secret(looking.namespace, secret)
        assert looking.look("doctor.images", policy).status is OK


# -- the network ----------------------------------------------------------------------------------


def deployment(component: str, *ports: tuple[str, int], account: str = "") -> dict[str, Any]:
    """Return a Deployment of the chart's that no controller runs."""
    body = render_deployment(component, *ports)
    template = body["spec"]["template"]
    container = {"name": "main", "image": "example/none:1", **template["spec"]["containers"][0]}
    template["spec"]["containers"] = [container]
    template["spec"]["serviceAccountName"] = account or component
    selector = {"matchLabels": template["metadata"]["labels"]}
    return {**body, "spec": {"replicas": 0, "selector": selector, "template": template}}


def test_policies_that_keep_the_hub_from_working_are_named(looking: Looking) -> None:
    networking = NetworkingV1Api(looking.cluster.client)

    def add(policy: dict[str, Any]) -> None:
        networking.create_namespaced_network_policy(looking.namespace, policy)

    assert looking.look("doctor.network").status is UNKNOWN
    for each in (deployment("hub", ("http", 8081)), deployment("proxy", ("api", 8001))):
        looking.apps.create_namespaced_deployment(looking.namespace, each)
    said = [each.what for each in looking.look("doctor.network").findings]
    assert said == [
        "No NetworkPolicy says who may reach the Hub.",
        "No NetworkPolicy says who may reach servers.",
    ]
    add(render_policy("hub", "proxy", "singleuser-server", ports=[{"port": "http"}]))
    add(render_policy("singleuser-server", "proxy", "hub", ports=[{"port": 8888}]))
    (finding,) = looking.look("doctor.network").findings
    assert finding.status is FAILED
    assert finding.what == (
        "Port 8181 of the Hub may not be reached from the proxy: Ingress of the Hub."
    )
    service = render_policy("hub", "proxy", ports=[{"port": 8181}])
    add({**service, "metadata": {"name": "service"}})
    assert looking.look("doctor.network").status is OK


def test_a_plugin_that_enforces_policies_is_seen(looking: Looking) -> None:
    assert looking.look("doctor.network.enforced").status is UNKNOWN
    spec = render_pod("x", nodeSelector={"no": "such-node"})["spec"] | {"restartPolicy": "Always"}
    for name, status in (("kube-flannel", WARNING), ("calico-node", OK)):
        body = {
            "metadata": {"name": name},
            "spec": {
                "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
            },
        }
        looking.apps.create_namespaced_daemon_set(looking.namespace, body)
        assert looking.look("doctor.network.enforced").status is status


# -- clocks, and the whole ------------------------------------------------------------------------


def test_a_node_whose_clock_is_wrong_is_named(looking: Looking) -> None:
    leases = CoordinationV1Api(looking.cluster.client)
    with node(looking, "doctor1"):
        assert looking.look("doctor.clock.cluster").status is OK
        for seconds, words in ((30, "s ahead of the API server's"), (-300, "renewed its lease")):
            patch = {"spec": {"renewTime": render_time(seconds)}}
            leases.patch_namespaced_lease("doctor1", "kube-node-lease", patch)
            (finding,) = looking.look("doctor.clock.cluster").findings
            assert (finding.status, words in finding.what) == (WARNING, True)
            assert "ode doctor1" in finding.what


def doctor(looking: Looking, policy: Path, **environment: str) -> tuple[int, str]:
    """Run ``jhp doctor`` as a shell does."""
    command = [sys.executable, "-m", "jupyterhub_platform", "doctor", "--file", str(policy)]
    done = subprocess.run(
        [*command, "--kubeconfig", str(looking.kubeconfig), "--state", str(policy.parent)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_the_command_says_it_all_and_what_is_left_out(looking: Looking) -> None:
    code, said = doctor(looking, Path("examples/local/platform.yaml"))
    assert code == 1
    assert "There is no node." in said
    assert "ok       doctor.api " in said
    assert "The Hub: not checked, since none was started from examples/local" in said
    assert "\x1b" not in said


def test_a_clock_that_is_wrong_here_is_noticed(looking: Looking) -> None:
    (library, *_) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    moved = {"LD_PRELOAD": str(library), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    policy = Path("examples/local/platform.yaml")
    _, said = doctor(looking, policy, **moved, FAKETIME="+120s")
    assert "The API server's clock is 12" in said
    assert "s behind the one here." in said
    _, said = doctor(looking, policy)
    assert "The API server's clock" not in said


def test_the_hubs_own_pod_is_told_what_it_may_do(looking: Looking) -> None:
    looking.core.create_namespaced_service_account(looking.namespace, {"metadata": {"name": "hub"}})
    role = load_role("role.yaml")
    looking.rbac.create_namespaced_role(looking.namespace, role)
    looking.bind(role["metadata"]["name"], account="hub")
    write_kubeconfig(looking, "hub")

    def read_rights() -> set[bool | None]:
        with closing(Connection.outside(looking.kubeconfig, None)) as connection:
            connection.is_inside = True
            return set(read_cluster(connection, looking.namespace, None, ()).rights.values())

    wait_for(lambda: read_rights() == {True}, "the rights of the Hub")
    looking.rbac.delete_namespaced_role(role["metadata"]["name"], looking.namespace)
    wait_for(lambda: read_rights() == {False}, "the rights to be gone")
