"""Finds faults of a pod's volumes, by the scheduler's message and the pod's events."""

import re
from collections.abc import Iterable
from typing import Final

from jupyterhub_platform.core.causes import Cause, Who
from jupyterhub_platform.core.manifests import Manifest
from jupyterhub_platform.hub.kubernetes.causes.events import newest

_CLAIM: Final = "Ask an operator to look at its claim, with kubectl describe pvc."
_EVENTS: Final = "Ask an operator to look at the events of its pod, with kubectl describe."


_MISSING: Final = Cause(
    "pod.volume_missing",
    "The claim of a volume of this server does not exist.",
    Who.OPERATOR,
    "Ask an operator to restore it, or to take it out of the tier or group that names it. Without "
    "it the server does not start, and no empty one takes its place.",
)
_LEAVING: Final = Cause(
    "pod.volume_leaving",
    "A volume of this server is being deleted.",
    Who.OPERATOR,
    f"Ask an operator before anything else is stopped: what is in it is kept until then. {_CLAIM}",
)
_LOST: Final = Cause(
    "pod.volume_lost",
    "The claim of this server's volume exists, but the volume behind it is gone.",
    Who.OPERATOR,
    f"Ask an operator to restore it from the storage or a backup. {_CLAIM}",
)
_CLASS: Final = Cause(
    "pod.volume_class",
    "The storage class of this server's volume does not exist.",
    Who.OPERATOR,
    "Ask an operator to create it, or to correct storage_class of the tier; jhp doctor says which.",
)
UNBOUND: Final = Cause(
    "pod.volume_unbound",
    "The server's volume does not exist yet.",
    Who.OPERATOR,
    "If it is not created within minutes, ask an operator to look at its claim and storage class.",
)
_ELSEWHERE: Final = Cause(
    "pod.volume_elsewhere",
    "The server's files are in a zone where no node has room for it.",
    Who.OPERATOR,
    "Wait for a node there, or ask an operator to add one in that zone.",
)
_COUNT: Final = Cause(
    "pod.volume_count",
    "Every node that could run this server has its maximum of volumes.",
    Who.YOU,
    "If the cluster adds nodes on demand, one may be on its way: wait a few minutes. Otherwise "
    "wait until another server stops, or ask an operator to add a node.",
)
_DRIVER: Final = Cause(
    "pod.volume_driver",
    "The nodes that could run this server lack the driver of its volume.",
    Who.OPERATOR,
    "A new node has it within a minute; otherwise ask an operator to look at the pods of the CSI "
    "driver.",
)
_IN_USE: Final = Cause(
    "pod.volume_in_use",
    "Another server or pod uses this server's volume, which only one may use at a time.",
    Who.YOU,
    "Stop the other server that uses it, or wait until it is gone.",
)
_SPACE: Final = Cause(
    "pod.volume_space",
    "No node's storage has room for a new volume of this size.",
    Who.OPERATOR,
    "Ask an operator to make room in the storage, or to make the tier's home smaller.",
)
SCHEDULER_PATTERNS: Final = (
    (r"(persistentvolumeclaim|pvc) \S+ not found", _MISSING),
    (r"persistentvolumeclaim \S+ is being deleted", _LEAVING),
    (r"non-existent (persistentvolume|pv)", _LOST),
    (
        (
            r"failed to find storage class|no class for claim|storageclass\S* \S+ not found|"
            r"had no pv name and storageClass name"
        ),
        _CLASS,
    ),
    (r"ReadWriteOncePod|had no available disk", _IN_USE),
    (r"exceed max volume count|Insufficient attachable-volumes", _COUNT),
    (r"CSI driver is not installed", _DRIVER),
    (r"enough free storage", _SPACE),
    (
        (
            r"volume node affinity conflict|PersistentVolume's node affinity|available volume zone|"
            r"didn't satisfy plugin\(s\) \[Volume"
        ),
        _ELSEWHERE,
    ),
    (
        (
            r"unbound (immediate )?PersistentVolumeClaims|available persistent volumes to bind|"
            r"waiting for ephemeral volume controller|binding volumes|VolumeBindingMode not set|"
            r"PersistentVolume(Claim)? had no name|provisioning failed for PVC"
        ),
        UNBOUND,
    ),
)
"""By the scheduler's words; what cannot pass by itself comes first."""

_ATTACHED: Final = Cause(
    "pod.volume_attached",
    "The server's volume is still attached to another node.",
    Who.YOU,
    "Stop the other server that uses it. Otherwise wait: after a node has failed it takes up to "
    "ten minutes; if it takes longer, ask an operator to look at the VolumeAttachments.",
)
_ATTACH: Final = Cause(
    "pod.volume_attach",
    "The node cannot attach the server's volume; the cluster keeps trying.",
    Who.OPERATOR,
    _EVENTS,
)
_SOURCE: Final = Cause(
    "pod.volume_source",
    "A Secret or ConfigMap that this server's pod mounts does not exist.",
    Who.OPERATOR,
    f"Ask an operator to create it, or to take it out of c.KubeSpawner.volumes. {_EVENTS}",
)
_MOUNT: Final = Cause(
    "pod.volume_mount",
    "The node cannot mount a volume of this server; the cluster keeps trying.",
    Who.OPERATOR,
    f"{_EVENTS} Usual causes are a file server that does not respond, and missing permissions.",
)
_PERMISSIONS: Final = Cause(
    "pod.volume_permissions",
    "The node is changing the owner of the files in this server's volume, one by one.",
    Who.NOBODY,
    "Wait: many files take minutes. An operator can make it quicker with fsGroupChangePolicy.",
)
_SANDBOX: Final = Cause(
    "pod.network",
    "The node cannot give this server its network; the cluster keeps trying.",
    Who.OPERATOR,
    f"{_EVENTS} Usual causes are exhausted addresses, and a network plugin that is down.",
)
_DEVICES: Final = Cause(
    "pod.device_setup",
    "The node cannot prepare the devices of this server; the cluster keeps trying.",
    Who.OPERATOR,
    f"{_EVENTS} The driver of those devices says why.",
)
_NOT_FOUND: Final = re.compile(
    r'(secret|configmap)s? "[^"]*" not found|references non-existent', re.IGNORECASE
)
_ELSEWHERE_ATTACHED: Final = re.compile("Multi-Attach|already (exclusively )?attached|already used")
_OF_REASONS: Final = {
    "FailedAttachVolume": _ATTACH,
    "FailedMount": _MOUNT,
    "FailedMapVolume": _MOUNT,
    "FailedMountOnFilesystemMismatch": _MOUNT,
    "VolumePermissionChangeInProgress": _PERMISSIONS,
    "FailedCreatePodSandBox": _SANDBOX,
    "NetworkNotReady": _SANDBOX,
    "FailedPrepareDynamicResources": _DEVICES,
}
_GOOD: Final = frozenset({"SuccessfulAttachVolume", "Pulling", "Pulled"})
"""After one of these events a pod waits for something else."""


def explain_events(events: Iterable[Manifest]) -> Cause | None:
    """Return why a scheduled pod does not begin on its node, from the newest of its events."""
    last = newest(events, _OF_REASONS.keys() | _GOOD)
    reason, message = str(last.get("reason")), str(last.get("message"))
    if reason == "FailedAttachVolume" and _ELSEWHERE_ATTACHED.search(message):
        return _ATTACHED
    if reason == "FailedMount" and _NOT_FOUND.search(message):
        return _SOURCE
    return _OF_REASONS.get(reason)
