"""Finds the proxy of Zero to JupyterHub: its pod has another address after each restart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jupyterhub_platform.core.manifests import items, part
from jupyterhub_platform.hub.kubernetes.pod_client import Pods

COMPONENT: Final = "proxy"
"""The label with which the chart marks the pods of the Hub's proxy, configurable-http-proxy."""


@dataclass(frozen=True, slots=True)
class ProxyPods:
    """The proxy's pods in the Hub's namespace, whose forwarded headers are trusted.

    Only the Hub and those who deploy it create pods there, and the labels of users' servers are the
    Hub's.
    """

    pods: Pods
    selector: str

    async def find(self) -> frozenset[str]:
        """Return their current addresses."""
        found: set[str] = set()
        for pod in await self.pods.list_whole(self.selector):
            status = part(pod, "status")
            found.update(str(each["ip"]) for each in items(status, "podIPs") if "ip" in each)
            if status.get("podIP"):
                found.add(str(status["podIP"]))
        return frozenset(found)


def select_proxies(labels: Mapping[str, str]) -> str:
    """Return the selector of the proxy that belongs to a Hub whose pods have these labels."""
    own = [f"{name}={labels[name]}" for name in ("app", "release") if name in labels]
    return ",".join([f"component={COMPONENT}", *own])
