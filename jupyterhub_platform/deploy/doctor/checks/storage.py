"""Checks that homes can be made: the storage classes of tiers, and the cluster's default one."""

from collections.abc import Iterator, Mapping
from typing import Final

from jupyterhub_platform.core.manifests import Manifest, part
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.deploy.doctor.facts import Cluster, DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import (
    Finding,
    describe_tiers,
    failed,
    read_rights,
    unknown,
    unread,
    warning,
)
from jupyterhub_platform.deploy.doctor.rules.policy_keys import policy_key
from jupyterhub_platform.deploy.doctor.rules.scheduling import name_of
from jupyterhub_platform.deploy.doctor.rules.storage_classes import DEFAULT, is_default

_WRONG_ZONE: Final = (
    "A home may be made in a zone where no node has room for its server, which then waits for ever."
)
_CLASS: Final = "home.storage_class"
ZONE: Final = "topology.kubernetes.io/zone"


def check_storage(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether the classes of homes exist, can grow, and wait for a node."""
    cluster, policy = facts.cluster, facts.policy
    if cluster is None or policy is None:
        return
    classes = cluster.of("storageclasses")
    yield from unread(
        "Storage classes", classes, "A home of a class that is not there never comes."
    )
    if classes.unread:
        return
    known = {name_of(each): each for each in classes.listed}
    defaults = sorted(name for name, each in known.items() if is_default(each))
    wanted = _homes_by_class(policy)
    if "" in wanted:
        yield from _check_default(policy, defaults, wanted[""])
    for name in sorted(set(wanted) - {""} - set(known)):
        yield failed(
            f"There is no storage class {name}, which the homes of "
            f"{describe_tiers(wanted[name])} need.",
            "Their volumes are never provisioned, and their servers never start.",
            "Name one of kubectl get storageclass as "
            f"{policy_key(policy, wanted[name][0], _CLASS)} in the policy, or make that class.",
        )
    used = (set(wanted) - {""} | set(defaults if "" in wanted else ())) & set(known)
    for name in sorted(used):
        yield from _check_class(name, known[name], cluster)


def _homes_by_class(policy: Policy) -> Mapping[str, list[str]]:
    """Return the tiers whose homes are of a class; without one, of the default class."""
    wanted: dict[str, list[str]] = {}
    for tier in policy.tiers.values():
        if (home := tier.pod.own_home) is not None:
            wanted.setdefault(home.storage_class, []).append(tier.name)
    return wanted


def _check_default(policy: Policy, defaults: list[str], tiers: list[str]) -> Iterator[Finding]:
    if not defaults:
        yield failed(
            "There is no default storage class, and the homes of "
            f"{describe_tiers(tiers)} name none.",
            "Their volumes are never provisioned, and their servers never start.",
            "kubectl patch storageclass NAME --patch "
            f'\'{{"metadata":{{"annotations":{{"{DEFAULT}":"true"}}}}}}\''
            f", or name one as {policy_key(policy, tiers[0], _CLASS)} in the policy.",
        )
    elif len(defaults) > 1:
        yield warning(
            f"{len(defaults)} storage classes are the default one: {', '.join(defaults)}.",
            "Kubernetes takes the newest of them: homes move to another one by accident.",
            f"kubectl annotate storageclass {defaults[0]} {DEFAULT}-, for each but one.",
        )


def _check_class(name: str, found: Manifest, cluster: Cluster) -> Iterator[Finding]:
    if not found.get("allowVolumeExpansion"):
        yield warning(
            f"Volumes of the storage class {name} cannot grow.",
            "A home that is full can only be replaced by a larger one, and copied.",
            f"kubectl patch storageclass {name} --patch '{{\"allowVolumeExpansion\":true}}', if "
            "its driver can do that.",
        )
    nodes = cluster.of("nodes")
    is_at_once = found.get("volumeBindingMode", "Immediate") == "Immediate"
    if is_at_once and nodes.unread:
        yield unknown(
            f"Volumes of the storage class {name} are made at once, and in how many zones there "
            f"are nodes is not known: nodes {nodes.unread}.",
            _WRONG_ZONE,
            f"{read_rights(nodes).rstrip('.')}; or make a class like {name} with "
            "volumeBindingMode: WaitForFirstConsumer, and name it in the policy.",
        )
    zones = {str(part(node, "metadata", "labels").get(ZONE)) for node in nodes.listed} - {"None"}
    if is_at_once and len(zones) > 1:
        yield warning(
            f"Volumes of the storage class {name} are made at once, and there are nodes in "
            f"{len(zones)} zones: {', '.join(sorted(zones))}.",
            _WRONG_ZONE,
            f"Make a class like {name} with volumeBindingMode: WaitForFirstConsumer, and name it "
            "in the policy; the mode of an existing one cannot be changed.",
        )
