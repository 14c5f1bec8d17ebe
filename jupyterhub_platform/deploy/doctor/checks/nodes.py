"""Checks that every tier has a node: one that it may run on, with as much as it asks for."""

from collections.abc import Iterator, Mapping, Sequence

from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.core.offers import list_variants
from jupyterhub_platform.core.tiers import Tier, pod_amounts
from jupyterhub_platform.deploy.doctor.facts import Cluster, DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Finding, failed, unknown, unread
from jupyterhub_platform.deploy.doctor.rules.amounts import describe
from jupyterhub_platform.deploy.doctor.rules.scheduling import (
    PODS,
    find_obstacle,
    left_on,
    name_of,
    spec_of,
)


def check_nodes(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out which tiers fit no node, those included that are not there now but were named."""
    cluster, policy = facts.cluster, facts.policy
    if cluster is None or policy is None:
        return
    nodes, daemons = cluster.of("nodes"), cluster.of("daemonsets")
    yield from unread("Nodes", nodes, "A tier that fits none of them never starts.")
    yield from unread(
        "DaemonSets", daemons, "What they need on each node is not taken off: less may be left."
    )
    if nodes.unread and not facts.absent_nodes:
        return
    present = [*nodes.listed, *facts.absent_nodes]
    if not present:
        yield _judge("There is no node.", "Add one.", cluster)
        return
    left = [left_on(node, daemons.listed) for node in present]
    for tier in list_variants(policy):
        misfit = _find_misfit(tier, present, left)
        node, unread_name = _find_doubt(tier, present, left) if misfit else ("", "")
        if node:
            yield unknown(
                f"Whether tier {tier.label} fits the node {node} is not known: how much "
                f"{unread_name} it has, or what runs on every node asks for, cannot be read.",
                "If no other node fits, servers wait until they time out.",
                f"kubectl describe node {node}, and the DaemonSets there.",
            )
        elif misfit:
            fix = (
                f"Change {tier.path} in the policy (requests, node_selector, node_affinity, "
                "tolerations; kubectl get nodes --show-labels), or add such a node."
            )
            yield _judge(misfit, fix, cluster)


def _judge(misfit: str, fix: str, cluster: Cluster) -> Finding:
    """Say that no node fits: unknown where one may come that cannot be looked at."""
    absent = "kubectl get node NAME -o json > node.json; then jhp doctor --absent-node node.json"
    if _may_have_others(cluster):
        return unknown(
            f"{misfit} Others may be there, or come when they are needed: that cannot be read "
            "here.",
            "If no pool offers such a node, servers wait until they time out.",
            f"While a pool has a node: {absent}",
        )
    return failed(
        misfit,
        "Servers wait until they time out.",
        f"{fix} A node of a pool that has none now can be named: {absent}",
    )


def _may_have_others(cluster: Cluster) -> bool:
    """Tell whether there may be nodes that are not seen, or come when they are needed.

    By Karpenter, or the cluster autoscaler; what cannot be read may be there.
    """
    adding = [cluster.of("nodepools"), cluster.of("autoscalers")]
    return any(each.listed or each.unread for each in adding) or bool(cluster.of("nodes").unread)


def _find_unreadiness(node: Manifest) -> str:
    """Say that a node is not ready, also while nothing has tainted it for that."""
    ready = {
        each.get("type"): each.get("status") for each in items(part(node, "status"), "conditions")
    }
    return "" if ready.get("Ready", "True") == "True" else "it is not ready"


def _find_doubt(
    tier: Tier, nodes: Sequence[Manifest], left: Sequence[Mapping[str, int | None]]
) -> tuple[str, str]:
    """Return a node that ``tier`` may fit, and the resource of it that cannot be read."""
    asked = {**{n: a for n, a in pod_amounts(tier).requests.items() if a}, PODS: 1}
    for node, has in zip(nodes, left, strict=True):
        unread = [name for name in asked if has.get(name, 0) is None]
        fits = all((amount := has.get(n, 0)) is None or amount >= a for n, a in asked.items())
        if unread and fits and not find_obstacle(spec_of(tier.pod), node):
            return name_of(node), unread[0]
    return "", ""


def _find_misfit(
    tier: Tier, nodes: Sequence[Manifest], left: Sequence[Mapping[str, int | None]]
) -> str:
    """Say why ``tier`` fits none of the nodes; empty if it fits one."""
    asked = {**{n: a for n, a in pod_amounts(tier).requests.items() if a}, PODS: 1}
    obstacles: dict[str, int] = {}
    lacks: list[tuple[list[str], str]] = []
    for node, has in zip(nodes, left, strict=True):
        if obstacle := find_obstacle(spec_of(tier.pod), node) or _find_unreadiness(node):
            obstacles[obstacle] = obstacles.get(obstacle, 0) + 1
            continue
        lacking = [
            f"{describe(name, amount)} ({name}), of which "
            f"{describe(name, max(has.get(name) or 0, 0))} are "
            "left"
            for name, amount in asked.items()
            if (has.get(name, 0) or 0) < amount
        ]
        if not lacking:
            return ""
        lacks.append((lacking, name_of(node)))
    if lacks:
        lacking, best = min(lacks, key=lambda lack: len(lack[0]))
        return (
            f"Tier {tier.label} fits no node: it asks for {' and for '.join(lacking)} on the best "
            f"one, {best}, beside what runs on every node."
        )
    reasons = "; ".join(
        f"{count} of {len(nodes)}: {why}" for why, count in sorted(obstacles.items())
    )
    return f"Tier {tier.label} may run on no node. {reasons}."
