"""Places a pod and gives it its identity: the tier, with the operator's own settings."""

from typing import Any, Final

from kubernetes_asyncio.client import (
    V1Affinity,
    V1NodeAffinity,
    V1NodeSelector,
    V1NodeSelectorRequirement,
    V1NodeSelectorTerm,
    V1PreferredSchedulingTerm,
    V1Toleration,
)
from kubespawner.utils import get_k8s_model

from jupyterhub_platform.core.pods import NodeRule, Pod

_RESTRICTED: Final = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def set_placement(spec: Any, pod: Pod) -> None:
    """Add to a pod's ``spec`` the nodes it may run on, and its scheduling there."""
    if pod.node_selector:
        spec.node_selector = {**(spec.node_selector or {}), **pod.node_selector}
    if pod.tolerations:
        own = [get_k8s_model(V1Toleration, dict(each)) for each in pod.tolerations]
        spec.tolerations = [*(spec.tolerations or ()), *own]
    if pod.node_affinity:
        spec.affinity = spec.affinity or V1Affinity()
        spec.affinity.node_affinity = spec.affinity.node_affinity or V1NodeAffinity()
        _require(spec.affinity.node_affinity, pod.node_affinity)
        _prefer(spec.affinity.node_affinity, pod.node_affinity)
    if pod.priority_class:
        # The operator's own priority belongs to the operator's own class.
        spec.priority_class_name, spec.priority = pod.priority_class, None
    if pod.runtime_class:
        spec.runtime_class_name = pod.runtime_class


def _require(affinity: Any, rules: tuple[NodeRule, ...]) -> None:
    own = [_requirement(rule) for rule in rules if rule.weight is None]
    if not own:
        return
    required = affinity.required_during_scheduling_ignored_during_execution
    # Kubernetes needs only one of the terms to match, so ours goes into each of the operator's.
    terms = (required.node_selector_terms if required else None) or [V1NodeSelectorTerm()]
    for term in terms:
        term.match_expressions = [*(term.match_expressions or ()), *own]
    affinity.required_during_scheduling_ignored_during_execution = V1NodeSelector(
        node_selector_terms=terms
    )


def _prefer(affinity: Any, rules: tuple[NodeRule, ...]) -> None:
    own = [
        V1PreferredSchedulingTerm(
            preference=V1NodeSelectorTerm(match_expressions=[_requirement(rule)]),
            weight=rule.weight,
        )
        for rule in rules
        if rule.weight is not None
    ]
    if own:
        theirs = affinity.preferred_during_scheduling_ignored_during_execution or ()
        affinity.preferred_during_scheduling_ignored_during_execution = [*theirs, *own]


def _requirement(rule: NodeRule) -> V1NodeSelectorRequirement:
    values = list(rule.values) or None
    return V1NodeSelectorRequirement(key=rule.key, operator=rule.operator, values=values)


def set_identity(spec: Any, pod: Pod) -> None:
    """Set a pod's service account, and the owner of its volumes, in its ``spec``."""
    if pod.service_account:
        spec.service_account_name = pod.service_account
        spec.service_account = None
    if pod.volumes_group is not None:
        spec.security_context = {**(spec.security_context or {}), "fsGroup": pod.volumes_group}


def confine(container: Any, pod: Pod) -> None:
    """Run a container as an unprivileged user, as the profile ``restricted`` requires.

    The operator's settings stay. Source: Kubernetes, Pod Security Standards.
    """
    own = {"runAsUser": pod.user, "runAsGroup": pod.group}
    context = {**_RESTRICTED, **(container.security_context or {})}
    context |= {key: value for key, value in own.items() if value is not None}
    if context.get("runAsUser") != 0:
        context.setdefault("runAsNonRoot", True)
    container.security_context = context
