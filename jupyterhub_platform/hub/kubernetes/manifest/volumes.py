"""A pod's volumes: its home, which outlives it, and those that its user's groups share."""

from collections.abc import Iterator
from typing import Any, Final

from kubernetes_asyncio.client import (
    V1PersistentVolumeClaimVolumeSource,
    V1Volume,
    V1VolumeMount,
)

from jupyterhub_platform.core.pods import Home, Pod
from jupyterhub_platform.core.quantities import render_quantity
from jupyterhub_platform.core.resource_names import MEMORY

_PREFIX: Final = "platform"
"""Prefix of the platform's own volumes; the operator's are named differently."""


STORAGE_TRAITS: Final = ("storage_pvc_ensure", "storage_capacity", "storage_class")
"""KubeSpawner's settings for creating the claim of a home."""


def storage_traits(home: Home) -> dict[str, Any]:
    """Return the values of :data:`STORAGE_TRAITS` for a ``home``."""
    values = (True, render_quantity(MEMORY, home.size), home.storage_class or None)
    return dict(zip(STORAGE_TRAITS, values, strict=True))


def add_volumes(spec: Any, container: Any, pod: Pod, claim: str) -> None:
    """Give the server's ``container`` its home, ``claim``, and the volumes shared with it."""
    volumes = list(_list_volumes(pod, claim))
    _make_room(spec, container, {mount.mount_path for _, mount in volumes})
    spec.volumes += [volume for volume, _ in volumes]
    container.volume_mounts += [mount for _, mount in volumes]


def _make_room(spec: Any, container: Any, paths: set[str]) -> None:
    """Remove what the operator mounts at ``paths``: nothing else can be there.

    A volume that is no longer mounted goes too; its claim may not even exist.
    """
    gone = [each for each in container.volume_mounts if each.mount_path.rstrip("/") in paths]
    container.volume_mounts = [each for each in container.volume_mounts if each not in gone]
    containers = [*spec.containers, *spec.init_containers]
    used = {mount.name for each in containers for mount in each.volume_mounts}
    unused = {mount.name for mount in gone} - used
    spec.volumes = [volume for volume in spec.volumes if volume.name not in unused]


def _list_volumes(pod: Pod, claim: str) -> Iterator[tuple[V1Volume, V1VolumeMount]]:
    if pod.home is not None:
        yield _volume(f"{_PREFIX}-home", claim, pod.home.mount, read_only=False)
    for number, shared in enumerate(pod.shared):
        name = f"{_PREFIX}-shared-{number}"
        yield _volume(name, shared.claim, shared.mount, read_only=shared.read_only)


def _volume(
    name: str, claim: str, mount: str, *, read_only: bool
) -> tuple[V1Volume, V1VolumeMount]:
    source = V1PersistentVolumeClaimVolumeSource(claim_name=claim, read_only=read_only or None)
    volume = V1Volume(name=name, persistent_volume_claim=source)
    return volume, V1VolumeMount(name=name, mount_path=mount, read_only=read_only or None)
