"""What a cluster says of amounts is read as it means it; what cannot be read is unknown."""

from dataclasses import replace
from typing import Any

import pytest

from jupyterhub_platform.deploy.doctor.facts import File
from jupyterhub_platform.deploy.doctor.findings import Status
from jupyterhub_platform.documents import parse_policy
from tests.deploy.facts import look, of_cluster, render_daemonset, render_node
from tests.support.policies import GPU

FAILED, WARNING, UNKNOWN = Status.FAILED, Status.WARNING, Status.UNKNOWN
LARGE = {"quota": {"cpu": None, "servers": None}}
"""No limit on everybody: only tiers are compared with a ResourceQuota."""


def quota(spec: dict[str, Any] | None = None, **hard: Any) -> dict[str, Any]:
    return {"metadata": {"name": "most"}, "spec": {"hard": hard, **(spec or {})}}


def limits(kind: str = "Container", **entry: Any) -> dict[str, Any]:
    return {"metadata": {"name": "bounds"}, "spec": {"limits": [{"type": kind, **entry}]}}


def pod(name: str = "hub", cpu: str = "50m", **spec: Any) -> dict[str, Any]:
    """Return a pod that is no server."""
    asked = {"cpu": cpu, "memory": "512Mi"}
    container = {"name": "main", "resources": {"requests": asked, "limits": asked}}
    return {
        "metadata": {"name": f"{name}-1", "labels": {"component": name}},
        "spec": {"containers": [container], **spec},
        "status": {"phase": "Running"},
    }


def claim(name: str, size: str, **labels: str) -> dict[str, Any]:
    spec = {"resources": {"requests": {"storage": size}}, "storageClassName": "fast"}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def said(code: str, *changes: Any, **objects: Any) -> list[tuple[Status, str]]:
    findings = look(code, of_cluster(LARGE, *changes, **objects))
    return [(each.status, each.what) for each in findings]


# -- what Kubernetes takes is never well because it could not be read -----------------------------


@pytest.mark.parametrize(
    "maximum",
    ["100Mi", "0.1Gi", "107374182400m", ".1Gi", "1e8", "1E8", "+100M", "00100Mi", "1k", "5"],
)
def test_a_quota_of_any_notation_refuses_what_is_larger(maximum: str) -> None:
    found = said("doctor.quota", resourcequotas=(quota(**{"requests.memory": maximum}),))
    assert [status for status, _ in found] == [FAILED] * 3


@pytest.mark.parametrize(
    "maximum", ["4Gi", "4.0000001Gi", "4294967296", "4294967296000m", "5e9", "1E"]
)
def test_a_quota_of_any_notation_lets_pass_what_is_smaller(maximum: str) -> None:
    assert said("doctor.quota", resourcequotas=(quota(**{"limits.memory": maximum}),)) == []


@pytest.mark.parametrize("amount", ["banana", "-1", "", None, {}, [], "1 Gi", True])
@pytest.mark.parametrize(
    ("code", "objects"),
    [
        ("doctor.quota", lambda amount: {"resourcequotas": (quota(pods=amount),)}),
        ("doctor.quota", lambda amount: {"resourcequotas": (quota(**{"limits.cpu": amount}),)}),
        ("doctor.limits", lambda amount: {"limitranges": (limits(max={"cpu": amount}),)}),
        ("doctor.limits", lambda amount: {"limitranges": (limits(default={"cpu": amount}),)}),
        (
            "doctor.limits",
            lambda amount: {"limitranges": (limits(maxLimitRequestRatio={"cpu": amount}),)},
        ),
    ],
)
def test_a_bound_that_cannot_be_read_is_unknown(code: str, objects: Any, amount: Any) -> None:
    ((status, what),) = said(code, **objects(amount))
    assert (status, "cannot be read" in what) == (UNKNOWN, True)


@pytest.mark.parametrize("amount", ["banana", "-1", None])
def test_a_node_that_does_not_say_what_it_has_is_unknown(amount: Any) -> None:
    node = render_node()
    node["status"]["allocatable"]["memory"] = amount
    *found, gpu = said("doctor.nodes", nodes=(node,))
    assert [status for status, _ in found] == [UNKNOWN] * 2
    assert all("memory" in what for _, what in found)
    assert gpu[0] is FAILED, "whatever it has, it is none of the tier's nodes"


def test_a_daemonset_whose_requests_cannot_be_read_leaves_unknown_what_is_left() -> None:
    found = said("doctor.nodes", daemonsets=(render_daemonset("agent", "banana"),))
    assert {status for status, _ in found} == {UNKNOWN}


def test_a_node_says_less_than_a_unit_of_what_it_has() -> None:
    node = render_node()
    node["status"]["allocatable"]["memory"] = "0.7Gi"
    ((_, what), *_) = said("doctor.nodes", nodes=(node,))
    assert "of which 716.8 MiB are left" in what


# -- what Hub and proxy hold of a quota -----------------------------------------------------------

RUNNING = (pod("hub"), pod("proxy", "20m"))


