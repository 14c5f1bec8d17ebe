"""The Hub as the cluster knows it: which Deployment it is, and what its pods are like."""

from collections.abc import Iterable, Mapping
from typing import Final

from jupyterhub_platform.core.manifests import Manifest, items, part

HUB: Final = {"component": "hub"}
"""What Zero to JupyterHub labels the pods of the Hub with, beside the release."""


def find_hub(deployments: Iterable[Manifest]) -> Manifest | None:
    """Return the Deployment of the Hub, if it is there."""
    return next((each for each in deployments if HUB.items() <= labels_of(each).items()), None)


def labels_of(deployment: Manifest) -> Mapping[str, str]:
    """Return the labels of the pods of a Deployment."""
    return part(deployment, "spec", "template", "metadata", "labels")


def service_account_of(deployment: Manifest | None) -> str:
    """Return the service account of the pods of a Deployment; empty if it is not known."""
    if deployment is None:
        return ""
    return str(part(deployment, "spec", "template", "spec").get("serviceAccountName") or "default")


def ports_of(deployment: Manifest) -> dict[str, int]:
    """Return the named ports of the pods of a Deployment."""
    containers = items(part(deployment, "spec", "template", "spec"), "containers")
    return {
        str(port["name"]): int(port["containerPort"])
        for container in containers
        for port in items(container, "ports")
        if "name" in port and "containerPort" in port
    }
