"""Finds why a server's pod does not run, or ended: one cause in words, who can help, and how.

Kubernetes' own messages are classified, not repeated: they may hold what others sent. Only names of
resources and taints are taken from them, and scheduler messages that are unknown here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from jupyterhub_platform.core.causes import ENDED, FAILED, OUT_OF_MEMORY, Cause, Who
from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.hub.kubernetes.causes.disruption import condition_of, explain_disruption
from jupyterhub_platform.hub.kubernetes.causes.events import Events, about, none
from jupyterhub_platform.hub.kubernetes.causes.exit import is_for_memory
from jupyterhub_platform.hub.kubernetes.causes.scaling import with_scaling
from jupyterhub_platform.hub.kubernetes.causes.scheduling import explain_scheduling
from jupyterhub_platform.hub.kubernetes.causes.volumes import explain_events
from jupyterhub_platform.hub.kubernetes.manifest.metadata import NOTEBOOK

_WAITING: Final = {
    "ErrImageNeverPull": "pod.image_absent",
    "ErrImagePull": "pod.image_pull",
    "ImagePullBackOff": "pod.image_pull",
    "RegistryUnavailable": "pod.image_pull",
    "SignatureValidationFailed": "pod.image_pull",
    "ImageInspectError": "pod.image_unreadable",
    "InvalidImageName": "pod.image_name",
    "CreateContainerConfigError": "pod.container",
    "CreateContainerError": "pod.container",
    "PreCreateHookError": "pod.container",
    "PreStartHookError": "pod.container",
    "PostStartHookError": "pod.container",
    "RunContainerError": "pod.container",
    "CrashLoopBackOff": "pod.crashes",
}
_UNPLACED: Final = frozenset({"Unschedulable", "SchedulerError"})
_NOT_BEGUN: Final = frozenset({"ContainerCreating", "PodInitializing"})
_SETUP_TIME: Final = timedelta(seconds=60)
"""The time in which a scheduled pod gets its volumes and network, if nothing is wrong."""
_REASON: Final = re.compile(r"[A-Za-z][A-Za-z0-9./_-]{0,98}")
_STATES: Final = ("state", "lastState")
DELETED: Final = Cause(
    "pod.deleted",
    "The pod of this server was deleted, and not by the Hub.",
    Who.YOU,
    "Start it again. What is in its volume is kept.",
)
_LOG: Final = "The Hub's log and kubectl describe have the details."


def explain_pod(pod: Manifest, now: datetime, events: Events = none) -> Cause | None:
    """Return why ``pod`` does not run or ended; ``None`` if nothing is known to be wrong."""
    looks: tuple[Callable[[Manifest], Cause | None], ...] = (
        explain_disruption,
        _explain_end,
        _explain_rejection,
        _explain_waiting,
        lambda each: _explain_setup(each, now, events),
        lambda each: _explain_placement(each, now, events),
        _explain_claims,
    )
    return next((cause for look in looks if (cause := look(pod)) is not None), None)


def _explain_end(pod: Manifest) -> Cause | None:
    statuses = tuple(_statuses(pod))
    if any(is_for_memory(part(s, key, "terminated")) for s in statuses for key in _STATES):
        return OUT_OF_MEMORY
    if any(part(status, "state", "terminated").get("exitCode") for status in statuses):
        return FAILED
    own = next((s for s in statuses if s.get("name") == NOTEBOOK), {})
    return ENDED if part(own, "state", "terminated") else None


def _explain_rejection(pod: Manifest) -> Cause | None:
    """Explain that the kubelet rejected a pod that the scheduler had assigned to it."""
    status = part(pod, "status")
    if status.get("phase") != "Failed" or not status.get("reason"):
        return None
    word = _REASON.fullmatch(str(status["reason"]))
    sentence = f"The node rejected this server: {word[0] if word else 'no reason is known'}."
    fix = "Start it again; if that happens again, ask an operator to look at the node."
    return Cause("pod.rejected", sentence, Who.YOU, fix)


def _explain_waiting(pod: Manifest) -> Cause | None:
    for status in (*_statuses(pod), *_list_sidecar_states(pod)):
        code = _WAITING.get(str(part(status, "state", "waiting").get("reason")))
        if code is not None:
            return _name(_CAUSES[code], str(status.get("name")))
    return None


def _name(cause: Cause, container: str) -> Cause:
    """Name the container in a cause, if it is not the server's own."""
    if container == NOTEBOOK:
        return cause
    named = f"the container {container} beside this server"
    return replace(cause, sentence=cause.sentence.replace("this server", named))


