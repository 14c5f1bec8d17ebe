"""Explains why a node accepts no pods: cordoned, unhealthy, new, or about to be removed.

Kubernetes, its autoscalers and network plugins use their own taints for that; a site's own taints
say which pods a node is for.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from jupyterhub_platform.core.causes import Cause, Who

_TAINT: Final = re.compile(r"taint", re.IGNORECASE)
_KEY: Final = re.compile(r"\{([A-Za-z0-9](?:[A-Za-z0-9._/-]{0,251}[A-Za-z0-9])?)\s*(?::|=|\})")


@dataclass(frozen=True, slots=True)
class NodeTrouble:
    """A temporary condition of a node; ``beside`` describes it in a clause."""

    matches: Callable[[str], object]
    cause: Cause
    beside: str


def list_keys(words: str) -> list[str]:
    """List the keys of the named taints."""
    return _KEY.findall(words)


def is_never_for_servers(words: str) -> bool:
    """Tell whether a taint reserves a node for the cluster itself."""
    return any(key in _OF_THE_CLUSTER for key in list_keys(words))


def is_of_the_site(words: str) -> bool:
    """Tell whether the scheduler may mean a taint of the site.

    From 1.36 on it does not name the taint; then it may be any.
    """
    is_known = any(trouble.matches(words) for trouble in TEMPORARY) or is_never_for_servers(words)
    return _TAINT.search(words) is not None and not is_known


def _match_taints(*keys: str, words: str = r"(?!)") -> Callable[[str], object]:
    """Match a reason that names one of these taints, or has these ``words``.

    A key that ends with ``*`` stands for every key with that beginning, one that begins with it for
    every key with that end.
    """
    known = re.compile("|".join(re.escape(key).replace(r"\*", ".*") for key in keys))
    pattern = re.compile(words, re.IGNORECASE)
    return lambda text: pattern.search(text) or any(map(known.fullmatch, list_keys(text)))


_COMES: Final = "Wait a few minutes, until it is ready or another one comes."
_LOOK: Final = "Ask an operator to look at the nodes, with kubectl describe nodes."
_OF_THE_CLUSTER: Final = frozenset(
    {
        "node-role.kubernetes.io/control-plane",
        "node-role.kubernetes.io/master",
        "node-role.kubernetes.io/etcd",
        "node-role.kubernetes.io/controlplane",
        "CriticalAddonsOnly",
    }
)
TEMPORARY: Final = (
    NodeTrouble(
        _match_taints(
            "node.cloudprovider.kubernetes.io/uninitialized",
            "karpenter.sh/unregistered",
            "startup-taint.cluster-autoscaler.kubernetes.io/*",
            "ignore-taint.cluster-autoscaler.kubernetes.io/*",
            "node.kubernetes.io/network-unavailable",
            "*/agent-not-ready",
        ),
        Cause(
            "cluster.node_starting",
            "A node that could run this server is still being set up.",
            Who.NOBODY,
            f"{_COMES} If nothing changes, {_LOOK[0].lower()}{_LOOK[1:]}",
        ),
        "still being set up",
    ),
    NodeTrouble(
        _match_taints(
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unreachable",
            "node.kubernetes.io/out-of-service",
            "node.cloudprovider.kubernetes.io/shutdown",
            "node.kubernetes.io/out-of-disk",
            words=r"node\(s\) (were not ready|had unknown conditions|were out of disk space)|"
            r"had unknown conditions",
        ),
        Cause(
            "cluster.node_not_ready",
            "A node that could run this server is not ready, or does not respond.",
            Who.OPERATOR,
            f"{_COMES} Otherwise {_LOOK[0].lower()}{_LOOK[1:]}",
        ),
        "not ready or not responding",
    ),
    NodeTrouble(
        _match_taints(
            "node.kubernetes.io/memory-pressure",
            "node.kubernetes.io/disk-pressure",
            "node.kubernetes.io/pid-pressure",
            words="had (memory|disk|pid) ?pressure",
        ),
        Cause(
            "cluster.node_pressure",
            "A node that could run this server is short of memory, disk or processes, and accepts "
            "no pods until that is over.",
            Who.OPERATOR,
            "Wait a few minutes: it may pass, and if the cluster adds nodes on demand, another one "
            f"comes. Otherwise {_LOOK[0].lower()}{_LOOK[1:]}",
        ),
        "short of memory, disk or processes",
    ),
    NodeTrouble(
        _match_taints(
            "ToBeDeletedByClusterAutoscaler",
            "DeletionCandidateOfClusterAutoscaler",
            "karpenter.sh/disruption",
            "karpenter.sh/disrupted",
            "cloud.google.com/impending-node-termination",
            "aws-node-termination-handler/*",
        ),
        Cause(
            "cluster.node_leaving",
            "A node that could run this server is about to be removed.",
            Who.NOBODY,
            "Wait a few minutes: if the cluster adds nodes on demand, another one comes. Otherwise "
            "choose another tier, or ask an operator to add a node.",
        ),
        "about to be removed",
    ),
    NodeTrouble(
        _match_taints(
            "node.kubernetes.io/unschedulable",
            words=r"were unschedulable|didn't satisfy plugin\(s\) \[NodeUnschedulable\]",
        ),
        Cause(
            "cluster.cordoned",
            "A node that could run this server is cordoned: it accepts no new pods.",
            Who.OPERATOR,
            "Operators cordon nodes for maintenance: wait until it is over, or ask an operator to "
            "uncordon the node, with kubectl uncordon.",
        ),
        "cordoned",
    ),
)
"""In order: the most likely to pass by itself first."""
