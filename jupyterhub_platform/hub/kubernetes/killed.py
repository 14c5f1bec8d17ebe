"""Servers that were killed for their memory, although their node has started them again."""

from typing import Final

from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.hub.kubernetes.pod import NOTEBOOK

KILLED: Final = 137
"""Exit code of a process that was killed."""


def is_for_memory(ended: Manifest) -> bool:
    """Tell whether a container ended in the state ``ended`` because it used all of its memory."""
    return ended.get("reason") == "OOMKilled"


def was_killed_for_memory(pod: Manifest) -> bool:
    """Tell whether the server of ``pod`` has used all of its memory before it was started again."""
    return any(
        status.get("name") == NOTEBOOK and is_for_memory(part(status, "lastState", "terminated"))
        for status in items(part(pod, "status"), "containerStatuses")
    )