def _explain_setup(pod: Manifest, now: datetime, events: Events) -> Cause | None:
    """Explain that a node has not yet begun to pull images, which shows the same waiting state."""
    scheduled = condition_of(pod, "PodScheduled")
    sandbox = condition_of(pod, "PodReadyToStartContainers")
    own = next(iter(_statuses(pod)), {})
    waits = part(own, "state", "waiting").get("reason") in _NOT_BEGUN
    if scheduled.get("status") != "True" or sandbox.get("status") != "False" or not waits:
        return None
    if (told := explain_events(about(pod, events))) is not None:
        return told
    try:
        is_late = now - datetime.fromisoformat(str(scheduled["lastTransitionTime"])) > _SETUP_TIME
    except (KeyError, TypeError, ValueError):
        return None
    return _CAUSES["pod.setup"] if is_late else None


def _explain_placement(pod: Manifest, now: datetime, events: Events) -> Cause | None:
    scheduled = condition_of(pod, "PodScheduled")
    is_waiting = part(pod, "status").get("phase", "Pending") == "Pending"
    if not is_waiting or scheduled.get("status") != "False":
        return None
    if scheduled.get("reason") == "SchedulingGated":
        return _CAUSES["cluster.gated"]
    if scheduled.get("reason") not in _UNPLACED:
        return None
    cause = explain_scheduling(str(scheduled.get("message", "")))
    return with_scaling(cause, about(pod, events), now)


def _explain_claims(pod: Manifest) -> Cause | None:
    """Explain that claims are not created yet: until then the scheduler ignores the pod."""
    wanted = {
        each.get("name")
        for each in items(part(pod, "spec"), "resourceClaims")
        if "resourceClaimTemplateName" in each
    }
    made = {each.get("name") for each in items(part(pod, "status"), "resourceClaimStatuses")}
    if part(pod, "status").get("phase") != "Pending" or wanted <= made:
        return None
    return _CAUSES["pod.claim_unmade"]


def _statuses(pod: Manifest) -> Iterator[Manifest]:
    """Yield the states of containers: the server's own first, then init containers."""
    status = part(pod, "status")
    own = items(status, "containerStatuses")
    yield from (each for each in own if each.get("name") == NOTEBOOK)
    yield from items(status, "initContainerStatuses")


def _list_sidecar_states(pod: Manifest) -> Iterator[Manifest]:
    """Yield the states of sidecars, whose end does not end the server."""
    own = items(part(pod, "status"), "containerStatuses")
    yield from (each for each in own if each.get("name") != NOTEBOOK)


_CAUSES: Final = {
    cause.code: cause
    for cause in (
        Cause(
            "pod.image_absent",
            "The image of this server is not on the node, and the Hub does not allow to pull it.",
            Who.OPERATOR,
            "Ask an operator to load it there, or to set c.KubeSpawner.image_pull_policy.",
        ),
        Cause(
            "pod.image_pull",
            "The image of this server cannot be pulled; the cluster keeps trying.",
            Who.OPERATOR,
            f"Ask an operator whether it exists, and whether the cluster may pull it. {_LOG}",
        ),
        Cause(
            "pod.image_unreadable",
            "The image of this server is on the node, but the node cannot read it.",
            Who.OPERATOR,
            f"Start it again; if it fails again, ask an operator to check that node's disk. {_LOG}",
        ),
        Cause(
            "pod.setup",
            "This server has a node, and still waits there for its volumes or its network.",
            Who.OPERATOR,
            "A volume that is still attached elsewhere comes within minutes; otherwise ask an "
            f"operator to look at the events of its pod. {_LOG}",
        ),
        Cause(
            "cluster.gated",
            "A scheduling gate of the cluster still holds this server back.",
            Who.OPERATOR,
            "A queue admits it when its turn comes; otherwise ask an operator whose scheduling "
            f"gates its pod has. {_LOG}",
        ),
        Cause(
            "pod.image_name",
            "The image of this server has a name that the cluster cannot read.",
            Who.OPERATOR,
            "Ask an operator to correct its reference in the policy.",
        ),
        Cause(
            "pod.container",
            "The node cannot start this server as its tier and the Hub describe it.",
            Who.OPERATOR,
            f"Ask an operator to look at what it refers to and at its user id. {_LOG}",
        ),
        Cause(
            "pod.crashes",
            "The program of this server keeps ending soon after it starts.",
            Who.OPERATOR,
            f"Ask an operator to look at its log. {_LOG}",
        ),
        Cause(
            "pod.claim_unmade",
            "The claim for this server's devices is not created yet.",
            Who.OPERATOR,
            "If it is not created within a minute, ask an operator to check with jhp doctor that "
            f"its template exists. {_LOG}",
        ),
    )
}
