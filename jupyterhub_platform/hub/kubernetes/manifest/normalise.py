"""Gives a pod one shape: KubeSpawner leaves some of a site's settings as plain mappings.

Its ``extra_pod_config`` and ``extra_container_config`` go into the pod unread, beside the client's
models for everything else.
"""

from collections.abc import Iterable
from typing import Any

from kubernetes_asyncio.client import (
    V1Affinity,
    V1Container,
    V1NodeAffinity,
    V1NodeSelector,
    V1NodeSelectorTerm,
    V1Volume,
    V1VolumeMount,
)
from kubespawner.utils import get_k8s_model


def normalise_pod(spec: Any) -> None:
    """Turn the parts of a pod's ``spec`` that a tier extends into models.

    Raises
    ------
    AttributeError, TypeError, ValueError
        Raised if a setting does not have the shape that Kubernetes wants.
    """
    spec.volumes = _each(V1Volume, spec.volumes)
    spec.containers = _each(V1Container, spec.containers)
    spec.init_containers = _each(V1Container, spec.init_containers)
    for container in [*spec.containers, *spec.init_containers]:
        container.volume_mounts = _each(V1VolumeMount, container.volume_mounts)
    if not spec.affinity:
        return
    spec.affinity = affinity = get_k8s_model(V1Affinity, spec.affinity)
    if not affinity.node_affinity:
        return
    affinity.node_affinity = nodes = get_k8s_model(V1NodeAffinity, affinity.node_affinity)
    if required := nodes.required_during_scheduling_ignored_during_execution:
        required = get_k8s_model(V1NodeSelector, required)
        required.node_selector_terms = _each(V1NodeSelectorTerm, required.node_selector_terms)
        nodes.required_during_scheduling_ignored_during_execution = required


def _each(model: type, found: Iterable[Any] | None) -> list[Any]:
    return [get_k8s_model(model, each) for each in found or ()]
