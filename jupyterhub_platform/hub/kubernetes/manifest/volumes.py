"""A pod's volumes: its home, which outlives it, what is shared, and what ends with it.

Names in paths are KubeSpawner's own slugs, so that no name leads into another's directory.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from kubernetes_asyncio.client import (
    V1EmptyDirVolumeSource,
    V1NFSVolumeSource,
    V1PersistentVolumeClaimVolumeSource,
    V1Volume,
    V1VolumeMount,
)
from kubespawner.slugs import safe_slug

from jupyterhub_platform.core.pods import EmptyDir, Home, Nfs, Pod
from jupyterhub_platform.core.quantities import render_quantity
from jupyterhub_platform.core.resource_names import MEMORY

_PREFIX: Final = "platform"
"""Prefix of the platform's own volumes; the operator's are named differently."""
_SLUG: Final = re.compile(r"[a-z0-9-]{1,253}")
"""What KubeSpawner makes of a name, in any of its ways: never a dot, and never a slash."""
_MAX_SLUG: Final = 48


STORAGE_TRAITS: Final = ("storage_pvc_ensure", "storage_capacity", "storage_class")
"""KubeSpawner's settings for creating the claim of a home."""


def storage_traits(home: Home) -> dict[str, Any]:
    """Return the values of :data:`STORAGE_TRAITS` for a ``home``."""
    values = (True, render_quantity(MEMORY, home.size), home.storage_class or None)
    return dict(zip(STORAGE_TRAITS, values, strict=True))


@dataclass(frozen=True, slots=True)
class OwnVolumes:
    """The platform's own volumes of one pod, and their mounts in the server.

    A claim that is mounted several times is one volume: nodes wait forever for a second one.
    """

    volumes: tuple[V1Volume, ...] = ()
    mounts: tuple[V1VolumeMount, ...] = ()


def storage_of(home: Home | None, site: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of :data:`STORAGE_TRAITS`: those of the ``site`` for tiers without a home.

    No claim is made for a home that is a directory of another volume.
    """
    if home is None:
        return site
    return storage_traits(home) if home.is_own else {**site, STORAGE_TRAITS[0]: False}


def list_volumes(pod: Pod, claim: str, names: Mapping[str, str]) -> OwnVolumes:
    """Return the platform's own volumes of a pod.

    ``claim`` is the server's own; ``names`` are the slugs that stand for names in sub paths.

    Raises
    ------
    ValueError
        Raised if a slug would lead out of the directory that policy names.
    """
    places = tuple(_list_places(pod, claim, names))
    named: dict[str | Nfs, str] = {}
    for place in places:
        named.setdefault(place.source, place.name)
    writable = {place.source for place in places if not place.read_only}
    mounts = (_mount(named[each.source], each) for each in places)
    empty = tuple(_list_empty(pod.empty_dirs))
    return OwnVolumes(
        (
            *(_volume(name, source, source not in writable) for source, name in named.items()),
            *(volume for volume, _ in empty),
        ),
        (*mounts, *(mount for _, mount in empty)),
    )


def add_volumes(spec: Any, container: Any, own: OwnVolumes) -> None:
    """Give the server's ``container`` its home and the volumes shared with it."""
    _make_room(spec, container, {mount.mount_path for mount in own.mounts})
    spec.volumes += own.volumes
    container.volume_mounts += own.mounts


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


class _Place(NamedTuple):
    """One directory of a server: of which claim or NFS volume, and where."""

    name: str
    source: str | Nfs
    mount: str
    sub_path: str
    read_only: bool


def _list_places(pod: Pod, claim: str, names: Mapping[str, str]) -> Iterator[_Place]:
    home = pod.home
    if home is not None:
        source = home.nfs or (claim if home.is_own else home.claim)
        sub_path = _expand(home.sub_path, names)
        mount = _expand(home.mount, names)
        yield _Place(f"{_PREFIX}-home", source, mount, sub_path, read_only=False)
    for number, each in enumerate(pod.shared):
        group = safe_slug(each.group, max_length=_MAX_SLUG) if each.group else ""
        sub_path = _expand(each.sub_path, {**names, "group": group})
        name = f"{_PREFIX}-shared-{number}"
        yield _Place(name, each.nfs or each.claim, each.mount, sub_path, each.read_only)


def _list_empty(dirs: Iterable[EmptyDir]) -> Iterator[tuple[V1Volume, V1VolumeMount]]:
    for number, each in enumerate(dirs):
        name = f"{_PREFIX}-empty-{number}"
        size = render_quantity(MEMORY, each.size)
        medium = "Memory" if each.in_memory else None
        empty = V1EmptyDirVolumeSource(medium=medium, size_limit=size)
        mount = V1VolumeMount(name=name, mount_path=each.mount)
        yield V1Volume(name=name, empty_dir=empty), mount


def _expand(path: str, names: Mapping[str, str]) -> str:
    for name, slug in names.items():
        if f"{{{name}}}" in path and not _SLUG.fullmatch(slug):
            raise ValueError(f"the name {name} of a path, {slug[:80]!a}, is no slug")
        path = path.replace(f"{{{name}}}", slug)
    return path


def _volume(name: str, source: str | Nfs, read_only: bool) -> V1Volume:
    read = read_only or None
    if isinstance(source, Nfs):
        nfs = V1NFSVolumeSource(server=source.server, path=source.path, read_only=read)
        return V1Volume(name=name, nfs=nfs)
    claim = V1PersistentVolumeClaimVolumeSource(claim_name=source, read_only=read)
    return V1Volume(name=name, persistent_volume_claim=claim)


def _mount(name: str, place: _Place) -> V1VolumeMount:
    return V1VolumeMount(
        name=name,
        mount_path=place.mount,
        read_only=place.read_only or None,
        sub_path=place.sub_path or None,
    )
