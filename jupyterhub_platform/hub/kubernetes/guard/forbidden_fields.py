"""Fields of a pod that give a server more than itself: the node, the cluster, other pods.

The list follows the Pod Security Standards as far as they matter here, with three additions: a
service account's token, a pod's certificate, and a node chosen past the scheduler.
"""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from jupyterhub_platform.core.manifests import Manifest, containers, items, part
from jupyterhub_platform.hub.kubernetes.guard.security_context import find_powers, find_unconfined

_POD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hostNetwork": "shares the network of the node",
        "hostPID": "sees the processes of the node",
        "hostIPC": "shares memory with the node",
        "nodeName": "goes past the scheduler",
        "ephemeralContainers": "adds containers that nothing limits",
    }
)
_VOLUMES: Final = frozenset(
    {
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"),
        *("persistentVolumeClaim", "projected", "secret"),
    }
)
"""The kinds of the profile ``restricted``: others reach nodes, or storage without a claim."""

_HANDLERS: Final = (
    *(("livenessProbe",), ("readinessProbe",), ("startupProbe",)),
    *(("lifecycle", "postStart"), ("lifecycle", "preStop")),
)


def find_forbidden(
    spec: Manifest, service_account: str = "", volumes: Collection[Manifest] = ()
) -> Iterator[tuple[str, str]]:
    """Yield the path of every forbidden field in a pod's ``spec``, and its effect.

    ``service_account`` and ``volumes`` are what policy gives this pod.
    """
    for key, what in _POD.items():
        if spec.get(key):
            yield f"spec.{key}", what
    yield from _identity(spec, service_account)
    yield from find_unconfined("spec.securityContext", part(spec, "securityContext"))
    for volume in items(spec, "volumes"):
        if volume not in volumes:
            yield from _volume(f"spec.volumes[{volume.get('name', '')}]", volume)
    for path, container in containers(spec):
        yield from _container(path, container)


def _identity(spec: Manifest, service_account: str) -> Iterator[tuple[str, str]]:
    for key in ("serviceAccountName", "serviceAccount"):
        if spec.get(key) not in (None, "", "default", service_account):
            yield f"spec.{key}", "acts as another service account"
    if spec.get("automountServiceAccountToken") is not False:
        yield "spec.automountServiceAccountToken", "hands the server a token for the cluster"


def _volume(path: str, volume: Manifest) -> Iterator[tuple[str, str]]:
    for kind in volume.keys() - _VOLUMES - {"name"}:
        node = "opens the file system of the node"
        yield f"{path}.{kind}", node if kind == "hostPath" else "mounts past the claims"
    sources = items(part(volume, "projected"), "sources")
    if any("serviceAccountToken" in source for source in sources):
        yield f"{path}.projected", "hands the server a token for the cluster"
    if any("podCertificate" in source for source in sources):
        yield f"{path}.projected.podCertificate", "hands the server a certificate of the cluster"


def _container(path: str, container: Manifest) -> Iterator[tuple[str, str]]:
    yield from find_powers(path, container)
    if any(port.get("hostPort") for port in items(container, "ports")):
        yield f"{path}.ports.hostPort", "opens a port of the node"
    yield from _asked_elsewhere(path, container)


def _asked_elsewhere(path: str, container: Manifest) -> Iterator[tuple[str, str]]:
    """Yield every host other than the pod itself that its node would connect to."""
    for where in _HANDLERS:
        for kind in ("httpGet", "tcpSocket"):
            if part(container, *where, kind).get("host"):
                yield f"{path}.{'.'.join(where)}.{kind}.host", "has the node ask another host"
