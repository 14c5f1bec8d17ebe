"""A KubeSpawner that knows its own pod, and polls, stops and deletes no other."""

from typing import Any

from jupyterhub.utils import exponential_backoff
from kubespawner import KubeSpawner
from traitlets import Unicode, default

from jupyterhub_platform.core.manifests import Manifest
from jupyterhub_platform.hub.kubernetes.killed import KILLED, was_killed_for_memory
from jupyterhub_platform.hub.kubernetes.ownership import Owner, Standing, uid_of
from jupyterhub_platform.hub.kubernetes.pods import Pods


class OwnPodSpawner(KubeSpawner):  # type: ignore[misc]
    """Tells its own pod from one of the same name.

    The name of a pod follows from the names of user and server, so that two Hubs in one namespace
    give the same one, and KubeSpawner would take, stop and delete whatever bears it.
    """

    hub_instance = Unicode(
        config=True,
        help="""
        What tells this Hub from others that create pods in the same namespace.

        It is written onto every pod, and pods with another one are never touched. The default is
        the address under which servers reach this Hub. A changed value makes servers that run look
        like those of another Hub, so change it only while none runs.
        """,
    )

    # Whether a pod may have been created that the watch does not show yet.
    _unsettled = False
    # The pod of the start that runs, or ran last; empty if that was before this Hub started.
    _own_uid = ""
    # The pod that stood in the way of the last start and is not ours.
    _foreign_uid = ""

    @default("hub_instance")
    def _default_hub_instance(self) -> str:
        return str(self.hub.api_url)

    def pod_has_uid(self, pod: Manifest | None) -> bool:
        """Tell whether ``pod`` is the one that was created, and not one that the watch forgets."""
        has_uid: bool = super().pod_has_uid(pod)
        return has_uid and (not self._own_uid or uid_of(pod or {}) == self._own_uid)

    def is_pod_running(self, pod: Manifest | None) -> bool:
        """Tell whether ``pod`` is the one that was created, and runs."""
        return self.pod_has_uid(pod) and bool(super().is_pod_running(pod))

    async def poll(self) -> int | None:
        """Tell whether our pod runs; another Hub's pod of the same name is not our server."""
        await self._start_watching_pods()
        pod = self._watched()
        if pod is None and self._unsettled:
            # The watch lags behind what was created a moment ago.
            return 1 if await self._is_gone() else None
        self._unsettled = False
        if pod is not None and not self._is_own(pod):
            return 1
        if pod is not None and was_killed_for_memory(pod):
            # Nobody asked for the one that runs now, without the kernels of the one that ended.
            place = f"{self.namespace}/{self.pod_name}"
            self.log.warning("Pod %s used all of its memory and was killed: it has ended", place)
            if self.delete_stopped_pods:
                await self.stop(now=True)
            return KILLED
        status: int | None = await super().poll()
        return status

    async def stop(self, now: bool = False) -> None:
        """Delete our pod and wait until it is gone."""
        await self._start_watching_pods()
        pod = self._watched()
        if pod is not None and not self._is_own(pod):
            self.log.warning("Pod %s/%s is not ours: left alone", self.namespace, self.pod_name)
            return
        await super().stop(now)
        if self._unsettled:
            place = f"{self.namespace}/{self.pod_name}"
            await exponential_backoff(
                self._is_gone, f"pod {place} did not disappear", timeout=self.start_timeout
            )

    async def _make_delete_pod_request(
        self, pod_name: str, delete_options: Any, grace_seconds: int, request_timeout: float
    ) -> bool:
        """Delete our pod by its uid; ``False`` asks for another try."""
        pods = self._pods(request_timeout)
        try:
            existing = await pods.read(pod_name)
            if existing is None or not self._is_own(existing):
                return True
            return await pods.delete(pod_name, uid_of(existing), grace_seconds)
        except TimeoutError:
            return False

    async def _is_gone(self) -> bool:
        existing = await self._pods(self.k8s_api_request_timeout).read(self.pod_name)
        gone = existing is None or not self._is_own(existing)
        self._unsettled = not gone
        return gone

    def _watched(self) -> Manifest | None:
        pod: Manifest | None = self.pod_reflector.pods.get(f"{self.namespace}/{self.pod_name}")
        return pod

    def _is_own(self, pod: Manifest) -> bool:
        # A pod without our marks was started before this platform was installed, and is ended as
        # KubeSpawner would; unless it stood in the way of a start.
        if self._foreign_uid and uid_of(pod) == self._foreign_uid:
            return False
        return self._owner().standing(pod) is not Standing.SOMEBODY_ELSES

    def _owner(self) -> Owner:
        return Owner(self.hub_instance, self.user.name, self.name)

    def _pods(self, timeout: float) -> Pods:
        return Pods(self.api, self.namespace, timeout)
