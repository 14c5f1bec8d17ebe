"""The proxy on Kubernetes is found by its labels; no other pod is taken for it."""

from typing import Any

import pytest

from jupyterhub_platform.hub.kubernetes.proxies import ProxyPods, select_proxies
from tests.hub.kubernetes.spawners import Start
from tests.support.kubernetes_api import FakeKubernetes

CHART = {"app": "jupyterhub", "chart": "jupyterhub-4.3.1", "release": "hub"}


def pod(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {}}


@pytest.mark.parametrize(
    ("labels", "selector"),
    [
        ({}, "component=proxy"),
        (CHART, "component=proxy,app=jupyterhub,release=hub"),
        ({"heritage": "jupyterhub"}, "component=proxy"),
    ],
)
def test_the_proxy_is_the_one_of_this_release(labels: dict[str, str], selector: str) -> None:
    assert select_proxies(labels) == selector


async def test_only_the_proxys_own_pods_are_found(spawner: Start, cluster: FakeKubernetes) -> None:
    ours = {"app": "jupyterhub", "release": "hub"}
    addresses = {
        "proxy-5d9": ("proxy", ours),
        "proxy-other": ("proxy", {**ours, "release": "other"}),
        "jupyter-dev1": ("singleuser-server", ours),
        "autohttps-1": ("autohttps", ours),
    }
    namespace = spawner().namespace
    for number, (name, (component, labels)) in enumerate(addresses.items()):
        made = cluster.add(namespace, pod(name, component=component, **labels))
        made["status"]["podIP"] = f"10.0.0.{number}"
    cluster.pods["proxy-5d9"]["status"]["podIPs"] = [{"ip": "10.0.0.0"}, {"ip": "fd00::1"}]
    pods = spawner().pod_client(5)
    proxies = ProxyPods(pods, select_proxies(CHART))
    assert await proxies.find() == {"10.0.0.0", "fd00::1"}
    cluster.remove("proxy-5d9")
    assert await proxies.find() == frozenset()
