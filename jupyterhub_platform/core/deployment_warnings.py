"""Warns of deployments that are valid and probably mistaken: tiers that no node has room for."""

from collections.abc import Iterator, Mapping
from typing import Final

from jupyterhub_platform.core.document.faults import join
from jupyterhub_platform.core.document.schema_deployment import ON_AWS, DeclaredDeployment
from jupyterhub_platform.core.errors import Fault
from jupyterhub_platform.core.node_capacity import parse_capacity, usable
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.policy_warnings import place_warning
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.resource_names import CPU, MEMORY, SERVERS
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.tiers import Tier

_COUNTED: Final = (CPU, MEMORY)


def find_deployment_warnings(
    policy: Policy, deployment: DeclaredDeployment | None
) -> Iterator[Fault]:
    """Yield what is probably a mistake, with the line of the policy file where there is one."""
    if deployment is None or not deployment.is_on_cluster:
        return
    nodes = {
        name: usable(parse_capacity(pool.capacity), pool.instance or "")
        for name, pool in deployment.pools.items()
    }
    if nodes:
        for tier in policy.tiers.values():
            yield from _check_tier(policy, tier, nodes)
        yield from _check_quota(policy, deployment, nodes)
    if deployment.target in ON_AWS and deployment.database_kind == "sqlite":
        what = "SQLite is on a volume of one zone, and the Hub with it"
        yield place_warning(policy, ("deployment", "database"), what, "write kind: postgresql")
    if not deployment.alerts:
        what = "no user is told when something is wrong"
        yield place_warning(policy, ("deployment",), what, "write alerts: [NAME@HOST] below it")


def _check_tier(policy: Policy, tier: Tier, nodes: Mapping[str, Resources]) -> Iterator[Fault]:
    for variant in tier.variants:
        demand = {name: each for name, each in variant.requests.items() if name != SERVERS}
        if any(_fits(demand, node) for node in nodes.values()):
            continue
        size = f" in the size {variant.size}" if variant.size else ""
        left = join(f"{name} leaves {_say(node, demand)}" for name, node in nodes.items())
        what = f"no node has room for it{size}: it asks for {_say(demand, demand)}, and {left}"
        yield place_warning(
            policy, ("tiers", tier.name), what, "ask for less, or add a pool of larger nodes"
        )


def _check_quota(
    policy: Policy, deployment: DeclaredDeployment, nodes: Mapping[str, Resources]
) -> Iterator[Fault]:
    """Compare what all users may hold with what all nodes leave."""
    for name in _COUNTED:
        allowed = policy.quota.quota.get(name)
        each = (node.amount(name) * deployment.pools[pool].nodes for pool, node in nodes.items())
        total = sum(each)
        if allowed is not None and allowed > total:
            may, left = describe_amount(name, allowed), describe_amount(name, total)
            what = f"all users together may hold {may}, and the pools leave {left}"
            fix = "lower it, so that a denial says so first"
            yield place_warning(policy, ("quota", name), what, fix)


def _fits(demand: Mapping[str, int], node: Resources) -> bool:
    return all(amount <= node.amount(name) for name, amount in demand.items())


def _say(amounts: Mapping[str, int], names: Mapping[str, int]) -> str:
    return join(describe_amount(name, amounts.get(name, 0)) for name in names)