@pytest.mark.parametrize(
    ("hard", "words"),
    [
        ({"limits.cpu": "2050m"}, "tier large asks for 2 CPU (limits.cpu)"),
        ({"requests.cpu": "2069m"}, "0.07 CPU of which Hub, proxy and others hold"),
        ({"cpu": "2050m"}, "tier large asks for 2 CPU (cpu)"),
    ],
)
def test_a_quota_that_hub_and_proxy_hold_a_part_of_refuses_what_fits_alone(
    hard: dict[str, str], words: str
) -> None:
    quotas = (quota(**hard),)
    assert said("doctor.quota", resourcequotas=quotas, deployments=()) == []
    ((status, what),) = said("doctor.quota", resourcequotas=quotas, pods=RUNNING)
    assert (status, words in what) == (FAILED, True)
    raised = (quota(**dict.fromkeys(hard, "2070m")),)
    assert said("doctor.quota", resourcequotas=raised, pods=RUNNING) == []


@pytest.mark.parametrize("name", ["pods", "count/pods"])
def test_pods_of_hub_and_proxy_are_not_called_servers(name: str) -> None:
    policy = {"quota": {"servers": 12}}
    quotas = (quota(**{name: "10"}),)
    ((status, what),) = said("doctor.quota", policy, resourcequotas=quotas, pods=RUNNING)
    assert status is WARNING
    assert "together hold 12 servers (servers)" in what
    assert "allows 10 pods, 2 of which Hub, proxy and others hold." in what


# -- advice names the key that is there -----------------------------------------------------------

WRITTEN = """\
version: 1
users: {root: {level: admin}}
groups: {vision: {members: [root]}}
images: {lab: {reference: example/lab:1}}
defaults: {home: {size: 50Gi}}
tiers:
  small: {requests: {cpu: 1, memory: 4Gi}, images: [lab]}
  own: {limits: {cpu: 1, memory: 1Gi}, images: [lab], home: {size: 60Gi, storage_class: gone}}
"""


def fixes(code: str, **objects: Any) -> list[str]:
    policy = parse_policy(WRITTEN.encode(), "platform.yaml").policy
    facts = of_cluster(**objects)
    return [each.fix for each in look(code, replace(facts, file=File("platform.yaml", policy)))]


@pytest.mark.parametrize(
    ("hard", "keys"),
    [
        ({"requests.storage": "1Gi"}, ["defaults.home.size", "tiers.own.home.size"]),
        ({"persistentvolumeclaims": "0"}, ["defaults.home", "tiers.own.home"]),
        ({"limits.cpu": "500m"}, ["tiers.small.requests.cpu", "tiers.own.limits.cpu"]),
        ({"requests.cpu": "500m"}, ["tiers.small.requests.cpu", "tiers.own.limits.cpu"]),
    ],
)
def test_advice_about_a_quota_names_the_key_that_the_file_has(
    hard: dict[str, str], keys: list[str]
) -> None:
    found = fixes("doctor.quota", resourcequotas=(quota(**hard),), deployments=(), pods=())
    verb = "remove" if keys[0].endswith("home") else "lower"
    assert [fix.partition("; or ")[2] for fix in found] == [
        f"{verb} {key} in the policy." for key in keys
    ]


def test_advice_about_a_limit_range_names_the_key_that_the_file_has() -> None:
    volumes = limits("PersistentVolumeClaim", max={"storage": "1Gi"})
    assert [fix.split()[1] for fix in fixes("doctor.limits", limitranges=(volumes,))] == [
        "defaults.home.size",
        "tiers.own.home.size",
    ]
    containers = limits(max={"cpu": "500m"})
    assert [fix.split()[1] for fix in fixes("doctor.limits", limitranges=(containers,))] == [
        "tiers.small.requests.cpu",
        "tiers.own.limits.cpu",
    ]


def test_advice_about_storage_classes_names_the_key_that_the_file_has() -> None:
    none, gone = fixes("doctor.storage", storageclasses=())
    assert "or name one as defaults.home.storage_class in the policy" in none
    assert "as tiers.own.home.storage_class in the policy" in gone


@pytest.mark.parametrize("name", ["pods", "count/pods"])
def test_pods_are_counted_with_hub_and_proxy(name: str) -> None:
    found = said("doctor.quota", resourcequotas=(quota(**{name: "2"}),), pods=RUNNING)
    assert [status for status, _ in found] == [FAILED] * 3
    assert said("doctor.quota", resourcequotas=(quota(**{name: "3"}),), pods=RUNNING) == []


def test_a_hub_that_does_not_run_now_will_hold_its_part() -> None:
    # Nothing runs, and two Deployments want a pod each.
    found = said("doctor.quota", resourcequotas=(quota(pods="2"),), pods=())
    assert [status for status, _ in found] == [FAILED] * 3


