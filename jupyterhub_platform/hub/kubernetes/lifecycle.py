"""The life of a server's pod: created, identified, polled, stopped and deleted."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, TypeAlias

from aiohttp import ClientError
from jupyterhub.utils import exponential_backoff
from kubernetes_asyncio.client import ApiException, V1Pod
from traitlets import Unicode, default

from jupyterhub_platform.core.causes import Cause, not_up
from jupyterhub_platform.core.manifests import Manifest
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.kubernetes import api_errors
from jupyterhub_platform.hub.kubernetes.causes.exit import exit_code_of
from jupyterhub_platform.hub.kubernetes.causes.pod import DELETED, explain_pod
from jupyterhub_platform.hub.kubernetes.pod_client import Pods
from jupyterhub_platform.hub.kubernetes.pod_owner import Owner, PodRelation, is_leaving, uid_of
from jupyterhub_platform.hub.kubernetes.reflectors import WatchingSpawner
from jupyterhub_platform.hub.spawner.admitted import AdmittedMixin

ManifestCheck: TypeAlias = Callable[[V1Pod], Manifest]
"""Returns the manifest that is sent to the cluster, or raises AdmissionDenied."""

_TIMEOUT_MARGIN_SECONDS: Final = 1.0
"""A start gives up this much sooner than the Hub: it knows why, and the Hub counts no failure."""
_WATCH_LAG_FRACTION: Final = 0.25
"""A working watch shows a created pod within this part of a start's time."""


@dataclass(slots=True)
class OwnPod:
    """What is known of the pod of the current or last start.

    ``uid`` is empty if no pod was created since this Hub started, and ``created_at`` is a time of
    the monotonic clock. A request without an answer has ``maybe_created`` the pod. While its
    ``creation_is_pending``, the watch may not show it yet. ``foreign_uid`` is the uid of another
    owner's pod that has its name. ``exit_code`` tells how it ended, ``last_cause`` why it did not
    run when it was last seen.
    """

    uid: str = ""
    created_at: float = 0.0
    maybe_created: bool = False
    creation_is_pending: bool = False
    foreign_uid: str = ""
    exit_code: int | None = None
    last_cause: Cause | None = None


