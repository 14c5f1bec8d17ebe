"""A KubeSpawner that knows its own pod, and polls, stops and deletes no other."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiohttp import ClientError
from jupyterhub.utils import exponential_backoff
from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner
from traitlets import Unicode, default

from jupyterhub_platform.core.causes import Cause
from jupyterhub_platform.core.manifests import Manifest
from jupyterhub_platform.hub.kubernetes import api_errors as answers
from jupyterhub_platform.hub.kubernetes.causes.exit import exit_code_of
from jupyterhub_platform.hub.kubernetes.causes.pod import explain_pod
from jupyterhub_platform.hub.kubernetes.pod_client import Pods
from jupyterhub_platform.hub.kubernetes.pod_owner import Owner, Standing, uid_of
from jupyterhub_platform.hub.kubernetes.watches import REFLECTORS


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

    # Those who wait for a watch to begin; the loop itself holds no task.
    _beginning: ClassVar[set[asyncio.Future[Any]]] = set()
    # Whether a pod may have been created that the watch does not show yet.
    _unsettled = False
    # The pod of the start that runs, or ran last; empty if that was before this Hub started.
    _own_uid = ""
    # How our pod ended, if that was seen since the start that runs, or ran last.
    _ended_with: int | None = None
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
        """Tell whether our pod runs; another Hub's pod of the same name is not our server.

        Raises
        ------
        AdmissionDenied
            Raised if the cluster does not say so; whoever asked the Hub reads that.
        """
        try:
            self._ended_with = await self._look()
        except (ApiException, ClientError, ConnectionError, TimeoutError) as error:
            if self._ended_with is not None:
                # What has ended stays so. The Hub asks twice before it acts, and would not again.
                return self._ended_with
            place, kind = f"{self.namespace}/{self.pod_name}", type(error).__name__
            self.log.warning("The cluster does not say whether pod %s runs: %s", place, kind)
            raise answers.not_said() from None
        return self._ended_with

    async def _look(self) -> int | None:
        await self._start_watching_pods()
        pod = self._watched()
        if pod is None:
            # The watch may lag behind, or begin anew: what it does not show is gone only if the
            # cluster says so.
            return 1 if await self._is_gone() else None
        self._unsettled = False
        if pod is not None and not self._is_own(pod):
            return 1
        ended = None if pod is None else exit_code_of(pod)
        if ended is None:
            status: int | None = await super().poll()
            return status
        # KubeSpawner takes one that was started again for the one that ran, and leaves an evicted
        # one where it is. Nobody asked for a server without the kernels of the one that ended.
        self.log.warning("Pod %s/%s has ended with %i", self.namespace, self.pod_name, ended)
        if self.delete_stopped_pods:
            await self.stop(now=True)
        return ended

    async def stop(self, now: bool = False) -> None:
        """Delete our pod and wait until it is gone."""
        await self._start_watching_pods()
        pod = self._watched()
        if pod is not None and not self._is_own(pod):
            self.log.warning("Pod %s/%s is not ours: left alone", self.namespace, self.pod_name)
            return
        await super().stop(now)
        place = f"{self.namespace}/{self.pod_name}"
        await exponential_backoff(
            lambda: _unless_busy(self._is_gone()),
            f"pod {place} did not disappear",
            timeout=self.start_timeout,
        )

    async def watch(self) -> None:
        """Begin to watch before anybody asks for a server: who asks first would wait for it.

        Where the cluster does not answer, each start tries again.
        """
        try:
            await self._start_watching_pods()
            if self.events_enabled:
                await self._start_watching_events()
        except (ApiException, ClientError, ConnectionError, TimeoutError) as error:
            self.log.warning("The cluster cannot be watched yet: %s", type(error).__name__)

    async def _start_reflector(self, kind: str, *args: Any, **more: Any) -> Any:
        """Begin to watch, once; and anew where a watch could not begin, or has given up.

        KubeSpawner keeps one that has ended, and takes the nothing that it shows for the truth. And
        all wait for the same first list there: who is broken off meanwhile must not end it for all.
        """
        known = self.reflectors.get(self._get_reflector_key(kind))
        if known is not None and _has_ended(known):
            self.log.warning("The watch of %s has ended: beginning anew", kind)
            more["replace"] = True
        more["reflector_class"] = REFLECTORS[kind]
        beginning = asyncio.ensure_future(super()._start_reflector(kind, *args, **more))
        self._beginning.add(beginning)
        beginning.add_done_callback(self._beginning.discard)
        return await asyncio.shield(beginning)

    async def _make_delete_pod_request(
        self, pod_name: str, delete_options: Any, grace_seconds: int, request_timeout: float
    ) -> bool:
        """Delete our pod by its uid; ``False`` asks for another try."""
        return await _unless_busy(
            self._delete(pod_name, grace_seconds, self._pods(request_timeout))
        )

    async def _delete(self, name: str, grace_seconds: int, pods: Pods) -> bool:
        existing = await pods.read(name)
        if existing is None or not self._is_own(existing):
            return True
        return await pods.delete(name, uid_of(existing), grace_seconds)

    async def _is_gone(self) -> bool:
        existing = await self._pods(self.k8s_api_request_timeout).read(self.pod_name)
        gone = existing is None or not self._is_own(existing)
        self._unsettled = not gone
        return gone

    def _watched(self) -> Manifest | None:
        pod: Manifest | None = self.pod_reflector.pods.get(f"{self.namespace}/{self.pod_name}")
        return pod

    def _explain(self, pod: Manifest | None) -> Cause | None:
        """Return why ``pod`` does not run, by itself and by its events where they are watched."""
        return explain_pod(pod or {}, datetime.now(UTC), lambda: self.events)

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


async def _unless_busy(asked: Awaitable[bool]) -> bool:
    """Return what the cluster answers; ``False`` if it has no time, or says nothing."""
    try:
        return await asked
    except TimeoutError:
        return False
    except ApiException as error:
        if error.status not in answers.BUSY:
            raise
        return False


def _has_ended(reflector: Any) -> bool:
    task = reflector.watch_task
    return reflector.first_load_future.done() and (task is None or task.done())
