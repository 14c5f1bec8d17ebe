"""``platform.lock``: which versions a rendering is of, and the sha256 of each file of it."""

from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Final

from jupyterhub_platform.core.document.schema_deployment import DeclaredDeployment
from jupyterhub_platform.core.errors import PlatformError, PolicyError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.documents import parse_object, render_mapping

LOCK: Final = "platform.lock"
OLDEST_KUBERNETES: Final = "1.32"
_HEAD: Final = "# Written by jhp render: which versions all this is of, and what it rendered.\n"


def make_lock(deployment: DeclaredDeployment, policy: Policy, rendered: Mapping[str, str]) -> str:
    """Return the text of the lock of some rendered files."""
    images = {
        name: image.reference for name, image in sorted(policy.images.items()) if image.reference
    }
    pinned: dict[str, Any] = {"version": 1, "package": version("jupyterhub-platform")}
    if deployment.is_on_cluster:
        pinned |= {
            "kubernetes": f">={OLDEST_KUBERNETES}",
            "chart": {
                "repository": deployment.chart.repository,
                "name": "jupyterhub",
                "version": deployment.chart.version,
                "digest": deployment.chart.digest,
            },
        }
        images |= {
            "(hub)": deployment.images.hub,
            "(singleuser)": deployment.images.singleuser,
        }
    pinned["images"] = images
    pinned["rendered"] = {name: digest(text) for name, text in sorted(rendered.items())}
    return _HEAD + render_mapping(pinned)


def read_lock(text: str) -> Mapping[str, str]:
    """Return the digests of the rendered files that a lock names; none if there is no lock.

    Raises
    ------
    PlatformError
        Raised if it is no lock.
    """
    if not text:
        return {}
    try:
        rendered = parse_object(text.encode(), LOCK).get("rendered") or {}
    except PolicyError as error:
        what = f"{error.faults[0]}. Take it from git again, or delete it"
        raise PlatformError(f"{LOCK} cannot be read: {what}") from None
    if not isinstance(rendered, dict):
        raise PlatformError(f"{LOCK} names no rendered files. Run jhp render to write it anew.")
    return {str(name): str(found) for name, found in rendered.items()}


def digest(text: str) -> str:
    """Return the sha256 of a rendered file, in hexadecimal."""
    return sha256(text.encode()).hexdigest()
