"""Finds out whether the cluster's autoscaler is adding a node for an unscheduled pod.

Cluster Autoscaler and Karpenter report it as events of the pod.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from jupyterhub_platform.core.causes import Cause, Who
from jupyterhub_platform.core.manifests import Manifest, part
from jupyterhub_platform.hub.kubernetes.causes.events import newest, seen_at
from jupyterhub_platform.hub.kubernetes.causes.scheduling import SMALLER

_PATIENCE: Final = timedelta(minutes=20)
"""How long a requested node counts as coming; autoscalers give up before."""
_REASONS: Final = frozenset(
    {"TriggeredScaleUp", "Nominated", "NotTriggerScaleUp", "FailedScaleUp", "FailedScheduling"}
)
_COMING: Final = frozenset({"TriggeredScaleUp", "Nominated"})
_NO_SCHEDULER: Final = re.compile("karpenter|autoscaler|eks-auto-mode|nap", re.IGNORECASE)
_AT_MOST: Final = re.compile("max node group size reached|max cluster .* limit|exceeds? limits?")
_FAILED: Final = re.compile("backoff after failed scale-up|insufficient ?capacity", re.IGNORECASE)
_NO_HELP: Final = frozenset(
    {
        "cluster.gated",
        "cluster.preempting",
        "pod.device_class",
        "pod.volume_missing",
        "pod.volume_leaving",
        "pod.volume_lost",
        "pod.volume_class",
        "pod.volume_unbound",
        "pod.volume_in_use",
        "pod.volume_space",
    }
)
"""Causes that no further node would change."""


def with_scaling(cause: Cause, events: Iterable[Manifest], now: datetime) -> Cause:
    """Add to this ``cause`` of an unscheduled pod whether a node is coming."""
    last = newest((each for each in events if _is_of_an_autoscaler(each)), _REASONS)
    if not last or cause.code in _NO_HELP:
        return cause
    reason, message = str(last.get("reason")), str(last.get("message"))
    if reason in _COMING:
        return _add_coming_node(cause) if now - seen_at(last) < _PATIENCE else cause
    if reason == "FailedScaleUp" or _FAILED.search(message):
        return _add_failed_attempt(cause)
    return _at_most(cause) if _AT_MOST.search(message) else _not_coming(cause)


def _is_of_an_autoscaler(event: Manifest) -> bool:
    """Tell whether an autoscaler sent it; the scheduler uses FailedScheduling, too."""
    if event.get("reason") != "FailedScheduling":
        return True
    component = part(event, "source").get("component") or event.get("reportingComponent")
    return _NO_SCHEDULER.search(str(component)) is not None


def _extend(cause: Cause, code: str, more: str, who: Who, fix: str) -> Cause:
    return Cause(code, f"{cause.sentence} {more}", who, fix)


def _add_coming_node(cause: Cause) -> Cause:
    more = "A node for it is being added."
    fix = "Wait a few minutes; no action is needed."
    return _extend(cause, "cluster.node_coming", more, Who.NOBODY, fix)


def _add_failed_attempt(cause: Cause) -> Cause:
    more = "The last attempt to add a node failed."
    fix = (
        "The cluster tries again by itself, after some minutes. If it fails again, ask an operator "
        "to look at the autoscaler and the provider's capacity. A smaller tier may fit sooner."
    )
    return _extend(cause, "cluster.node_failed", more, Who.OPERATOR, fix)


def _at_most(cause: Cause) -> Cause:
    more = "No node is added: the cluster has reached its maximum."
    fix = f"{SMALLER} An operator can let the cluster have more nodes."
    return _extend(cause, "cluster.at_most", more, Who.OPERATOR, fix)


def _not_coming(cause: Cause) -> Cause:
    if cause.code != "cluster.full":
        return replace(cause, sentence=f"{cause.sentence} The cluster adds no node for it.")
    return _extend(cause, cause.code, "The cluster adds no node for it.", cause.who, SMALLER)
