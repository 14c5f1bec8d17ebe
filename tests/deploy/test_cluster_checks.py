"""What is said about a cluster: nothing while it is well, and one thing for each that is not."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Status
from jupyterhub_platform.deploy.doctor.table import CHECKS, examine
from jupyterhub_platform.deploy.role import Right
from tests.deploy.facts import (
    CLASS,
    CLUSTER,
    IMAGE,
    look,
    of_cluster,
    render_daemonset,
    render_deployment,
    render_gpu_node,
    render_node,
    render_policy,
    render_template,
)
from tests.support.policies import GPU

FAILED, WARNING, UNKNOWN = Status.FAILED, Status.WARNING, Status.UNKNOWN


OF_CLASS = ".storageclass.storage.k8s.io"
PVCS = "persistentvolumeclaims"
SCRATCH = "ephemeral-storage"
TIERS = ("small", "large", "gpu")
BOTH = {key: {SCRATCH: "1Gi"} for key in ("requests", "limits")}


def quota(**hard: Any) -> dict[str, Any]:
    """Return a ResourceQuota; ``scopes`` and ``scopeSelector`` are its own keys."""
    spec = {key: hard.pop(key) for key in ("scopes", "scopeSelector") if key in hard}
    return {"metadata": {"name": "most"}, "spec": {"hard": hard, **spec}}


def limits(kind: str = "Container", **entry: Any) -> dict[str, Any]:
    return {"metadata": {"name": "bounds"}, "spec": {"limits": [{"type": kind, **entry}]}}


def class_(**changes: Any) -> dict[str, Any]:
    return {**CLASS, **changes}


PLAIN_CLASS = class_(metadata={"name": "fast"})
NO_CLASS = {"tiers": {"small": {"home": {"size": "10Gi", "storage_class": None}}}}
GROUP_VOLUME = {"groups": {"vision": {"volumes": [{"claim": "shared", "mount": "/shared"}]}}}
NOWHERE = {"tiers": {"gpu": {"node_selector": {"pool": "nowhere"}}}}
TAINTED = render_node(taints=[{"key": "spot", "effect": "NoSchedule"}])
CORDONED = render_node(unschedulable=True)


def test_healthy_cluster_passes_every_check() -> None:
    results = examine(of_cluster())
    of_clusters = [check.code for check in CHECKS if set(check.needs) & {"cluster", "api"}]
    assert [result.check.code for result in results if result.check.code in of_clusters] == (
        of_clusters
    )
    assert [result.findings for result in results] == [()] * len(results)


def test_a_cluster_that_does_not_answer_is_all_that_is_said_about_it() -> None:
    facts = DoctorFacts(cluster=replace(CLUSTER, unreachable="timed out"))
    (result,) = examine(facts)
    assert (result.check.code, result.status) == ("doctor.api", FAILED)


PAIR = {
    "tiers": {
        "large": {"devices": [{"name": "gpu", "template": "pair", "resource": GPU, "count": 2}]}
    }
}
CLASSES = tuple({"metadata": {"name": f"{name}.example.org"}} for name in ("gpu", "nic"))


def requests(*classes: str) -> dict[str, Any]:
    """Return the template pair with a request for one device of each class."""
    template = render_template("pair")
    (request,) = template["spec"]["spec"]["devices"]["requests"]
    template["spec"]["spec"]["devices"]["requests"] = [
        {"name": name, "exactly": {**request["exactly"], "deviceClassName": f"{name}.example.org"}}
        for name in classes
    ]
    return template


def alternatives(*counts: int) -> dict[str, Any]:
    """Return the template pair with one request that so many devices satisfy, or so many."""
    template = render_template("pair")
    (request,) = template["spec"]["spec"]["devices"]["requests"]
    exactly = request.pop("exactly")
    request["firstAvailable"] = [{**exactly, "name": f"a{n}", "count": n} for n in counts]
    return template


OF_HUB = render_policy("hub", "proxy", "singleuser-server")
OF_SERVERS = render_policy("singleuser-server", "proxy", "hub")
TO_PODS: dict[str, Any] = {"to": [{"podSelector": {}}]}
TO_DNS = {
    "to": [{"namespaceSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}],
    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
}
TO_API = {"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}], "ports": [{"port": 6443}]}


def let_in(component: str, *rules: Any) -> dict[str, Any]:
    """Return a NetworkPolicy with these rules for who may come in."""
    policy = render_policy(component)
    policy["spec"]["ingress"] = list(rules)
    return policy


def let_out(*rules: Any) -> dict[str, Any]:
    """Return a NetworkPolicy with these rules for where the Hub may go."""
    selector = {"matchLabels": {"component": "hub"}}
    spec = {"podSelector": selector, "policyTypes": ["Egress"], "egress": list(rules)}
    return {"metadata": {"name": "out"}, "spec": spec}


Case = tuple[str, Mapping[str, Any], Mapping[str, Any], Status, str]

CASES: tuple[Case, ...] = (
    ("doctor.namespace", {}, {"namespaces": ()}, FAILED, "no namespace hub"),
    # Storage classes.
    ("doctor.storage", {}, {"storageclasses": ()}, FAILED, "no storage class fast"),
    (
        *("doctor.storage", NO_CLASS, {"storageclasses": (PLAIN_CLASS,)}, FAILED),
        "There is no default storage class, and the homes of tier small name none.",
    ),
    (
        *("doctor.storage", NO_CLASS),
        {"storageclasses": (CLASS, class_(metadata={**CLASS["metadata"], "name": "other"}))},
        *(WARNING, "2 storage classes are the default one: fast, other."),
    ),
    (
        *("doctor.storage", {}, {"storageclasses": (class_(allowVolumeExpansion=False),)}),
        *(WARNING, "cannot grow"),
    ),
    (
        *("doctor.storage", {}, {"storageclasses": (class_(volumeBindingMode="Immediate"),)}),
        *(WARNING, "nodes in 2 zones: a, b"),
    ),
    # ResourceQuotas.
    (
        *("doctor.quota", {}, {"resourcequotas": (quota(**{"limits.cpu": "1500m"}),)}, FAILED),
        "tier large asks for 2 CPU (limits.cpu), and the ResourceQuota most allows 1.5 CPU to all",
    ),
    (
        *("doctor.quota", {}, {"resourcequotas": (quota(**{"requests.nvidia.com/gpu": 0}),)}),
        *(FAILED, "A server of tier gpu asks for 1 GPU"),
    ),
    (
        *("doctor.quota", {}, {"resourcequotas": (quota(**{"requests.storage": "5Gi"}),)}),
        *(FAILED, "tier small asks for 10 GiB (requests.storage)"),
    ),
    (
        *("doctor.quota", {"quota": {"servers": None}}),
        {"resourcequotas": (quota(cpu="4"),)},
        *(WARNING, "hold 8 CPU (cpu), and the ResourceQuota most allows 4 CPU"),
    ),
    (
        *("doctor.quota", {}, {"resourcequotas": (quota(pods="3"),)}, WARNING),
        "hold 10 servers (servers), and the ResourceQuota most allows 3 pods",
    ),
    (
        *("doctor.quota", {"tiers": {"large": {"priority_class": "high"}}}),
        {
            "resourcequotas": (
                quota(
                    pods="0",
                    scopeSelector={
                        "matchExpressions": [
                            {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
                        ]
                    },
                ),
            )
        },
        *(FAILED, "A server of tier large asks for 1 (pods)"),
    ),
    (
        *("doctor.quota", {}, {"resourcequotas": (quota(**{f"fast{OF_CLASS}/{PVCS}": 0}),)}),
        *(FAILED, f"tier small asks for 1 (fast{OF_CLASS}/{PVCS})"),
    ),
    (
        *("doctor.quota", NO_CLASS),
        {"resourcequotas": (quota(**{f"fast{OF_CLASS}/requests.storage": "5Gi"}),)},
        *(FAILED, f"tier small asks for 10 GiB (fast{OF_CLASS}/requests.storage)"),
    ),
    (
        *("doctor.quota", PAIR),
        {"resourcequotas": (quota(**{"count/resourceclaims.resource.k8s.io": 0}),)},
        *(FAILED, "tier large asks for 1 (count/resourceclaims.resource.k8s.io)"),
    ),
    # LimitRanges.
    (
        *("doctor.limits", {}, {"limitranges": (limits(max={"cpu": "1500m"}),)}, FAILED),
        "wants at most 1.5 CPU for a container, and tier large has 2 CPU as its limits.cpu",
    ),
    (
        *("doctor.limits", {}, {"limitranges": (limits("Pod", min={"memory": "1536Mi"}),)}),
        *(
            FAILED,
            "wants at least 1.5 GiB for a pod, and tier gpu has 1 GiB as its requests.memory",
        ),
    ),
    (
        *("doctor.limits", {"tiers": {name: {"limits": {SCRATCH: "1Gi"}} for name in TIERS[1:]}}),
        {"limitranges": (limits("Pod", max={SCRATCH: "1Gi"}),)},
        *(FAILED, "wants a limit of ephemeral-storage for a pod, and tier small has none"),
    ),
    (
        *("doctor.limits", {}, {"limitranges": (limits(maxLimitRequestRatio={"cpu": "1.5"}),)}),
        *(FAILED, "1.5 times the request, and tier small has 1 CPU for 0.5 CPU"),
    ),
    (
        *("doctor.limits", {}, {"limitranges": (limits(maxLimitRequestRatio={"cpu": "1500m"}),)}),
        *(FAILED, "1.5 times the request, and tier small has 1 CPU for 0.5 CPU"),
    ),
    (
        *("doctor.limits", {"tiers": dict.fromkeys(TIERS[1:], BOTH)}),
        {"limitranges": (limits("Pod", maxLimitRequestRatio={SCRATCH: "2"}),)},
        *(FAILED, "of 2 times the request, and tier small has no request and no limit"),
    ),
    (
        *("doctor.limits", {"tiers": dict.fromkeys(TIERS[1:], BOTH)}),
        {
            "limitranges": (
                limits(defaultRequest={SCRATCH: "1Gi"}, maxLimitRequestRatio={SCRATCH: "2"}),
            )
        },
        *(FAILED, "of 2 times the request, and tier small has no limit"),
    ),
    (
        *("doctor.limits", {"tiers": dict.fromkeys(TIERS[1:], BOTH)}),
        {"limitranges": (limits(maxLimitRequestRatio={"cpu": "1500500u"}),)},
        *(FAILED, "1.5005 times the request"),
    ),
    (
        *("doctor.limits", {}),
        {"limitranges": (limits("PersistentVolumeClaim", max={"storage": "5Gi"}),)},
        *(FAILED, "wants at most 5 GiB for a volume, and tier small has 10 GiB"),
    ),
    # Nodes.
    ("doctor.nodes", {}, {"nodes": (render_node(),)}, FAILED, "1 of 1: no label pool=gpu"),
    (
        *("doctor.nodes", {"tiers": {"large": {"requests": {"cpu": 4}, "limits": {"cpu": 4}}}}, {}),
        *(FAILED, "Tier large fits no node: it asks for 4 CPU (cpu), of which 3.75 CPU are left"),
    ),
    (
        *("doctor.nodes", {"tiers": {"gpu": {"tolerations": []}}}, {}, FAILED),
        "1 of 3: the taint nvidia.com/gpu",
    ),
    (
        *(
            "doctor.nodes",
            {"tiers": {"gpu": {"node_affinity": [{"key": "x"} | {"values": ["y"]}]}}},
        ),
        *({}, FAILED, "1 of 3: its labels do not match the node affinity"),
    ),
    (
        *(
            "doctor.nodes",
            {},
            {"nodepools": ({"metadata": {"name": "p"}},), "nodes": (render_node(),)},
        ),
        *(UNKNOWN, "or come when they are needed"),
    ),
    ("doctor.nodes", {}, {"nodes": ()}, FAILED, "There is no node."),
    # Names.
    (
        *("doctor.names", {}, {"serviceaccounts": ({"metadata": {"name": "default"}},)}, FAILED),
        "no service account data",
    ),
    ("doctor.names", GROUP_VOLUME, {}, FAILED, "no volume claim shared"),
    (
        *("doctor.names", {"tiers": {"gpu": {"priority_class": "high"}}}, {}, FAILED),
        "no priority class high",
    ),
    (
        *("doctor.names", {"tiers": {"gpu": {"runtime_class": "gvisor"}}}, {}, FAILED),
        "no runtime class gvisor",
    ),
    # Devices.
    (
        *("doctor.devices", PAIR, {"deviceapi": ()}, FAILED),
        "does not serve resource.k8s.io/v1, and servers of tier large claim devices",
    ),
    (
        *("doctor.devices", PAIR, {"resourceclaimtemplates": ()}, FAILED),
        "no ResourceClaimTemplate pair, which tier large names",
    ),
    (
        *("doctor.devices", PAIR, {"resourceclaimtemplates": (render_template("pair"),)}, FAILED),
        "The ResourceClaimTemplate pair gives 1 for each claim, and tier large counts 2",
    ),
    (
        *("doctor.devices", PAIR),
        {"resourceclaimtemplates": (render_template("pair", allocationMode="All"),)},
        *(FAILED, "How many devices the ResourceClaimTemplate pair gives is not fixed"),
    ),
    (
        *("doctor.devices", PAIR, {"resourceclaimtemplates": (alternatives(2, 1),)}, FAILED),
        "How many devices the ResourceClaimTemplate pair gives is not fixed",
    ),
    (
        *("doctor.devices", PAIR),
        {"resourceclaimtemplates": (render_template("pair", count=2, adminAccess=True),)},
        *(FAILED, "The ResourceClaimTemplate pair asks for adminAccess."),
    ),
    (
        *("doctor.devices", PAIR, {"resourceclaimtemplates": (requests("gpu", "nic"),)}, WARNING),
        "gives devices of 2 classes: gpu.example.org, nic.example.org",
    ),
    (
        *("doctor.devices", PAIR, {"deviceclasses": CLASSES[1:]}, FAILED),
        "no device class gpu.example.org, which the ResourceClaimTemplate pair names",
    ),
    # Images.
    (
        "doctor.images",
        {},
        {"nodes": ()},
        UNKNOWN,
        f"On no node that could be read is there: {IMAGE}",
    ),
    # The network.
    ("doctor.network.enforced", {}, {"daemonsets": ()}, UNKNOWN, "No DaemonSet of a plugin"),
    (
        *("doctor.network.enforced", {}, {"daemonsets": (render_daemonset("kube-flannel", "1m"),)}),
        *(WARNING, "kube-flannel enforces no NetworkPolicy"),
    ),
    (
        "doctor.network",
        {},
        {"deployments": ()},
        UNKNOWN,
        "no Deployment with the label component=hub",
    ),
    (
        *("doctor.network", {}),
        {"networkpolicies": (render_policy("hub", "proxy", "singleuser-server"),)},
        *(WARNING, "No NetworkPolicy says who may reach servers."),
    ),
    (
        *("doctor.network", {}),
        {
            "networkpolicies": (
                render_policy("hub", "proxy", "singleuser-server"),
                render_policy("singleuser-server", "proxy"),
            )
        },
        *(FAILED, "Port 8888 of servers may not be reached from the Hub: Ingress of servers."),
    ),
    (
        *("doctor.network", {}),
        {"networkpolicies": (OF_HUB, render_policy("singleuser-server"))},
        *(WARNING, "Servers may reach port 8888 of each other."),
    ),
    (
        *("doctor.network", {}),
        {
            "networkpolicies": (
                OF_HUB,
                render_policy("singleuser-server", "proxy", "hub", "singleuser-server"),
            )
        },
        *(WARNING, "Servers may reach port 8888 of each other."),
    ),
    (
        *("doctor.network", {}),
        {
            "networkpolicies": (
                *(OF_HUB, OF_SERVERS),
                let_in("singleuser-server", {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}),
            )
        },
        *(UNKNOWN, "Servers may or may not, by their addresses, reach port 8888 of each other"),
    ),
    (
        *("doctor.network", {}),
        {"networkpolicies": (OF_HUB, OF_SERVERS, let_out(TO_PODS, TO_DNS))},
        *(FAILED, "No NetworkPolicy lets the Hub out to the API server: Egress of the Hub."),
    ),
    (
        *("doctor.network", {}),
        {"networkpolicies": (OF_HUB, OF_SERVERS, let_out(TO_PODS, TO_API))},
        *(FAILED, "No NetworkPolicy lets the Hub out to DNS: Egress of the Hub."),
    ),
    # Clocks.
    (
        *("doctor.clock.cluster", {}),
        {
            "leases": (
                {"metadata": {"name": "n9"}, "spec": {"renewTime": "2026-11-27T09:31:00.1Z"}},
            )
        },
        *(WARNING, "The clock of node n9 is 60 s ahead"),
    ),
    (
        *("doctor.clock.cluster", {}),
        {"leases": ({"metadata": {"name": "n9"}, "spec": {"renewTime": "2026-11-27T09:28:00Z"}},)},
        *(WARNING, "Node n9 renewed its lease 120 s ago"),
    ),
)


@pytest.mark.parametrize(("code", "policy", "objects", "status", "words"), CASES)
def test_each_thing_that_is_wrong_with_a_cluster_is_said_once(
    code: str, policy: Any, objects: Any, status: Status, words: str
) -> None:
    objects = {"deviceclasses": CLASSES, **objects}
    (finding,) = look(code, of_cluster(policy, **objects))
    assert finding.status is status
    assert words in finding.what


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("doctor.namespace", "namespaces"),
        ("doctor.storage", "storageclasses"),
        ("doctor.quota", "resourcequotas"),
        ("doctor.limits", "limitranges"),
        ("doctor.nodes", "nodes"),
        ("doctor.nodes", "daemonsets"),
        ("doctor.names", "serviceaccounts"),
        ("doctor.devices", "deviceapi"),
        ("doctor.devices", "resourceclaimtemplates"),
        ("doctor.devices", "deviceclasses"),
        ("doctor.network.enforced", "daemonsets"),
        ("doctor.network", "networkpolicies"),
        ("doctor.network", "deployments"),
        ("doctor.clock.cluster", "leases"),
    ],
)
def test_unreadable_objects_make_a_check_unknown(code: str, kind: str) -> None:
    (finding,) = look(code, of_cluster(PAIR, unread=kind))
    assert finding.status is UNKNOWN
    assert "may not be read (403)" in finding.what


def test_a_right_that_the_hub_lacks_is_named_with_the_command_that_gives_it() -> None:
    lacking = {Right("pods", "delete"): False, Right("events", "watch"): False}
    facts = DoctorFacts(cluster=replace(CLUSTER, rights={**CLUSTER.rights, **lacking}))
    (finding,) = look("doctor.role", facts)
    assert finding.status is FAILED
    assert finding.what == "The service account hub:hub may not delete pods and watch events."
    assert "kubectl apply --namespace hub -f helm-values/role.yaml" in finding.fix


def test_rights_that_are_not_reported_are_unknown() -> None:
    facts = DoctorFacts(cluster=replace(CLUSTER, rights=dict.fromkeys(CLUSTER.rights)))
    (finding,) = look("doctor.role", facts)
    assert finding.status is UNKNOWN


@pytest.mark.parametrize(("is_there", "status"), [(True, None), (False, FAILED), (None, UNKNOWN)])
def test_pull_secret_is_looked_for(is_there: bool | None, status: Status | None) -> None:
    well = of_cluster()
    assert well.cluster is not None
    facts = replace(well, cluster=replace(well.cluster, secrets={"registry": is_there}))
    findings = look("doctor.images", facts)
    assert [finding.status for finding in findings] == ([status] if status else [])


def test_an_image_that_is_named_by_a_tag_is_warned_about() -> None:
    tagged = {"images": {name: {"reference": "example/lab:1"} for name in ("lab", "sci")}}
    node = render_node()
    node["status"]["images"] = [{"names": ["docker.io/example/lab:1"]}]
    findings = look("doctor.images", of_cluster(tagged, nodes=(node,)))
    assert [finding.status for finding in findings] == [WARNING, WARNING]
    assert "images.lab.reference" in findings[0].fix


@pytest.mark.parametrize("seconds", [6.0, -6.0])
def test_clock_of_the_api_server_is_compared(seconds: float) -> None:
    facts = DoctorFacts(cluster=replace(CLUSTER, ahead_seconds=seconds))
    (finding,) = look("doctor.clock.cluster", facts)
    assert (finding.status, "API server" in finding.what) == (WARNING, True)


def test_an_api_server_without_a_time_is_unknown() -> None:
    facts = DoctorFacts(cluster=replace(CLUSTER, answered_at=None))
    (finding,) = look("doctor.clock.cluster", facts)
    assert finding.status is UNKNOWN


# -- what is not counted as wrong -----------------------------------------------------------------


def test_a_node_of_a_pool_without_one_is_looked_at_where_it_was_saved() -> None:
    facts = of_cluster(nodes=(render_node(),))
    assert look("doctor.nodes", facts) != []
    assert look("doctor.nodes", replace(facts, absent_nodes=(render_gpu_node(),))) == []


@pytest.mark.parametrize("kind", ["nodes", "nodepools", "autoscalers"])
def test_missing_nodes_are_unknown_when_nodes_are_unreadable(kind: str) -> None:
    facts = of_cluster(NOWHERE, unread=kind)
    findings = look("doctor.nodes", replace(facts, absent_nodes=(render_node(),)))
    assert "no label pool=nowhere" in findings[-1].what
    assert {each.status for each in findings} == {UNKNOWN}


def test_a_node_that_takes_no_new_pods_fits_nothing() -> None:
    findings = look("doctor.nodes", of_cluster(nodes=(CORDONED, TAINTED, render_gpu_node())))
    assert [finding.what for finding in findings] == [
        f"Tier {tier} may run on no node. 1 of 3: it takes no new pods (cordoned); "
        "1 of 3: the taint nvidia.com/gpu; 1 of 3: the taint spot."
        for tier in ("small", "large")
    ]


@pytest.mark.parametrize(
    ("spec", "runs"),
    [
        ({}, True),
        ({"nodeSelector": {"pool": "gpu"}}, False),
        ({"tolerations": [{"operator": "Exists"}]}, True),
    ],
)
def test_only_daemonsets_that_run_on_a_node_take_from_it(spec: Any, runs: bool) -> None:
    tier = {"tiers": {"large": {"requests": {"cpu": 4}, "limits": {"cpu": 4}}}}
    daemons = (render_daemonset("agent", "1m", **spec),)
    assert bool(look("doctor.nodes", of_cluster(tier, daemonsets=daemons))) is runs


@pytest.mark.parametrize(
    "scope",
    [
        {"scopes": ["Terminating"]},
        {"scopes": ["BestEffort"]},
        {
            "scopeSelector": {
                "matchExpressions": [
                    {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
                ]
            }
        },
    ],
)
def test_a_quota_of_other_pods_is_none_of_ours(scope: Any) -> None:
    assert look("doctor.quota", of_cluster(resourcequotas=(quota(pods="0", **scope),))) == []


@pytest.mark.parametrize("name", ["pods", "count/pods"])
def test_advice_about_a_quota_of_pods_names_no_key_that_the_policy_does_not_have(
    name: str,
) -> None:
    findings = look("doctor.quota", of_cluster(resourcequotas=(quota(**{name: "0"}),)))
    of_tiers = [each.fix for each in findings if "of tier" in each.what]
    assert len(of_tiers) == len(TIERS)
    assert set(of_tiers) == {f"kubectl edit resourcequota most: raise spec.hard.{name}."}


def test_the_default_of_a_limit_range_counts_for_what_tiers_leave_open() -> None:
    most = quota(**{f"limits.{SCRATCH}": "1Gi"})
    assert look("doctor.quota", of_cluster(resourcequotas=(most,))) == []
    ranges = (limits(default={SCRATCH: "2Gi"}),)
    findings = look("doctor.quota", of_cluster(resourcequotas=(most,), limitranges=ranges))
    assert [
        f"tier {tier} asks for 2 GiB" in each.what
        for tier, each in zip(TIERS, findings, strict=True)
    ] == [True] * 3


def test_homes_of_no_tier_need_no_class_and_are_not_said_to_be_well() -> None:
    tier = {"tiers": {"small": {"home": None}}}
    facts = of_cluster(tier, storageclasses=())
    assert "doctor.storage" not in {result.check.code for result in examine(facts)}


def test_zones_that_may_not_be_read_are_unknown_to_volumes_that_are_made_at_once() -> None:
    at_once = (class_(volumeBindingMode="Immediate"),)
    (finding,) = look("doctor.storage", of_cluster(storageclasses=at_once, unread="nodes"))
    assert (finding.status, "may not be read (403)" in finding.what) == (UNKNOWN, True)
    assert look("doctor.storage", of_cluster(unread="nodes")) == []


@pytest.mark.parametrize("ready", ["False", "Unknown"])
def test_a_node_that_is_not_ready_fits_nothing_whatever_its_taints(ready: str) -> None:
    node = render_node()
    node["status"]["conditions"] = [{"type": "Ready", "status": ready}]
    findings = look("doctor.nodes", of_cluster(nodes=(node, render_gpu_node())))
    assert ["1 of 2: it is not ready" in each.what for each in findings] == [True, True]
    node["status"]["conditions"][0]["status"] = "True"
    assert look("doctor.nodes", of_cluster(nodes=(node, render_gpu_node()))) == []


def test_a_hub_without_a_proxy_of_its_own_is_looked_at_without_it() -> None:
    facts = of_cluster(deployments=(render_deployment("hub", ("http", 8081)),))
    assert look("doctor.network", facts) == []


@pytest.mark.parametrize(
    "rules",
    [
        (TO_PODS, TO_DNS, TO_API),
        (TO_PODS, TO_DNS, {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}),
        ({},),
        (TO_PODS, {"ports": [{"port": "dns", "protocol": "UDP"}]}, {"ports": [{"port": 443}]}),
    ],
)
def test_a_hub_that_gets_out_to_what_it_needs_is_well(rules: Any) -> None:
    policies = (OF_HUB, OF_SERVERS, let_out(*rules))
    assert look("doctor.network", of_cluster(networkpolicies=policies)) == []


@pytest.mark.parametrize("name", ["hub", "other"])
def test_a_hub_that_stays_in_its_namespace_reaches_neither(name: str) -> None:
    own = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
    policies = (OF_HUB, OF_SERVERS, let_out(TO_PODS, {"to": [own]}))
    findings = look("doctor.network", of_cluster(networkpolicies=policies))
    # Another namespace may be that of DNS, whose address is not known here.
    assert [each.status for each in findings] == [FAILED, FAILED if name == "hub" else UNKNOWN]


@pytest.mark.parametrize(
    "template", [render_template("pair", count=2), requests("gpu", "gpu"), alternatives(2)]
)
def test_a_template_that_gives_what_is_counted_is_well(template: Any) -> None:
    assert look("doctor.devices", of_cluster(PAIR, resourceclaimtemplates=(template,))) == []


def test_a_policy_without_devices_needs_nothing_for_them() -> None:
    nothing: dict[str, Any] = {"deviceapi": (), "resourceclaimtemplates": (), "deviceclasses": ()}
    assert look("doctor.devices", of_cluster(**nothing)) == []


def test_devices_of_claims_are_not_expected_on_nodes_or_in_quotas_of_requests() -> None:
    fabric = "example.org/fabric"
    devices = [{"name": "fabric", "template": "pair", "resource": fabric, "count": 2}]
    policy = {"quota": {fabric: 4}, "tiers": {"large": {"devices": devices}}}
    none = quota(**{f"requests.{fabric}": 0})
    facts = of_cluster(policy, resourcequotas=(none,), nodes=(render_node(), render_gpu_node()))
    assert [look(f"doctor.{name}", facts) for name in ("nodes", "quota", "devices")] == [[]] * 3
    requested = {"tiers": {"small": {"limits": {fabric: 1}}}}
    facts = of_cluster(policy, requested, resourcequotas=(none,))
    assert len(look("doctor.quota", facts)) == 2
