"""Checks that a namespace's own ResourceQuota and LimitRange admit what the policy admits."""

from collections.abc import Iterator, Mapping
from typing import Final

from jupyterhub_platform.core.manifests import part
from jupyterhub_platform.core.offers import list_variants
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.resource_names import SERVERS
from jupyterhub_platform.core.tiers import Tier
from jupyterhub_platform.deploy.doctor.facts import Cluster, DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Finding, failed, unread, warning
from jupyterhub_platform.deploy.doctor.rules.amounts import (
    OF_DEVICE_CLASS,
    Amounts,
    amounts_of,
    describe,
    find_unreadable,
    read_amounts,
)
from jupyterhub_platform.deploy.doctor.rules.policy_keys import policy_key
from jupyterhub_platform.deploy.doctor.rules.quota_scopes import (
    OF_CLASS,
    devices_by_class,
    find_default_priority,
    held_beside_servers,
    is_counted,
    is_native,
)
from jupyterhub_platform.deploy.doctor.rules.scheduling import name_of
from jupyterhub_platform.deploy.doctor.rules.storage_classes import is_default

_WHY_HELD: Final = "Less may be left for servers than they say."
_WHY_UNREADABLE: Final = "Whether it refuses a tier is not known."
_PODS: Final = ("pods", "count/pods")
_CLAIMS: Final = "count/resourceclaims.resource.k8s.io"


def check_quotas(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out which tiers no ResourceQuota will ever admit beside what runs all the time."""
    cluster, policy = facts.cluster, facts.policy
    if cluster is None or policy is None:
        return
    quotas, ranges = cluster.of("resourcequotas"), cluster.of("limitranges")
    yield from unread("ResourceQuotas", quotas, "One that is smaller than a tier refuses it.")
    if quotas.listed:
        for kind in ("pods", "persistentvolumeclaims"):
            whose = f"What Hub and proxy hold of the ResourceQuotas is not known: {kind}"
            yield from unread(whose, cluster.of(kind), _WHY_HELD)
    default = _find_default_class(cluster)
    priority = find_default_priority(cluster)
    for quota in quotas.listed:
        hard = part(quota, "spec", "hard")
        yield from find_unreadable(f"The ResourceQuota {name_of(quota)}", hard, _WHY_UNREADABLE)
        bounds = read_amounts(hard, bound=True)
        held = held_beside_servers(cluster, quota)
        for tier in list_variants(policy):
            if is_counted(quota, tier.pod.priority_class or priority):
                asked = _asked(tier, amounts_of(tier, ranges.listed), default)
                asked |= devices_by_class(tier, cluster.of("resourceclaimtemplates").listed)
                yield from _check_tier(policy, name_of(quota), bounds, held, tier, asked)
        if not part(quota, "spec", "scopeSelector") and not part(quota, "spec").get("scopes"):
            yield from _check_platform(name_of(quota), bounds, held, policy)


def _check_tier(
    policy: Policy,
    quota: str,
    hard: Mapping[str, int],
    held: Mapping[str, int],
    tier: Tier,
    asked: Mapping[str, int],
) -> Iterator[Finding]:
    for name, maximum in sorted(hard.items()):
        if name in asked and asked[name] > 0 and asked[name] + held.get(name, 0) > maximum:
            yield failed(
                f"A server of tier {tier.label} asks for {describe(name, asked[name])} ({name}), "
                "and the "
                f"ResourceQuota {quota} allows {describe(name, maximum)} to all together"
                f"{_say_held(name, held)}.",
                "No server of that tier can ever start.",
                f"kubectl edit resourcequota {quota}: raise spec.hard.{name}"
                f"{_say_key(policy, name, tier)}.",
            )


def _find_default_class(cluster: Cluster) -> str:
    """Return the class of homes that name none; empty where it is not known."""
    defaults = [name_of(each) for each in cluster.of("storageclasses").listed if is_default(each)]
    return defaults[0] if len(defaults) == 1 else ""


def _asked(tier: Tier, amounts: Amounts, default_class: str) -> dict[str, int]:
    """Return what one server uses up of a quota, by the names that a quota has for it."""
    asked = dict.fromkeys(_PODS, 1)
    asked |= {name: amount for name, amount in amounts.requests.items() if is_native(name)}
    asked |= {f"requests.{name}": amount for name, amount in amounts.requests.items()}
    asked |= {f"limits.{name}": amount for name, amount in amounts.limits.items()}
    if (home := tier.pod.own_home) is not None:
        asked |= {"persistentvolumeclaims": 1, "count/persistentvolumeclaims": 1}
        asked["requests.storage"] = home.size
        if name := home.storage_class or default_class:
            asked[f"{name}{OF_CLASS}requests.storage"] = home.size
            asked[f"{name}{OF_CLASS}persistentvolumeclaims"] = 1
    if tier.pod.devices:
        asked[_CLAIMS] = len(tier.pod.devices)
    return asked


def _say_key(policy: Policy, name: str, tier: Tier) -> str:
    if name in _PODS:
        return ""  # each server is one, whatever the policy says
    key = _key(name)
    # A home is one volume, and a list of claims has no size: only less of a number can be lower.
    verb = "lower" if "." in key else "shorten" if key == "devices" else "remove"
    return f"; or {verb} {policy_key(policy, tier.label, key)} in the policy"


def _key(name: str) -> str:
    """Return the key of a tier that a name of a quota is about."""
    if name == _CLAIMS or name.endswith(OF_DEVICE_CLASS):
        return "devices"
    if name.endswith("persistentvolumeclaims"):
        return "home"
    kind, _, resource = name.partition(".")
    if "storage" in name and "ephemeral" not in name:
        return "home.size"
    return f"{kind}.{resource}" if kind in {"requests", "limits"} else f"requests.{name}"


def _say_held(name: str, held: Mapping[str, int]) -> str:
    amount = held.get(name, 0)
    return f", {describe(name, amount)} of which Hub, proxy and others hold" if amount else ""


def _check_platform(
    quota: str, hard: Mapping[str, int], held: Mapping[str, int], policy: Policy
) -> Iterator[Finding]:
    """Compare what all users together may hold, by the policy and by the namespace."""
    requested = {name for tier in list_variants(policy) for name in tier.requests}
    claimed = {name for tier in list_variants(policy) for name in tier.devices}
    for name, maximum in policy.quota.quota.items():
        if name in claimed - requested:
            continue  # a ResourceQuota counts requests, and claims are not requests
        names = ("pods", "count/pods") if name == SERVERS else (f"requests.{name}", name)
        left, counted = min(
            ((hard[each] - held.get(each, 0), each) for each in names if each in hard),
            default=(None, ""),
        )
        if left is not None and maximum is not None and maximum > left:
            # The Hub's own pod is no server, and the ResourceQuota counts it beside them.
            allowed = describe(counted, hard[counted]) + (" pods" if name == SERVERS else "")
            yield warning(
                f"The policy lets everybody together hold {describe(name, maximum)} ({name}), "
                "and the "
                f"ResourceQuota {quota} allows {allowed}{_say_held(counted, held)}.",
                "What the policy admits last is refused by the cluster, without what would fit.",
                f"Lower quota.{name} in the policy, or raise it: kubectl edit resourcequota "
                f"{quota}",
            )
