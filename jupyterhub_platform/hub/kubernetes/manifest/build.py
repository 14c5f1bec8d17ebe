"""Adds what an admitted start gives to KubeSpawner's pod, beside the operator's own settings."""

from collections.abc import Mapping
from typing import Any

from kubernetes_asyncio.client import V1Container, V1Pod, V1ResourceRequirements

from jupyterhub_platform.core.pods import InitContainer
from jupyterhub_platform.core.resource_names import is_indivisible
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.tiers import Asked, pod_amounts
from jupyterhub_platform.hub.kubernetes.manifest.device_claims import add_claims
from jupyterhub_platform.hub.kubernetes.manifest.metadata import (
    NOTEBOOK,
    annotations_of,
    labels_of,
)
from jupyterhub_platform.hub.kubernetes.manifest.normalise import normalise_pod
from jupyterhub_platform.hub.kubernetes.manifest.placement import (
    confine,
    set_identity,
    set_placement,
)
from jupyterhub_platform.hub.kubernetes.manifest.volumes import OwnVolumes, add_volumes
from jupyterhub_platform.usecases.admission import Admitted


def apply_tier(pod: V1Pod, admitted: Admitted, hub: str, volumes: OwnVolumes) -> None:
    """Add to KubeSpawner's ``pod`` its identity, placement, service account and resources.

    ``volumes`` are the platform's own, with their mounts. This comes after KubeSpawner's
    ``str.format`` over its own labels and annotations, which would evaluate braces in our names.

    Raises
    ------
    AttributeError, TypeError, ValueError
        Raised if a setting of the site does not have the shape that Kubernetes wants.
    """
    normalise_pod(pod.spec)
    pod.metadata.labels.update({**admitted.pod.labels, **labels_of(admitted)})
    own_annotations = annotations_of(admitted, hub)
    pod.metadata.annotations.update({**admitted.pod.annotations, **own_annotations})
    set_placement(pod.spec, admitted.pod)
    set_identity(pod.spec, admitted.pod)
    own = next(each for each in pod.spec.containers if each.name == NOTEBOOK)
    confine(own, admitted.pod)
    add_volumes(pod.spec, own, volumes)
    add_claims(pod.spec, own, admitted.pod.devices)
    initial = [_init_container(each, own) for each in admitted.pod.init_containers]
    for container in initial:
        confine(container, admitted.pod)
    pod.spec.init_containers = [*pod.spec.init_containers, *initial]
    asked = pod_amounts(admitted.tier)
    for container in pod.spec.init_containers:
        if container.restart_policy != "Always":
            container.resources = _bounded(container.resources, asked)


def _init_container(declared: InitContainer, server: Any) -> V1Container:
    return V1Container(
        name=declared.name,
        image=declared.image,
        image_pull_policy=server.image_pull_policy,
        command=list(declared.command),
        volume_mounts=server.volume_mounts,
    )


def _bounded(resources: Any, asked: Asked) -> V1ResourceRequirements:
    """Fill in what an init container leaves unset: without a limit it could use a whole node."""
    if not isinstance(resources, Mapping):
        resources = resources.to_dict() if resources is not None else {}
    requests = dict(resources.get("requests") or {})
    limits = dict(resources.get("limits") or {})
    for name, maximum in asked.limits.items():
        if is_indivisible(name) or name in limits:
            continue
        requests.setdefault(name, asked.requests.render()[name])
        limits[name] = Resources.of({name: maximum}).render()[name]
    return V1ResourceRequirements(claims=resources.get("claims"), requests=requests, limits=limits)
