"""Checks that no LimitRange of the namespace refuses a server as its tier describes it."""

from collections.abc import Iterator, Mapping

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.core.offers import list_variants
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.quantities import parse_number
from jupyterhub_platform.core.tiers import Tier
from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Finding, failed, unread
from jupyterhub_platform.deploy.doctor.rules.amounts import (
    Amounts,
    amounts_of,
    describe,
    entries_of,
    find_unreadable,
    read_amounts,
)
from jupyterhub_platform.deploy.doctor.rules.policy_keys import policy_key
from jupyterhub_platform.deploy.doctor.rules.scheduling import name_of

_WHY = "The API server refuses every server of that tier."
_WHY_UNREADABLE = "Whether it refuses a tier is not known."


def check_limits(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out which tiers are outside of a LimitRange."""
    cluster, policy = facts.cluster, facts.policy
    if cluster is None or policy is None:
        return
    ranges = cluster.of("limitranges")
    yield from unread("LimitRanges", ranges, "One that is smaller than a tier refuses it.")
    for each in ranges.listed:
        for entry in items(part(each, "spec"), "limits"):
            for key in ("min", "max", "default", "defaultRequest", "maxLimitRequestRatio"):
                whose = f"{key} of the LimitRange {name_of(each)}"
                yield from find_unreadable(whose, part(entry, key), _WHY_UNREADABLE)
    for tier in list_variants(policy):
        amounts = amounts_of(tier, ranges.listed)
        for each in ranges.listed:
            for kind in ("Container", "Pod"):
                for entry in entries_of([each], kind):
                    yield from _check_amounts(policy, name_of(each), entry, tier, amounts)
            for entry in entries_of([each], "PersistentVolumeClaim"):
                yield from _check_home(policy, name_of(each), entry, tier)


def _check_amounts(
    policy: Policy, name: str, entry: Manifest, tier: Tier, amounts: Amounts
) -> Iterator[Finding]:
    kind = str(entry.get("type")).lower()
    for resource, minimum in read_amounts(part(entry, "min")).items():
        asked = amounts.requests.get(resource, 0)
        if asked < minimum:
            yield _refuse(
                policy,
                name,
                tier,
                f"requests.{resource}",
                asked,
                f"at least {describe(resource, minimum)} for a {kind}",
            )
    for resource, maximum in read_amounts(part(entry, "max"), bound=True).items():
        limit = amounts.limits.get(resource)
        if limit is None:
            # Kubernetes fills that in for a container, and not for a pod.
            yield failed(
                f"The LimitRange {name} wants a limit of {resource} for a {kind}, and tier "
                f"{tier.label} has none.",
                _WHY,
                f"Add limits.{resource} to {tier.path} in the policy.",
            )
        elif limit > maximum:
            yield _refuse(
                policy,
                name,
                tier,
                f"limits.{resource}",
                limit,
                f"at most {describe(resource, maximum)} for a {kind}",
            )
    for resource, ratio in part(entry, "maxLimitRequestRatio").items():
        try:
            number = float(parse_number(ratio, resource))
        except QuantityError:
            continue  # said to be unknown already
        yield from _check_ratio(name, tier, resource, number, amounts)


def _check_ratio(
    name: str, tier: Tier, resource: str, ratio: float, amounts: Amounts
) -> Iterator[Finding]:
    request, limit = amounts.requests.get(resource, 0), amounts.limits.get(resource, 0)
    missing = [key for key, amount in (("request", request), ("limit", limit)) if not amount]
    allows = f"The LimitRange {name} allows a limit of {resource} of {ratio:g} times the request"
    if missing:
        keys = " and ".join(f"{key}s.{resource}" for key in missing)
        yield failed(
            f"{allows}, and tier {tier.label} has {' and '.join(f'no {key}' for key in missing)}.",
            _WHY,
            f"Add {keys} to {tier.path} in the policy.",
        )
    elif limit > ratio * request:
        yield failed(
            f"{allows}, and tier {tier.label} has {describe(resource, limit)} for "
            f"{describe(resource, request)}.",
            _WHY,
            f"Raise requests.{resource} or lower limits.{resource} of {tier.path} in the policy.",
        )


def _check_home(policy: Policy, name: str, entry: Manifest, tier: Tier) -> Iterator[Finding]:
    home = tier.pod.own_home
    if home is None:
        return
    bounds: Mapping[str, Mapping[str, int]] = {
        key: read_amounts(part(entry, key), bound=key == "max") for key in ("min", "max")
    }
    minimum, maximum = bounds["min"].get("storage", 0), bounds["max"].get("storage", home.size)
    if not minimum <= home.size <= maximum:
        allowed = (
            f"at least {describe('storage', minimum)}"
            if home.size < minimum
            else f"at most {describe('storage', maximum)}"
        )
        yield _refuse(policy, name, tier, "home.size", home.size, f"{allowed} for a volume")


def _refuse(policy: Policy, name: str, tier: Tier, key: str, asked: int, allowed: str) -> Finding:
    resource = "storage" if key == "home.size" else key.partition(".")[2]
    return failed(
        f"The LimitRange {name} wants {allowed}, and tier {tier.label} has "
        f"{describe(resource, asked)} as its {key}.",
        _WHY,
        f"Change {policy_key(policy, tier.label, key)} in the policy, or kubectl edit limitrange "
        f"{name}",
    )
