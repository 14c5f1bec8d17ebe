"""From an admitted start to a pod: its labels and annotations."""

from collections.abc import Mapping
from typing import Any, Final

from kubespawner.slugs import is_valid_label, safe_slug

from jupyterhub_platform.core.pods import SecretKey, Variable
from jupyterhub_platform.usecases.admission import Admitted

PREFIX: Final = "jupyterhub-platform/"
RESERVATION: Final = f"{PREFIX}reservation"
HUB: Final = f"{PREFIX}hub"
USER: Final = f"{PREFIX}user"
SERVER: Final = f"{PREFIX}server"
NOTEBOOK: Final = "notebook"
"""The container of a pod that runs the single-user server, as KubeSpawner names it."""


def labels_of(admitted: Admitted) -> dict[str, str]:
    """Return the labels of a pod, for selectors; names that no label allows are shortened."""
    values = {
        f"{PREFIX}tier": admitted.reservation.tier,
        f"{PREFIX}account": admitted.reservation.account,
        RESERVATION: admitted.reservation.id,
        **({f"{PREFIX}size": size} if (size := admitted.reservation.size) else {}),
    }
    return {key: safe_slug(value, is_valid=is_valid_label) for key, value in values.items()}


def annotations_of(admitted: Admitted, hub: str) -> dict[str, str]:
    """Return the annotations of a pod: the exact names, and which Hub it belongs to."""
    reservation = admitted.reservation
    return {
        f"{PREFIX}tier": reservation.tier,
        f"{PREFIX}account": reservation.account,
        f"{PREFIX}image": reservation.image,
        **({f"{PREFIX}size": reservation.size} if reservation.size else {}),
        RESERVATION: reservation.id,
        USER: reservation.user,
        SERVER: reservation.server,
        HUB: hub,
    }


def render_variable(source: Variable) -> Any:
    """Render where a variable comes from as KubeSpawner takes it: a text, or a reference."""
    if isinstance(source, SecretKey):
        key = {"name": source.secret, "key": source.key}
        return {"valueFrom": {"secretKeyRef": key}}
    return source


def would_replace(container: Mapping[str, Any], pod: Mapping[str, Any]) -> str:
    """Return the operator's setting that would replace what the Hub itself puts into a pod.

    KubeSpawner also logs what is replaced, including the server's token. Empty if there is none.
    """
    if "env" in container:
        return "extra_container_config.env"
    if "containers" in pod:
        return "extra_pod_config.containers"
    return ""
