"""Refuses security contexts that choose root, powers, or less confinement than by default.

Source: Kubernetes, Pod Security Standards, ``baseline``; and ``restricted`` for the user id.
"""

from collections.abc import Iterator
from typing import Any, Final

from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.hub.kubernetes.manifest.metadata import NOTEBOOK

_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_SELINUX_TYPES: Final = frozenset(
    {"container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
)
_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_syncookies",
    }
)


def find_unconfined(path: str, context: Manifest) -> Iterator[tuple[str, str]]:
    """Yield what the security context at ``path``, a pod's or a container's, may not choose."""
    if context.get("runAsUser") == 0:
        yield f"{path}.runAsUser", "runs as root"
    for key in ("seccompProfile", "appArmorProfile"):
        if part(context, key).get("type") == "Unconfined":
            yield f"{path}.{key}", "runs unconfined"
    if part(context, "windowsOptions").get("hostProcess"):
        yield f"{path}.windowsOptions.hostProcess", "runs on the node itself"
    yield from _selinux(f"{path}.seLinuxOptions", part(context, "seLinuxOptions"))
    for sysctl in items(context, "sysctls"):
        if sysctl.get("name") not in _SYSCTLS:
            yield f"{path}.sysctls[{sysctl.get('name', '')}]", "changes the kernel of the node"


def find_powers(path: str, container: Manifest) -> Iterator[tuple[str, str]]:
    """Yield what the security context of the container at ``path`` may not choose."""
    context, at = part(container, "securityContext"), f"{path}.securityContext"
    if context.get("privileged"):
        yield f"{at}.privileged", "has every power on the node"
    if _may_escalate(container.get("name"), context.get("allowPrivilegeEscalation")):
        yield f"{at}.allowPrivilegeEscalation", "lets programs gain powers"
    if part(context, "capabilities").get("add"):
        yield f"{at}.capabilities.add", "has added capabilities"
    if context.get("procMount") not in (None, "Default"):
        yield f"{at}.procMount", "unmasks /proc"
    yield from find_unconfined(at, context)


def _may_escalate(name: Any, allowed: Any) -> bool:
    # Kubernetes treats an unset field as allowed; only the users' own container must set it.
    return allowed is not False if name == NOTEBOOK else bool(allowed)


def find_annotated(metadata: Manifest) -> Iterator[tuple[str, str]]:
    """Yield the annotations that choose an AppArmor profile, as before Kubernetes 1.30."""
    for name, value in part(metadata, "annotations").items():
        if not str(name).startswith(_APPARMOR):
            continue
        if value != "runtime/default" and not str(value).startswith("localhost/"):
            yield f"metadata.annotations[{name}]", "runs unconfined"


def _selinux(path: str, options: Manifest) -> Iterator[tuple[str, str]]:
    for key in ("user", "role"):
        if options.get(key):
            yield f"{path}.{key}", f"chooses its {key} for SELinux"
    if (options.get("type") or "container_t") not in _SELINUX_TYPES:
        yield f"{path}.type", "is not confined by SELinux as containers are"
