"""Who may speak to whom, by NetworkPolicies: the rules of Kubernetes, one at a time."""

from typing import Any

import pytest

from jupyterhub_platform.deploy.doctor.findings import Status
from jupyterhub_platform.deploy.doctor.rules.network_rules import Network, Party
from tests.deploy.facts import look, of_cluster, render_policy

FAILED, WARNING, UNKNOWN = Status.FAILED, Status.WARNING, Status.UNKNOWN

HUB = Party("the Hub", {"component": "hub", "network-access": "true"}, {"http": 8081})
SERVER = Party("servers", {"component": "singleuser-server"}, {"notebook-port": 8888})
NAMESPACE = {"kubernetes.io/metadata.name": "hub"}
OF_SERVERS = {"podSelector": {"matchLabels": {"component": "singleuser-server"}}}
OF_HUB = {"podSelector": {"matchLabels": {"component": "hub"}}}
FROM_HUB = {"from": [{"podSelector": {"matchLabels": {"network-access": "true"}}}]}


def policy(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "spec": spec}


def ask(*policies: dict[str, Any]) -> tuple[bool | None, str]:
    """Ask whether the Hub may open a connection to port 8888 of a server."""
    return Network(policies, NAMESPACE).lets(HUB, SERVER, 8888)


def test_pod_that_no_network_policy_selects_is_reachable() -> None:
    assert ask() == (True, "")
    assert ask(policy(**OF_HUB, policyTypes=["Ingress"])) == (True, "")


@pytest.mark.parametrize(
    ("rule", "lets"),
    [
        ({}, True),
        (FROM_HUB, True),
        ({**FROM_HUB, "ports": [{"port": "notebook-port"}]}, True),
        ({**FROM_HUB, "ports": [{"port": "http"}]}, False),
        ({**FROM_HUB, "ports": [{"port": 8000, "endPort": 9000}]}, True),
        ({**FROM_HUB, "ports": [{"port": 8000, "endPort": 8887}]}, False),
        ({**FROM_HUB, "ports": [{"port": 8888, "protocol": "UDP"}]}, False),
        ({**FROM_HUB, "ports": [{"protocol": "TCP"}]}, True),
        ({"from": [{"podSelector": {"matchLabels": {"network-access": "no"}}}]}, False),
        ({"from": [{**FROM_HUB["from"][0], "namespaceSelector": {}}]}, True),
        ({"from": [{"namespaceSelector": {"matchLabels": NAMESPACE}}]}, True),
        ({"from": [{"namespaceSelector": {"matchLabels": {"team": "other"}}}]}, False),
        (
            {
                "from": [
                    {
                        "podSelector": {
                            "matchExpressions": [
                                {"key": "component", "operator": "In", "values": ["hub", "proxy"]}
                            ]
                        }
                    }
                ]
            },
            True,
        ),
        ({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}, True),
        ({"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}, None),
        ({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 1}]}, False),
    ],
)
def test_one_rule_decides_for_whom_it_selects(rule: dict[str, Any], lets: bool | None) -> None:
    answer = ask(policy(**OF_SERVERS, policyTypes=["Ingress"], ingress=[rule]))
    assert answer == (lets, "" if lets else "Ingress")


def test_policies_add_up() -> None:
    nobody = policy(podSelector={}, policyTypes=["Ingress"])
    assert ask(nobody) == (False, "Ingress")
    assert ask(nobody, policy(**OF_SERVERS, ingress=[FROM_HUB])) == (True, "")


def test_the_source_must_be_let_out_too() -> None:
    let_in = policy(**OF_SERVERS, ingress=[FROM_HUB])
    assert ask(let_in, policy(**OF_HUB, egress=[])) == (False, "Egress")
    out = policy(**OF_HUB, policyTypes=["Egress"], egress=[{"to": [OF_SERVERS]}])
    assert ask(let_in, out) == (True, "")
    assert ask(policy(**OF_SERVERS, ingress=[]), out) == (False, "Ingress")


def test_a_policy_without_types_is_about_what_it_says() -> None:
    assert ask(policy(**OF_HUB, ingress=[])) == (True, ""), "it says nothing of going out"
    assert ask(policy(**OF_SERVERS, egress=[])) == (False, "Ingress"), "incoming is always meant"


def out(component: str, *rules: Any) -> dict[str, Any]:
    selector = {"matchLabels": {"component": component}}
    spec = {"podSelector": selector, "policyTypes": ["Egress"], "egress": list(rules)}
    return {"metadata": {"name": f"{component}-out"}, "spec": spec}


RFC1918 = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.169.254/32"]
ELSEWHERE = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": RFC1918}}]}
"""What the chart lets servers out to: no private address."""
TO_HUB = {"to": [{"podSelector": {"matchLabels": {"component": "hub"}}}], "ports": [{"port": 8081}]}
BOTH = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
SYSTEM = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
OTHER = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}}
LABELLED = {"namespaceSelector": {"matchLabels": {"team": "platform"}}}


