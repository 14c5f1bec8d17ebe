"""Finds the nodes that a pod may run on, and what is left there, as Kubernetes' scheduler does."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.manifests import (
    Manifest,
    items,
    names_in,
    part,
    request_of,
    total,
)
from jupyterhub_platform.core.pods import Pod
from jupyterhub_platform.core.quantities import read_quantity

PODS: Final = "pods"
_KEEPS_OUT: Final = frozenset({"NoSchedule", "NoExecute"})
_OF_DAEMONS: Final = tuple(
    {"key": f"node.kubernetes.io/{name}", "operator": "Exists"}
    for name in (
        *("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure"),
        *("unschedulable", "network-unavailable"),
    )
)
"""What every pod of a DaemonSet tolerates, by Kubernetes itself."""


def spec_of(pod: Pod) -> Manifest:
    """Return the part of a tier's pod that says where it may run."""
    rules = [
        {"key": rule.key, "operator": rule.operator, "values": list(rule.values)}
        for rule in pod.node_affinity
        if rule.weight is None
    ]
    terms = {"nodeSelectorTerms": [{"matchExpressions": rules}]} if rules else {}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
    return {
        "nodeSelector": dict(pod.node_selector),
        "affinity": {"nodeAffinity": required if terms else {}},
        "tolerations": [dict(each) for each in pod.tolerations],
    }


def name_of(thing: Manifest) -> str:
    """Return the name of an object."""
    return str(part(thing, "metadata").get("name", ""))


def find_obstacle(spec: Manifest, node: Manifest) -> str:
    """Say what keeps a pod off a node, whatever it asks for; empty if nothing does."""
    labels = part(node, "metadata", "labels")
    for key, value in part(spec, "nodeSelector").items():
        if labels.get(key) != value:
            return f"no label {key}={value}"
    required = part(
        spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"
    )
    terms = items(required, "nodeSelectorTerms")
    if terms and not any(_holds(term, node) for term in terms):
        return "its labels do not match the node affinity"
    for taint in items(part(node, "spec"), "taints"):
        if taint.get("effect") in _KEEPS_OUT and not any(
            tolerates(each, taint) for each in items(spec, "tolerations")
        ):
            return f"the taint {taint.get('key')}"
    if part(node, "spec").get("unschedulable"):
        return "it takes no new pods (cordoned)"
    return ""


def _holds(term: Manifest, node: Manifest) -> bool:
    labels = part(node, "metadata", "labels")
    fields = {"metadata.name": name_of(node)}
    expressions, names = items(term, "matchExpressions"), items(term, "matchFields")
    # A term without any condition matches nothing, by Kubernetes' own rule.
    return bool(expressions or names) and all(
        (
            *(matches(each, labels) for each in expressions),
            *(matches(each, fields) for each in names),
        )
    )


def matches(expression: Manifest, labels: Mapping[str, Any]) -> bool:
    """Tell whether labels fulfil one expression of a selector."""
    value = labels.get(str(expression.get("key")))
    values = expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            try:
                left, right = int(str(value)), int(str(next(iter(values))))
            except (ValueError, StopIteration):
                return False
            return left > right if operator == "Gt" else left < right
        case _:
            return False


def tolerates(toleration: Manifest, taint: Manifest) -> bool:
    """Tell whether a toleration accepts a taint."""
    if toleration.get("effect") not in {None, "", taint.get("effect")}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint.get("key")}
    same_key = toleration.get("key") == taint.get("key")
    return same_key and (toleration.get("value") or "") == (taint.get("value") or "")


def left_on(node: Manifest, daemonsets: Iterable[Manifest]) -> dict[str, int | None]:
    """Return what a node has for pods when nothing runs there but what every node has to run.

    ``None`` stands for what cannot be read: neither much nor nothing.
    """
    left = _read(part(node, "status", "allocatable"))
    for daemonset in daemonsets:
        spec = part(daemonset, "spec", "template", "spec")
        own = {**spec, "tolerations": [*items(spec, "tolerations"), *_OF_DAEMONS]}
        if find_obstacle(own, {**node, "spec": {**part(node, "spec"), "unschedulable": False}}):
            continue
        left[PODS] = _less(left.get(PODS, 0), 1)
        for name in names_in(spec):
            left[name] = _less(left.get(name, 0), request_in(spec, name))
    return left


def request_in(spec: Manifest, name: str) -> int | None:
    """Return what a pod requests in all, ``None`` if that cannot be read."""
    try:
        return total(spec, name, request_of)
    except QuantityError:
        return None


def _less(amount: int | None, taken: int | None) -> int | None:
    return None if amount is None or taken is None else amount - taken


def _read(amounts: Mapping[str, Any]) -> dict[str, int | None]:
    read: dict[str, int | None] = {}
    for name, quantity in amounts.items():
        try:
            read[name] = read_quantity(quantity, name)
        except QuantityError:
            read[name] = None
    return read
