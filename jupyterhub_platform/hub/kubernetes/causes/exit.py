"""Pods whose server has ended, although KubeSpawner would not say so."""

from typing import Final

from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.hub.kubernetes.manifest.metadata import NOTEBOOK

KILLED: Final = 137
"""Exit code of a process that was killed."""
_UNKNOWN: Final = 1
_FINAL: Final = frozenset({"Failed", "Succeeded"})


def exit_code_of(pod: Manifest) -> int | None:
    """Return how the server of ``pod`` ended; ``None`` if it has not, or KubeSpawner sees it."""
    if was_killed_for_memory(pod):
        return KILLED
    if part(pod, "status").get("phase") not in _FINAL:
        return None
    # An evicted pod is over, whatever it says of its containers, or nothing.
    codes = [part(each, "state", "terminated").get("exitCode") for each in _own_statuses(pod)]
    return next((int(code) for code in codes if code is not None), _UNKNOWN)


def is_for_memory(ended: Manifest) -> bool:
    """Tell whether a container ended in the state ``ended`` because it used all of its memory."""
    return ended.get("reason") == "OOMKilled"


def was_killed_for_memory(pod: Manifest) -> bool:
    """Tell whether the server of ``pod`` has used all of its memory before it was started again."""
    return any(
        is_for_memory(part(status, "lastState", "terminated")) for status in _own_statuses(pod)
    )


def _own_statuses(pod: Manifest) -> list[Manifest]:
    statuses = items(part(pod, "status"), "containerStatuses")
    return [status for status in statuses if status.get("name") == NOTEBOOK]
