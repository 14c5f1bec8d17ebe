"""Scopes of ResourceQuotas: what one counts, and how much of it other pods hold."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.manifests import (
    Manifest,
    containers,
    items,
    limit_of,
    names_in,
    part,
    total,
)
from jupyterhub_platform.core.resource_names import CPU, MEMORY
from jupyterhub_platform.core.tiers import Tier
from jupyterhub_platform.deploy.doctor.facts import Cluster
from jupyterhub_platform.deploy.doctor.rules.amounts import OF_DEVICE_CLASS, read_amounts
from jupyterhub_platform.deploy.doctor.rules.hub_pod import labels_of
from jupyterhub_platform.deploy.doctor.rules.network_rules import selects
from jupyterhub_platform.deploy.doctor.rules.scheduling import matches, name_of, request_in

OF_CLASS: Final = ".storageclass.storage.k8s.io/"
_SERVERS: Final = frozenset({"singleuser-server", "singleuser-storage"})
_ENDED: Final = frozenset({"Succeeded", "Failed"})
_OF_CLAIMS: Final = "VolumeAttributesClass"


def is_native(name: str) -> bool:
    """Tell whether a quota counts requests of ``name`` under its plain name, too."""
    return name in {CPU, MEMORY, "ephemeral-storage"} or name.startswith("hugepages-")


def is_counted(
    quota: Manifest, priority: str, *, best_effort: bool = False, terminating: bool = False
) -> bool:
    """Tell whether a quota counts a pod; servers have no end and ask for something."""
    spec = part(quota, "spec")
    expressions: list[Mapping[str, Any]] = [
        *({"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()),
        *items(part(spec, "scopeSelector"), "matchExpressions"),
    ]
    for expression in expressions:
        scope = expression.get("scopeName")
        if scope == "PriorityClass":
            labels = {"priority": priority} if priority else {}
            is_in = matches({**expression, "key": "priority"}, labels)
        else:
            is_in = {
                "Terminating": terminating,
                "NotTerminating": not terminating,
                "BestEffort": best_effort,
                "NotBestEffort": not best_effort,
                "CrossNamespacePodAffinity": False,
                _OF_CLAIMS: False,
            }.get(str(scope), True)
        if not is_in:
            return False
    return True


def find_default_priority(cluster: Cluster) -> str:
    """Return the priority class of pods that do not name one; empty if there is no default."""
    classes = cluster.of("priorityclasses").listed
    return next((name_of(each) for each in classes if each.get("globalDefault")), "")


def held_beside_servers(cluster: Cluster, quota: Manifest) -> dict[str, int]:
    """Return what Hub, proxy and other pods than servers hold of a quota."""
    held: dict[str, int] = {}
    pods = [spec for spec in _list_pods(cluster) if _is_in_scope(quota, spec)]
    for counted in (*map(_count_pod, pods), *_count_claims(cluster)):
        for name, amount in counted.items():
            held[name] = held.get(name, 0) + amount
    return held


def _is_in_scope(quota: Manifest, spec: Manifest) -> bool:
    asks = any(part(one, "resources") for _, one in containers(spec))
    return is_counted(
        quota,
        str(spec.get("priorityClassName") or ""),
        best_effort=not asks,
        terminating=spec.get("activeDeadlineSeconds") is not None,
    )


def _list_pods(cluster: Cluster) -> Iterator[Manifest]:
    """Yield the pods other than servers, with those that Deployments want and do not have yet."""
    running = [
        pod
        for pod in cluster.of("pods").listed
        if part(pod, "status").get("phase") not in _ENDED
        and part(pod, "metadata", "labels").get("component") not in _SERVERS
    ]
    yield from (part(pod, "spec") for pod in running)
    for deployment in cluster.of("deployments").listed:
        spec = part(deployment, "spec")
        selector = part(spec, "selector") or {"matchLabels": labels_of(deployment)}
        present = sum(selects(selector, part(pod, "metadata", "labels")) for pod in running)
        wanted = spec.get("replicas")
        for _ in range((1 if wanted is None else int(wanted)) - present):
            yield part(spec, "template", "spec")


def _count_pod(spec: Manifest) -> dict[str, int]:
    counted = {"pods": 1, "count/pods": 1}
    for name in names_in(spec):
        request = request_in(spec, name) or 0
        counted[f"requests.{name}"] = request
        if is_native(name):
            counted[name] = request
        try:
            counted[f"limits.{name}"] = total(spec, name, limit_of)
        except QuantityError:
            continue
    return counted


def _count_claims(cluster: Cluster) -> Iterator[dict[str, int]]:
    for claim in cluster.of("persistentvolumeclaims").listed:
        if part(claim, "metadata", "labels").get("component") in _SERVERS:
            continue
        spec = part(claim, "spec")
        size = read_amounts(part(spec, "resources", "requests")).get("storage", 0)
        counted = {
            "persistentvolumeclaims": 1,
            "count/persistentvolumeclaims": 1,
            "requests.storage": size,
        }
        if name := spec.get("storageClassName"):
            counted[f"{name}{OF_CLASS}requests.storage"] = size
            counted[f"{name}{OF_CLASS}persistentvolumeclaims"] = 1
        yield counted


def devices_by_class(tier: Tier, templates: Iterable[Manifest]) -> dict[str, int]:
    """Return how many devices of each class the claims of one server ask for."""
    known = {name_of(each): each for each in templates}
    asked: dict[str, int] = {}
    for device in tier.pod.devices:
        template = known.get(device.template, {})
        for request in items(part(template, "spec", "spec", "devices"), "requests"):
            exactly = part(request, "exactly")
            name = f"{exactly.get('deviceClassName')}{OF_DEVICE_CLASS}"
            if exactly.get("deviceClassName"):
                asked[name] = asked.get(name, 0) + int(exactly.get("count", 1))
    return asked
