"""The Hub on a cluster that is measured, from the inside: plain KubeSpawner, or ours.

Both ask the cluster for pods that are alike to the last label, so that neither API server nor watch
has more to do for one of them.
"""

import os
from functools import partialmethod
from typing import Any, Final

from tornado.tcpserver import TCPServer

from benchmarks.hub_config import set_up_hub
from jupyterhub_platform.hub.configuration.hardening import IDENTITY_ARGUMENT, IDENTITY_SECONDS
from jupyterhub_platform.hub.configure import configure
from jupyterhub_platform.hub.kubernetes.manifest.metadata import (
    HUB,
    PREFIX,
    RESERVATION,
    SERVER,
    USER,
)

_PATIENCE: Final = 600
_MAX_AT_ONCE: Final = 4096
_MAX_ID_LENGTH: Final = "0123456789abcdef0123456789abcdef"
_MARKS: Final = {
    f"{PREFIX}tier": "small",
    f"{PREFIX}account": "group000",
    RESERVATION: _MAX_ID_LENGTH,
}


def set_up(c: Any, *, governed: bool, port: int, backend: str, token: str) -> None:
    """Configure a Hub: stock with KubeSpawner, or the same one with ``configure(c)``."""
    # More ask at once than the kernel holds for a server of tornado's; it would break some off.
    server: Any = TCPServer
    server.listen = partialmethod(server.listen, backlog=_MAX_AT_ONCE)
    set_up_hub(c, port=port, token=token)
    c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
    # How long a Hub that starts waits for its servers before it answers; -1: until all are known.
    c.JupyterHub.init_spawners_timeout = int(os.environ["BENCHMARK_INIT_SECONDS"])
    c.JupyterHub.active_server_limit = 0
    _set_up_kubernetes(c, backend)
    c.Spawner.consecutive_failure_limit = 0
    if governed:
        os.environ["PLATFORM_SERVICE_URL"] = os.environ["BENCHMARK_SERVICE_URL"]
        configure(c)
    else:
        c.JupyterHub.authenticator_class = "dummy"
        c.Authenticator.allow_all = True
        _ask_for_the_same(c)


def _set_up_kubernetes(c: Any, backend: str) -> None:
    spawner = c.KubeSpawner
    spawner.namespace = os.environ["BENCHMARK_NAMESPACE"]
    # No scheduler looks for a node: no pod runs, and it would try again and again.
    spawner.scheduler_name = "nobody"
    spawner.pod_connect_ip = "127.0.0.1"
    spawner.port = int(backend.rpartition(":")[2])
    spawner.storage_pvc_ensure = False
    spawner.delete_grace_period = 1
    spawner.k8s_api_threadpool_workers = 50
    # All who race have begun before the Hub has a turn for the first answer of the cluster's.
    spawner.k8s_api_request_timeout = spawner.k8s_api_request_retry_timeout = _PATIENCE
    c.ResourceReflector.request_timeout = _PATIENCE
    spawner.start_timeout = spawner.http_timeout = _PATIENCE


def _ask_for_the_same(c: Any) -> None:
    """Say by KubeSpawner's own settings what a tier says."""
    spawner = c.KubeSpawner
    spawner.image = "example/lab:1"
    spawner.cmd = ["jupyterhub-singleuser"]
    spawner.args = [f"{IDENTITY_ARGUMENT}={IDENTITY_SECONDS}"]
    spawner.cpu_guarantee = spawner.cpu_limit = 1
    spawner.mem_guarantee = spawner.mem_limit = "2G"
    spawner.default_url = "/lab"
    spawner.automount_service_account_token = False
    spawner.container_security_context = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    spawner.extra_labels = _MARKS
    more = {f"{PREFIX}image": "lab", USER: "{username}", SERVER: "", HUB: _MAX_ID_LENGTH}
    spawner.extra_annotations = {**_MARKS, **more}
