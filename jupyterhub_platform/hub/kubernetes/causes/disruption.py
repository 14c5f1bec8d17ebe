"""Disruptions: Kubernetes took a pod from its node, or lost contact with it.

Kubernetes reports it in the condition ``DisruptionTarget``, with reasons of its own controllers,
and kubelets in the reason of a pod's status.
"""

from typing import Final

from jupyterhub_platform.core.causes import Cause, Who
from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.hub.kubernetes.manifest.metadata import NOTEBOOK

_EVICTED: Final = Cause(
    "pod.evicted",
    "The node that this server ran on had no room left, and evicted it.",
    Who.YOU,
    "Start it again; if it was the server's own files or memory, choose a larger tier.",
)
_PREEMPTED: Final = Cause(
    "pod.preempted",
    "The cluster ended this server to make room for one of a higher priority.",
    Who.YOU,
    "Start it again.",
)
_MOVED: Final = Cause(
    "pod.moved",
    "The cluster moved this server off its node, which was drained or removed.",
    Who.YOU,
    "Start it again.",
)
_NODE_LOST: Final = Cause(
    "pod.node_lost",
    "The node that this server ran on no longer responds.",
    Who.YOU,
    "Stop the server and start it again; it goes to another node. What was not saved is lost.",
)
_OF_STATUS: Final = {
    "Evicted": _EVICTED,
    "Preempting": _PREEMPTED,  # by its kubelet, for a critical pod of the cluster
    "Terminated": _MOVED,  # by its kubelet, as the node shuts down
    "NodeLost": _NODE_LOST,
}
_OF_DISRUPTION: Final = {
    "PreemptionByScheduler": _PREEMPTED,
    "DeletionByTaintManager": _NODE_LOST,
    "DeletionByPodGC": _NODE_LOST,
}


def explain_disruption(pod: Manifest) -> Cause | None:
    """Return why the cluster takes ``pod`` from its node; ``None`` if it does not."""
    cause = _OF_STATUS.get(str(part(pod, "status").get("reason")))
    if cause is not None:
        return cause
    disrupted = condition_of(pod, "DisruptionTarget")
    if disrupted.get("status") == "True":
        reason = str(disrupted.get("reason"))
        if reason == "DeletionByTaintManager" and _is_reported(pod):
            return _MOVED  # other tools taint nodes, too, and this node responds
        return _OF_DISRUPTION.get(reason, _MOVED)
    return _NODE_LOST if _is_cut_off(pod) else None


def condition_of(pod: Manifest, kind: str) -> Manifest:
    """Return a condition of a pod, empty if there is none of that kind."""
    conditions = items(part(pod, "status"), "conditions")
    return next((each for each in conditions if each.get("type") == kind), {})


def _is_reported(pod: Manifest) -> bool:
    """Tell whether a kubelet has reported a disrupted pod as ready, or as ended."""
    ended = part(_own_status(pod), "state", "terminated")
    return bool(ended) or condition_of(pod, "Ready").get("status") == "True"


def _is_cut_off(pod: Manifest) -> bool:
    """Tell whether the node of a pod that was ready has stopped responding.

    Kubernetes then sets only the status of ``Ready`` on that node's pods; a kubelet that reports
    one as not ready gives a reason as well.
    """
    ready, own = condition_of(pod, "Ready"), _own_status(pod)
    was_ready = own.get("ready") is True and "running" in part(own, "state")
    return ready.get("status") == "False" and not ready.get("reason") and was_ready


def _own_status(pod: Manifest) -> Manifest:
    statuses = items(part(pod, "status"), "containerStatuses")
    return next((each for each in statuses if each.get("name") == NOTEBOOK), {})