def test_resources_of_hub_and_proxy_are_taken_off_the_quota() -> None:
    policy = {"quota": {"cpu": 4, "servers": None}}
    facts = {"resourcequotas": (quota(cpu="4"),), "pods": RUNNING}
    ((status, what),) = said("doctor.quota", policy, **facts)
    assert status is WARNING
    assert "allows 4 CPU, 0.07 CPU of which Hub, proxy and others hold." in what


@pytest.mark.parametrize(
    ("hard", "size"),
    [
        ({"requests.storage": "10.5Gi"}, "1 GiB"),
        ({"persistentvolumeclaims": "1"}, "1"),
        ({"count/persistentvolumeclaims": "1"}, "1"),
        ({"fast.storageclass.storage.k8s.io/requests.storage": "10.5Gi"}, "1 GiB"),
        ({"fast.storageclass.storage.k8s.io/persistentvolumeclaims": "1"}, "1"),
    ],
)
def test_the_volume_of_the_hub_counts_beside_homes(hard: dict[str, str], size: str) -> None:
    own = (claim("hub-db-dir", "1Gi", component="hub"),)
    homes = (claim("claim-kim", "10Gi", component="singleuser-storage"),)
    quotas = (quota(**hard),)
    ((status, what),) = said("doctor.quota", resourcequotas=quotas, persistentvolumeclaims=own)
    assert (status, f"{size} of which Hub, proxy and others hold" in what) == (FAILED, True)
    assert said("doctor.quota", resourcequotas=quotas, persistentvolumeclaims=homes) == []


def scoped(operator: str, *values: str) -> dict[str, Any]:
    expression = {"scopeName": "PriorityClass", "operator": operator, "values": list(values)}
    return {"scopeSelector": {"matchExpressions": [expression]}}


DEFAULT = {"metadata": {"name": "usual"}, "globalDefault": True}


@pytest.mark.parametrize(
    ("scope", "classes", "refused"),
    [
        (scoped("In", "usual"), (DEFAULT,), True),
        (scoped("In", "usual"), (), False),
        (scoped("Exists"), (DEFAULT,), True),
        (scoped("Exists"), (), False),
        (scoped("NotIn", "other"), (), True),
        (scoped("DoesNotExist"), (), True),
        ({"scopes": ["NotTerminating"]}, (), True),
        ({"scopes": ["NotBestEffort", "NotTerminating"]}, (), True),
        ({"scopes": ["Terminating"]}, (), False),
    ],
)
def test_a_scoped_quota_refuses_what_is_in_its_scope(
    scope: dict[str, Any], classes: Any, refused: bool
) -> None:
    found = said("doctor.quota", resourcequotas=(quota(scope, pods="0"),), priorityclasses=classes)
    assert [status for status, _ in found] == [FAILED] * (3 if refused else 0)


def test_pods_outside_the_scope_of_a_quota_are_not_counted() -> None:
    ending = (pod("job", activeDeadlineSeconds=60),)
    quotas = (quota({"scopes": ["NotTerminating"]}, pods="1"),)
    facts = {"resourcequotas": quotas, "deployments": ()}
    assert said("doctor.quota", pods=ending, **facts) == []
    assert len(said("doctor.quota", pods=RUNNING[:1], **facts)) == 3


@pytest.mark.parametrize(
    "name", ["ephemeral-storage", "requests.ephemeral-storage", "limits.ephemeral-storage"]
)
def test_scratch_space_is_counted_under_each_of_its_names(name: str) -> None:
    tier = {"tiers": {"small": {"limits": {"ephemeral-storage": "10Gi"}}}}
    ((status, what),) = said("doctor.quota", tier, resourcequotas=(quota(**{name: "5Gi"}),))
    assert (status, f"asks for 10 GiB ephemeral-storage ({name})" in what) == (FAILED, True)


@pytest.mark.parametrize("maximum", ["500m", "0"])
def test_a_part_of_a_device_is_none(maximum: str) -> None:
    ((status, what),) = said(
        "doctor.quota", resourcequotas=(quota(**{f"requests.{GPU}": maximum}),)
    )
    assert (status, "tier gpu asks for 1 GPU" in what) == (FAILED, True)


def test_devices_of_claims_are_counted_by_their_class() -> None:
    devices = [{"name": "gpu", "template": "pair", "resource": GPU, "count": 2}]
    policy = {"tiers": {"large": {"devices": devices}}}
    name = "gpu.example.org.deviceclass.resource.k8s.io/devices"
    ((status, what),) = said("doctor.quota", policy, resourcequotas=(quota(**{name: "1"}),))
    assert (status, f"tier large asks for 2 ({name})" in what) == (FAILED, True)
    assert said("doctor.quota", policy, resourcequotas=(quota(**{name: "2"}),)) == []


@pytest.mark.parametrize("kind", ["pods", "persistentvolumeclaims"])
def test_quota_is_unknown_when_the_pods_of_others_cannot_be_read(kind: str) -> None:
    (finding,) = look("doctor.quota", of_cluster(LARGE, unread=kind, resourcequotas=(quota(),)))
    assert finding.status is UNKNOWN
    assert look("doctor.quota", of_cluster(LARGE, unread=kind)) == []
