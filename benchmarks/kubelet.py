"""What a kubelet would say of pods, said of every pod at once; and how many there have been.

It runs in a process of its own, so that it takes no turn of the measurement. It learns of pods by
watching, as a kubelet does, and a pod that it has not heard of costs nothing.
"""

import asyncio
import json
import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientTimeout
from kubernetes_asyncio import config
from kubernetes_asyncio.client import ApiClient, ApiException, CoreV1Api

from jupyterhub_platform.hub.kubernetes.manifest.metadata import NOTEBOOK, RESERVATION

_RUNNING: Final = {
    "phase": "Running",
    "podIP": "10.0.0.7",
    "conditions": [{"type": "Ready", "status": "True"}],
    "containerStatuses": [
        {
            "name": NOTEBOOK,
            "image": "",
            "imageID": "",
            "restartCount": 0,
            "ready": True,
            "state": {"running": {}},
        }
    ],
}
_MERGE: Final = "application/merge-patch+json"
_AT_ONCE: Final = 16
_GONE: Final = 404


class Peak:
    """The most pods with a mark of ours that a namespace has held at any one instant."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._most: Synchronized[int] = multiprocessing.get_context("spawn").Value("i", 0)

    @property
    def pods(self) -> int:
        """How many there were."""
        return self._most.value

    def see(self, pods: int) -> None:
        """Note how many there are."""
        self._most.value = max(self._most.value, pods)


@contextmanager
def playing(kubeconfig: Path, peaks: Sequence[Peak]) -> Iterator[None]:
    """Report every pod of some namespaces as running as soon as it is there, and count them."""
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    arguments = (str(kubeconfig), tuple(peaks), begun)
    process = context.Process(target=_play, args=arguments, daemon=True)
    process.start()
    try:
        while not begun.wait(0.1):
            _see_alive(process)
        yield
        _see_alive(process)
    finally:
        process.terminate()
        process.join()


def _see_alive(process: BaseProcess) -> None:
    if not process.is_alive():
        raise RuntimeError(
            "The kubelet of the benchmark has ended: pods do not run, and are not counted"
        )


def _play(kubeconfig: str, peaks: tuple[Peak, ...], begun: Event) -> None:
    asyncio.run(_watch_all(kubeconfig, peaks, begun))


async def _watch_all(kubeconfig: str, peaks: tuple[Peak, ...], begun: Event) -> None:
    client: ApiClient = await config.new_client_from_config(kubeconfig)
    async with client:
        core = CoreV1Api(client)
        await core.list_namespaced_pod(peaks[0].namespace, limit=1)
        begun.set()
        kubelets = [_Kubelet(core, peak) for peak in peaks]
        async with asyncio.TaskGroup() as tasks:
            for kubelet in kubelets:
                tasks.create_task(kubelet.watch())
                for _ in range(_AT_ONCE):
                    tasks.create_task(kubelet.report())


class _Kubelet:
    """Watches one namespace."""

    def __init__(self, core: CoreV1Api, peak: Peak) -> None:
        # It takes more arguments than its types say.
        self._core: Any = core
        self._peak = peak
        self._pending: asyncio.Queue[str] = asyncio.Queue()

    async def watch(self) -> None:
        """Follow what happens to pods, and begin anew when the cluster ends a watch."""
        while True:
            present: set[str] = set()
            response: Any = await self._core.list_namespaced_pod(
                self._peak.namespace,
                watch=True,
                _preload_content=False,
                _request_timeout=ClientTimeout(total=None),
            )
            response.raise_for_status()
            async for line in response.content:
                self._take(json.loads(line), present)

    def _take(self, event: Any, present: set[str]) -> None:
        pod = event["object"]
        meta = pod["metadata"]
        if RESERVATION not in meta.get("annotations", {}):
            return
        if event["type"] == "DELETED":
            present.discard(meta["uid"])
            return
        present.add(meta["uid"])
        self._peak.see(len(present))
        if event["type"] == "ADDED" and pod["status"]["phase"] == "Pending":
            self._pending.put_nowait(meta["name"])

    async def report(self) -> None:
        """Say of one pod after the other that it runs."""
        while True:
            name = await self._pending.get()
            try:
                await self._core.patch_namespaced_pod_status(
                    name,
                    self._peak.namespace,
                    {"status": _RUNNING},
                    _content_type=_MERGE,
                    _preload_content=False,
                )
            except ApiException as error:
                if error.status != _GONE:
                    raise
