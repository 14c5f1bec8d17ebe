"""Detects pods whose server has ended, although KubeSpawner does not see it."""

from typing import Final

from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.hub.kubernetes.manifest.metadata import NOTEBOOK

KILLED: Final = 137
"""Exit code of a process that was killed."""
_UNKNOWN: Final = 1
_FINAL: Final = frozenset({"Failed", "Succeeded"})


def exit_code_of(pod: Manifest) -> int | None:
    """Return the server's exit code; ``None`` if it has not ended, or KubeSpawner sees it."""
    if was_killed_for_memory(pod):
        return KILLED
    if part(pod, "status").get("phase") not in _FINAL:
        return None
    # An evicted pod is over, whatever its container statuses say.
    codes = [part(each, "state", "terminated").get("exitCode") for each in _own_statuses(pod)]
    return next((int(code) for code in codes if code is not None), _UNKNOWN)


def is_for_memory(ended: Manifest) -> bool:
    """Tell whether a container in the state ``ended`` was killed for memory."""
    return ended.get("reason") == "OOMKilled"


def was_killed_for_memory(pod: Manifest) -> bool:
    """Tell whether the server of ``pod`` ran out of memory before its restart."""
    return any(
        is_for_memory(part(status, "lastState", "terminated")) for status in _own_statuses(pod)
    )


def _own_statuses(pod: Manifest) -> list[Manifest]:
    statuses = items(part(pod, "status"), "containerStatuses")
    return [status for status in statuses if status.get("name") == NOTEBOOK]