def select_namespaces(
    operator: str, *values: str, key: str = "kubernetes.io/metadata.name"
) -> dict[str, Any]:
    """Return a peer: what is in the namespaces whose label fulfils an expression."""
    expression = {"key": key, "operator": operator, **({"values": [*values]} if values else {})}
    return {"namespaceSelector": {"matchExpressions": [expression]}}


PODS_OF_DNS = {**SYSTEM, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
DNS = {
    "dns": ({"spec": {"clusterIPs": ["10.96.0.10"], "selector": {"k8s-app": "kube-dns"}}},),
    "dnsendpoints": ({"endpoints": [{"addresses": ["10.244.0.2"]}]},),
}
LET_IN = (
    render_policy("hub", "proxy", "singleuser-server"),
    render_policy("singleuser-server", "proxy", "hub"),
)


def look_for_dns(*rules: Any, component: str = "singleuser-server", **objects: Any) -> list[Status]:
    policies = (*LET_IN, out(component, *rules))
    findings = look("doctor.network", of_cluster(networkpolicies=policies, **objects))
    return [each.status for each in findings if "DNS" in each.what]


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        ((ELSEWHERE, TO_HUB), FAILED),
        ((TO_HUB,), FAILED),
        ((TO_HUB, {"to": [SYSTEM], "ports": BOTH}), None),
        ((TO_HUB, {"to": [PODS_OF_DNS], "ports": BOTH}), None),
        ((TO_HUB, {"to": [{"namespaceSelector": {}}], "ports": BOTH}), None),
        ((TO_HUB, {"ports": BOTH}), None),
        ((TO_HUB, {"to": [SYSTEM], "ports": BOTH[:1]}), WARNING),
        ((TO_HUB, {"to": [SYSTEM], "ports": BOTH[1:]}), FAILED),
        ((TO_HUB, {"to": [{"podSelector": {}}], "ports": BOTH}), FAILED),
        ((TO_HUB, {"to": [OTHER], "ports": BOTH}), FAILED),
        ((TO_HUB, {"to": [select_namespaces("In", "elsewhere")], "ports": BOTH}), FAILED),
        ((TO_HUB, {"to": [select_namespaces("NotIn", "kube-system")], "ports": BOTH}), FAILED),
        ((TO_HUB, {"to": [select_namespaces("DoesNotExist")], "ports": BOTH}), FAILED),
        ((TO_HUB, {"to": [select_namespaces("In", "a", "kube-system")], "ports": BOTH}), None),
        ((TO_HUB, {"to": [select_namespaces("Exists", key="team")], "ports": BOTH}), UNKNOWN),
        ((TO_HUB, {"to": [LABELLED], "ports": BOTH}), UNKNOWN),
        (
            (TO_HUB, {"to": [{**SYSTEM, "podSelector": {"matchLabels": {"k8s-app": "x"}}}]}),
            FAILED,
        ),
        ((TO_HUB, {"to": [{**SYSTEM, "podSelector": {"matchLabels": {"x": "y"}}}]}), UNKNOWN),
        ((TO_HUB, {"to": [{"ipBlock": {"cidr": "10.96.0.10/32"}}], "ports": BOTH}), None),
        ((TO_HUB, {"to": [{"ipBlock": {"cidr": "10.244.0.0/16"}}], "ports": BOTH}), None),
        ((TO_HUB, {"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "ports": BOTH}), FAILED),
        ((TO_HUB, {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 443}]}), FAILED),
    ],
)
@pytest.mark.parametrize("component", ["singleuser-server", "hub"])
def test_dns_that_is_denied_is_seen(component: str, rules: Any, status: Status | None) -> None:
    expected = None if (component, status) == ("hub", WARNING) else status
    found = look_for_dns(*rules, component=component, **DNS)
    assert found == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("block", "status"),
    [
        ({"cidr": "0.0.0.0/0"}, None),
        ({"cidr": "10.0.0.0/8"}, None),
        ({"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}, None),
        ({"cidr": "10.96.0.0/16"}, UNKNOWN),
        ({"cidr": "0.0.0.0/0", "except": RFC1918}, UNKNOWN),
        ({"cidr": "8.8.8.0/24"}, FAILED),
        ({"cidr": "banana"}, UNKNOWN),
    ],
)
def test_blocks_are_judged_by_usual_addresses_when_that_of_dns_is_unknown(
    block: Any, status: Status | None
) -> None:
    found = look_for_dns(TO_HUB, {"to": [{"ipBlock": block}], "ports": BOTH})
    assert found == ([status] if status else [])


@pytest.mark.parametrize("peers", [[OTHER], [{"namespaceSelector": {}}], [SYSTEM], [OTHER, SYSTEM]])
def test_a_namespace_may_have_dns_when_its_address_is_unknown(peers: Any) -> None:
    found = look_for_dns(TO_HUB, {"to": peers, "ports": BOTH})
    assert found == ([UNKNOWN] if peers == [OTHER] else [])
