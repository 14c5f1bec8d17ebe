"""A live Hub whose servers are pods of a real cluster, with a way between that faults can take.

Its account has the Role of ``helm-values/``. No pod runs: tests say of each that it does, and one
small server answers the Hub in the place of all.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import jupyterhub
from kubernetes.client import CoreV1Api

from jupyterhub_platform.hub.kubernetes.manifest.metadata import RESERVATION
from tests.cluster.fixtures import Cluster
from tests.hub.kubernetes.fake_pods import PlayedPods
from tests.hub.kubernetes.hub_role import ROLE, give
from tests.support.fault_proxy import FaultProxy
from tests.support.live_hub import LiveHub, running
from tests.support.store_readers import read_open
from tests.support.tiny_server import Answer

POLICY: Final = """\
version: 1
name: Cluster
defaults: {tier: small}
users:
  admin: {level: admin}
  dev1: {level: developer}
groups:
  vision:
    members: [dev1, admin]
    quota: {servers: 100}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:2026-11-02}
tiers:
  small:
    title: Small
    requests: {cpu: 100m, memory: 128Mi}
    limits: {cpu: 1, memory: 1Gi}
    images: [lab]
"""
_SITE: Final = """
from jupyterhub.handlers import BaseHandler

class Failures(BaseHandler):
    def get(self):
        self.write(str(self.settings.get("failure_count", 0)))

c.JupyterHub.extra_handlers = [("/failures", Failures)]
c.JupyterHub.spawner_class = "kubernetes"
c.JupyterHub.named_server_limit_per_user = 100
c.KubeSpawner.namespace = {namespace!r}
c.KubeSpawner.k8s_api_host = {api!r}
c.KubeSpawner.k8s_api_request_timeout = 1
c.KubeSpawner.k8s_api_request_retry_timeout = 5
c.KubeSpawner.pod_connect_ip = "127.0.0.1"
c.KubeSpawner.port = {port}
c.KubeSpawner.node_selector = {{"jupyterhub-platform.test/nowhere": "true"}}
c.KubeSpawner.storage_pvc_ensure = True
c.KubeSpawner.storage_capacity = "1Mi"
c.KubeSpawner.delete_grace_period = 1
c.KubeSpawner.start_timeout = {start_timeout}
c.ResourceReflector.timeout_seconds = 1
c.Spawner.poll_interval = 1
c.Spawner.http_timeout = 20
c.Platform.check_seconds = 1
"""


@dataclass(frozen=True)
class ClusterHub:
    """A live Hub, the cluster that it uses, and what is between."""

    hub: LiveHub
    cluster: Cluster
    namespace: str
    proxy: FaultProxy
    pods: PlayedPods

    @property
    def core(self) -> CoreV1Api:
        """The cluster as its administrator sees it."""
        return CoreV1Api(self.cluster.client)

    @property
    def failures(self) -> int:
        """The Hub's count of failures, at some number of which it would end itself."""
        return int(self.hub.login("admin").get("/hub/failures").text)

    def list_own_pods(self) -> dict[str, str]:
        """Return the reservation that each pod of this Hub names, by the pod's name."""
        pods: Any = self.core.list_namespaced_pod(self.namespace).items
        marks = {pod.metadata.name: pod.metadata.annotations or {} for pod in pods}
        return {name: mark[RESERVATION] for name, mark in marks.items() if RESERVATION in mark}

    def list_held(self) -> list[str]:
        """Return the reservations that are open."""
        return sorted(each.id for each in read_open(self.hub))


@contextmanager
def cluster_hub(
    directory: Path,
    cluster: Cluster,
    namespace: str,
    *,
    start_timeout: int = 30,
    site: str = "",
    role: Any = ROLE,
    policy: str = POLICY,
) -> Iterator[ClusterHub]:
    """Run a Hub on a cluster, behind a proxy for faults."""
    known = cluster.client.configuration
    with (
        # By its user agent a lent cluster tells what is to be deleted afterwards.
        FaultProxy(known.host, known.ssl_ca_cert, cluster.client.user_agent) as proxy,
        PlayedPods(cluster, namespace) as pods,
        answering() as port,
    ):
        kubeconfig = directory / "kubeconfig"
        kubeconfig.write_text(render_kubeconfig(proxy.url, give(cluster, namespace, role)))
        names = {"namespace": namespace, "api": proxy.url, "port": port}
        told = _SITE.format(**names, start_timeout=start_timeout) + site
        environment = {"KUBECONFIG": str(kubeconfig)}
        hub = LiveHub(directory, policy, site=told, environment=environment)
        with running(hub):
            yield ClusterHub(hub, cluster, namespace, proxy, pods)


@contextmanager
def answering() -> Iterator[int]:
    """Answer in the place of every server, and give the port."""
    os.environ["TINY_SERVER_HUB_VERSION"] = jupyterhub.__version__
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def render_kubeconfig(server: str, token: str) -> str:
    """Return how the owner of a ``token`` reaches an API server."""
    name = "hub"
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": server}}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        }
    )
