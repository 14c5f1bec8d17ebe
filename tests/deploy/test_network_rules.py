"""Who may speak to whom, by NetworkPolicies: the rules of Kubernetes, one at a time."""

from typing import Any

import pytest

from jupyterhub_platform.deploy.network_rules import Network, Party

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


def test_what_no_policy_selects_may_be_reached_by_all() -> None:
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
