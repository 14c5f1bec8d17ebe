"""Whether a namespace's own rules refuse what the policy admits: ResourceQuota and LimitRange."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.resources import CPU, MEMORY, SERVERS
from jupyterhub_platform.core.tiers import Tier
from jupyterhub_platform.deploy.amounts import Amounts, amounts_of, read_amounts, say
from jupyterhub_platform.deploy.facts import Cluster, Facts
from jupyterhub_platform.deploy.findings import Finding, failed, unread, warning
from jupyterhub_platform.deploy.scheduling import matches, name_of
from jupyterhub_platform.deploy.storage_classes import is_default

_OF_CLASS: Final = ".storageclass.storage.k8s.io/"
_CLAIMS: Final = "count/resourceclaims.resource.k8s.io"


def look_at_quotas(facts: Facts) -> Iterator[Finding]:
    """Find out which tiers no ResourceQuota will ever admit."""
    cluster, policy = facts.cluster, facts.policy
    if cluster is None or policy is None:
        return
    quotas, ranges = cluster.of("resourcequotas"), cluster.of("limitranges")
    yield from unread("ResourceQuotas", quotas, "One that is smaller than a tier refuses it.")
    default = _find_default_class(cluster)
    for quota in quotas.listed:
        hard = read_amounts(part(quota, "spec", "hard"))
        for tier in policy.tiers.values():
            if _counts(quota, tier):
                amounts = amounts_of(tier, ranges.listed)
                asked = _asked(tier, amounts, default)
                yield from _look_at_tier(name_of(quota), hard, tier, asked)
        if not part(quota, "spec", "scopeSelector") and not part(quota, "spec").get("scopes"):
            yield from _look_at_platform(name_of(quota), hard, policy)


def _counts(quota: Manifest, tier: Tier) -> bool:
    """Tell whether a quota counts servers of ``tier``: without an end, with requests."""
    spec = part(quota, "spec")
    expressions: list[Mapping[str, Any]] = [
        *({"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()),
        *items(part(spec, "scopeSelector"), "matchExpressions"),
    ]
    return all(_is_in_scope(each, tier) for each in expressions)


def _is_in_scope(expression: Mapping[str, Any], tier: Tier) -> bool:
    match expression.get("scopeName"):
        case "Terminating" | "BestEffort" | "CrossNamespacePodAffinity":
            return False
        case "PriorityClass":
            labels = {"priority": tier.pod.priority_class} if tier.pod.priority_class else {}
            return matches({**expression, "key": "priority"}, labels)
        case _:
            return True


def _look_at_tier(
    quota: str, hard: Mapping[str, int], tier: Tier, asked: Mapping[str, int]
) -> Iterator[Finding]:
    for name, most in sorted(hard.items()):
        if asked.get(name, 0) > most:
            yield failed(
                f"A server of tier {tier.name} asks for {say(name, asked[name])} ({name}), and the "
                f"ResourceQuota {quota} allows {say(name, most)} to all together.",
                "No server of that tier can ever start.",
                f"kubectl edit resourcequota {quota}: raise spec.hard.{name}; or lower "
                f"{_key(name)} of tiers.{tier.name} in the policy.",
            )


def _find_default_class(cluster: Cluster) -> str:
    """Return the class of homes that name none; empty where it is not known."""
    defaults = [name_of(each) for each in cluster.of("storageclasses").listed if is_default(each)]
    return defaults[0] if len(defaults) == 1 else ""


def _asked(tier: Tier, amounts: Amounts, default_class: str) -> dict[str, int]:
    """Return what one server uses up of a quota, by the names that a quota has for it."""
    asked = {"pods": 1, "count/pods": 1}
    asked |= {name: amount for name, amount in amounts.requests.items() if name in {CPU, MEMORY}}
    asked |= {f"requests.{name}": amount for name, amount in amounts.requests.items()}
    asked |= {f"limits.{name}": amount for name, amount in amounts.limits.items()}
    if (home := tier.pod.home) is not None:
        asked |= {"persistentvolumeclaims": 1, "count/persistentvolumeclaims": 1}
        asked["requests.storage"] = home.size
        if name := home.storage_class or default_class:
            asked[f"{name}{_OF_CLASS}requests.storage"] = home.size
            asked[f"{name}{_OF_CLASS}persistentvolumeclaims"] = 1
    if tier.pod.devices:
        asked[_CLAIMS] = len(tier.pod.devices)
    return asked


def _key(name: str) -> str:
    """Return the key of a tier that a name of a quota is about."""
    if name == _CLAIMS:
        return "devices"
    if name.endswith("persistentvolumeclaims"):
        return "home"
    kind, _, resource = name.partition(".")
    if "storage" in name and "ephemeral" not in name:
        return "home.size"
    return f"{kind}.{resource}" if kind in {"requests", "limits"} else f"requests.{name}"


def _look_at_platform(quota: str, hard: Mapping[str, int], policy: Policy) -> Iterator[Finding]:
    """Compare what everybody together may hold, by the policy and by the namespace."""
    requested = {name for tier in policy.tiers.values() for name in tier.requests}
    claimed = {name for tier in policy.tiers.values() for name in tier.devices}
    for name, most in policy.quota.quota.items():
        if name in claimed - requested:
            continue  # a ResourceQuota counts requests: what comes by claims is none of them
        names = ("pods", "count/pods") if name == SERVERS else (f"requests.{name}", name)
        allowed = min((hard[each] for each in names if each in hard), default=None)
        if allowed is not None and most is not None and most > allowed:
            yield warning(
                f"The policy lets everybody together hold {say(name, most)} ({name}), and the "
                f"ResourceQuota {quota} allows {say(name, allowed)}.",
                "What the policy admits last is refused by the cluster, without what would fit.",
                f"Lower quota.{name} in the policy, or raise it: kubectl edit resourcequota "
                f"{quota}",
            )
