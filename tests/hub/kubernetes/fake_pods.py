"""Pods that run nowhere: what a kubelet would report of them is said by the tests."""

import threading
from contextlib import suppress
from typing import Any, Self

from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from tests.cluster.api import connect
from tests.cluster.fixtures import Cluster
from tests.support.kubernetes_api import RUNNING


class PlayedPods:
    """Reports every pod of a namespace that waits as running, from a thread of its own.

    Those whose name holds one of ``waiting`` go on waiting; of those whose name holds a key of
    ``reports`` that is reported meanwhile.
    """

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.waiting: set[str] = set()
        self.reports: dict[str, Any] = {}
        self._client = connect(cluster.kubeconfig)
        self._core, self._namespace = CoreV1Api(self._client), namespace
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="played pods", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        self._client.close()

    def report(self, name: str, status: Any) -> None:
        """Report something of one pod, if it is there still."""
        with suppress(ApiException, HTTPError):
            self._core.patch_namespaced_pod_status(name, self._namespace, {"status": status})

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            pods: Any = []
            with suppress(ApiException, HTTPError):
                pods = self._core.list_namespaced_pod(self._namespace).items
            for name in (pod.metadata.name for pod in pods if pod.status.phase == "Pending"):
                if not any(part in name for part in self.waiting):
                    self.report(name, RUNNING)
                for part in filter(name.__contains__, tuple(self.reports)):
                    self.report(name, self.reports[part])