class PodLifecycleSpawner(AdmittedMixin, WatchingSpawner):
    """Creates, polls, stops and deletes the pod of an admitted start, and touches no other.

    The name of a pod follows from the names of user and server. Two Hubs in one namespace use the
    same one, and KubeSpawner would adopt, stop and delete any pod with that name. Whatever the
    cluster does, a failed start ends with a sentence: after five failures without one in a row,
    the Hub exits.

    ``check`` decides what is sent to the cluster.
    """

    hub_instance = Unicode(
        config=True,
        help="""
        A mark that distinguishes this Hub from others that create pods in the same namespace.

        Every pod is annotated with it, and pods with another one are never touched. The default is
        the address under which servers reach this Hub. With a changed value, running servers look
        like those of another Hub, so change it only while none runs.
        """,
    )

    def __init__(self, *args: Any, check: ManifestCheck, **kwargs: Any) -> None:
        self._check = check
        self._pod = OwnPod()
        # Why the last request is retried. A start that runs out of time is refused with it.
        self.retry_reason: AdmissionDenied | None = None
        super().__init__(*args, **kwargs)

    @default("hub_instance")
    def _default_hub_instance(self) -> str:
        return str(self.hub.api_url)

    # -- creating the pod -------------------------------------------------------------------

    async def _start(self) -> str:
        self._pod, self.retry_reason = OwnPod(), None
        self.get_admitted()
        patience = max(self.start_timeout - _TIMEOUT_MARGIN_SECONDS, self.start_timeout / 2)
        began = monotonic()
        try:
            async with asyncio.timeout(patience):
                url: str = await super()._start()
        except ApiException as error:
            self.log_refusal(error)
            raise api_errors.explain(error) from None
        except (ClientError, ConnectionError) as error:
            self.log.warning("The cluster did not answer: %s", type(error).__name__)
            raise api_errors.no_answer() from None
        except TimeoutError:
            raise await self._explain_timeout() from None
        except asyncio.CancelledError:
            if monotonic() - began < patience:
                raise
            # After a long block of the loop, the Hub's timeout is over together with ours.
            raise await self._explain_timeout() from None
        return url

    async def _explain_timeout(self) -> Exception:
        """Return why there is no server in time; TimeoutError if it may be the Hub's own fault."""
        if self.retry_reason is not None:
            return self.retry_reason
        if not self._pod.uid or not self.pod_reflector.is_answered:
            return api_errors.no_answer()
        pod = self.watched_pod()
        if self.pod_has_uid(pod):
            return api_errors.not_ready(self.explain(pod) or not_up(self.start_timeout))
        if monotonic() - self._pod.created_at < self.start_timeout * _WATCH_LAG_FRACTION:
            # The cluster answered late, so that the watch had no time to show the pod.
            return api_errors.no_answer()
        try:
            if await asyncio.wait_for(self._is_gone(), _TIMEOUT_MARGIN_SECONDS / 2):
                return api_errors.not_ready(DELETED)
        except (ApiException, TimeoutError):
            return api_errors.no_answer()
        # It was created, but the watch does not show it: this Hub sees no pods.
        return TimeoutError(f"The pod {self.pod_name} never showed up")

    async def _make_create_pod_request(self, pod: V1Pod, request_timeout: float) -> bool:
        """Create the pod if it is what was admitted; ``False`` asks for a retry."""
        manifest = self._check(pod)
        self.log.info("Creating pod %s/%s", self.namespace, self.pod_name)
        self._pod.creation_is_pending = True
        try:
            created = await self._create(manifest, self.pod_client(request_timeout))
        except TimeoutError:
            self._pod.maybe_created = True
            return False
        except ApiException as error:
            self.log_refusal(error, manifest)
            self._pod.maybe_created = error.status in api_errors.BUSY
            return await self.retry_later(error)
        if created:
            self.retry_reason = None
        return created

    async def _create(self, manifest: Manifest, pods: Pods) -> bool:
        try:
            pod = await pods.create(manifest)
        except ApiException as error:
            # A request without an answer may have created the pod, which now fills the quota.
            if error.status != 409 and not self._pod.maybe_created:
                raise
            existing = await pods.read(self.pod_name)
            if existing is None and error.status != 409:
                raise
            # A conflict without a pod: it is gone by now, or a quota was being counted.
            return existing is not None and await self._resolve_conflict(existing, pods)
        self._record_created(pod)
        return True

    def _record_created(self, pod: Manifest) -> None:
        self._pod.uid, self._pod.created_at = uid_of(pod), monotonic()

    async def _resolve_conflict(self, existing: Manifest, pods: Pods) -> bool:
        """Adopt the pod with our name if this start created it; delete one of an earlier start.

        Raises
        ------
        AdmissionDenied
            Raised if it is another owner's. It is left alone, also when this start is cleaned up.
        """
        relation = self._owner().relation_to(existing, self.get_admitted().reservation.id)
        if relation in (PodRelation.UNMARKED, PodRelation.FOREIGN):
            self._pod.foreign_uid = uid_of(existing)
            self.log.error(
                "Pod %s/%s exists, and belongs to another owner", self.namespace, self.pod_name
            )
            raise api_errors.name_taken(self.pod_name, self.namespace) from None
        if relation is PodRelation.THIS_START and not is_leaving(existing):
            self._record_created(existing)
            return True
        self.retry_reason = api_errors.still_leaving()
        if not is_leaving(existing):
            self.log.warning(
                "Pod %s/%s is left over from an earlier start, and is deleted",
                self.namespace,
                self.pod_name,
            )
            await pods.delete(self.pod_name, uid_of(existing), self.delete_grace_period)
        return False

    async def _make_create_pvc_request(self, pvc: Any, request_timeout: float) -> bool:
        """Create the volume's claim, unless it exists; ``False`` asks for a retry."""
        try:
            created: bool = await super()._make_create_pvc_request(pvc, request_timeout)
        except (ClientError, ConnectionError):
            return False
        except ApiException as error:
            self.log_refusal(error)
            return await self.retry_later(error)
        self.retry_reason = None
        return created

    async def _make_create_resource_request(self, kind: str, manifest: Any) -> bool:
        """Create a secret or service; its content, such as a private key, is never logged."""
        client = self.pod_client(self.k8s_api_request_timeout)
        try:
            return await client.create_beside(kind, manifest)
        except TimeoutError:
            return False

    async def retry_later(self, error: ApiException) -> bool:
        """Wait for as long as a busy cluster asks; return ``False``, which asks for a retry.

        Raises
        ------
        AdmissionDenied
            Raised if a retry would not help, or would come later than a start waits.
        """
        self.retry_reason = api_errors.explain(error)
        seconds = api_errors.wanted_seconds(error)
        if error.status not in api_errors.BUSY or seconds > self.k8s_api_request_retry_timeout:
            raise self.retry_reason from None
        await asyncio.sleep(seconds)
        return False

    def log_refusal(self, error: ApiException, manifest: Manifest | None = None) -> None:
        """Log the cluster's answer without the secrets of this server."""
        secrets = {str(self.api_token or ""), *api_errors.secrets_in(manifest or {})}
        place, answer = f"{self.namespace}/{self.pod_name}", api_errors.for_log(error, secrets)
        self.log.error("The cluster refused the pod %s: %s", place, answer)

    # -- polling it -------------------------------------------------------------------------

    def pod_has_uid(self, pod: Manifest | None) -> bool:
        """Tell whether ``pod`` is the one that was created."""
        has_uid: bool = super().pod_has_uid(pod)
        return has_uid and (not self._pod.uid or uid_of(pod or {}) == self._pod.uid)

    def is_pod_running(self, pod: Manifest | None) -> bool:
        """Tell whether ``pod`` is the one that was created, and runs."""
        return self.pod_has_uid(pod) and bool(super().is_pod_running(pod))

    async def poll(self) -> int | None:
        """Tell whether our pod runs. Another Hub's pod of the same name does not count.

        Raises
        ------
        AdmissionDenied
            Raised if the cluster does not say so; the Hub shows that to its caller.
        """
        try:
            self._pod.exit_code = await self._poll_pod()
        except (ApiException, ClientError, ConnectionError, TimeoutError) as error:
            if self._pod.exit_code is not None:
                # An ended server stays ended: the Hub polls twice before it acts.
                return self._pod.exit_code
            place, kind = f"{self.namespace}/{self.pod_name}", type(error).__name__
            self.log.warning("The cluster does not say whether pod %s runs: %s", place, kind)
            raise api_errors.status_unknown() from None
        return self._pod.exit_code

    async def _poll_pod(self) -> int | None:
        await self._start_watching_pods()
        pod = self.watched_pod()
        if pod is None:
            # The watch may lag behind or restart. Only the cluster can say that a pod is gone.
            return 1 if await self._is_gone() else None
        self._pod.creation_is_pending = False
        if not self.is_own(pod):
            return 1
        exit_code = exit_code_of(pod)
        if exit_code is None:
            status: int | None = await super().poll()
            return status
        # KubeSpawner takes a restarted container for the one that ran, and leaves an evicted pod
        # where it is. A restarted server has lost its kernels, so it counts as ended.
        self.log.warning(
            "Pod %s/%s has ended with exit code %i", self.namespace, self.pod_name, exit_code
        )
        if self.delete_stopped_pods:
            await self.stop(now=True)
        return exit_code

    def explain(self, pod: Manifest | None) -> Cause | None:
        """Return why ``pod`` does not run, from its status and, if they are watched, its events."""
        return explain_pod(pod or {}, datetime.now(UTC), lambda: self.events)

    def explain_own_pod(self) -> Cause | None:
        """Say why our pod does not run, or has ended; for one that is gone, what was seen last."""
        pod = self.watched_pod()
        if pod is not None and self.is_own(pod):
            self._pod.last_cause = self.explain(pod)
            return self._pod.last_cause
        if not self.ready or self._pod.creation_is_pending:
            return None
        return self._pod.last_cause or DELETED

    # -- ending it --------------------------------------------------------------------------

    async def stop(self, now: bool = False) -> None:
        """Delete our pod and wait until it is gone."""
        await self._start_watching_pods()
        pod = self.watched_pod()
        if pod is not None and not self.is_own(pod):
            self.log.warning(
                "Pod %s/%s belongs to another owner, and is left alone",
                self.namespace,
                self.pod_name,
            )
            return
        await super().stop(now)
        place = f"{self.namespace}/{self.pod_name}"
        await exponential_backoff(
            lambda: _unless_busy(self._is_gone()),
            f"pod {place} did not disappear",
            timeout=self.start_timeout,
        )

    async def _make_delete_pod_request(
        self, pod_name: str, delete_options: Any, grace_seconds: int, request_timeout: float
    ) -> bool:
        """Delete our pod by its uid; ``False`` asks for a retry."""
        deleting = self._delete(pod_name, grace_seconds, self.pod_client(request_timeout))
        return await _unless_busy(deleting)

    async def _delete(self, name: str, grace_seconds: int, pods: Pods) -> bool:
        existing = await pods.read(name)
        if existing is None or not self.is_own(existing):
            return True
        return await pods.delete(name, uid_of(existing), grace_seconds)

    async def _is_gone(self) -> bool:
        """Ask the cluster, rather than the watch, whether our pod is gone."""
        existing = await self.pod_client(self.k8s_api_request_timeout).read(self.pod_name)
        is_gone = existing is None or not self.is_own(existing)
        self._pod.creation_is_pending = not is_gone
        return is_gone

    # -- identifying it ---------------------------------------------------------------------

    def is_own(self, pod: Manifest) -> bool:
        """Tell whether a pod is this server's.

        A pod without our marks was started before the platform was installed. It counts as this
        server's, as KubeSpawner would have it, unless it blocked the last start.
        """
        if self._pod.foreign_uid and uid_of(pod) == self._pod.foreign_uid:
            return False
        return self._owner().relation_to(pod) is not PodRelation.FOREIGN

    def _owner(self) -> Owner:
        return Owner(self.hub_instance, self.user.name, self.name)

    def pod_client(self, timeout: float) -> Pods:
        """Return the client of our namespace's pods, which waits this long for each answer."""
        return Pods(self.api, self.namespace, timeout)


async def _unless_busy(request: Awaitable[bool]) -> bool:
    """Return the cluster's answer; ``False`` if it is busy or does not answer."""
    try:
        return await request
    except TimeoutError:
        return False
    except ApiException as error:
        if error.status not in api_errors.BUSY:
            raise
        return False
