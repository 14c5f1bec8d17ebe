"""The life of a server's pod: created, identified, polled, stopped and deleted."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from time import monotonic
from typing import Any, ClassVar, Final

from aiohttp import ClientError
from jupyterhub.utils import exponential_backoff
from kubernetes_asyncio.client import ApiException, V1Pod
from kubespawner import KubeSpawner
from traitlets import Unicode, default

from jupyterhub_platform.core.causes import Cause, not_up
from jupyterhub_platform.core.manifests import Manifest
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.kubernetes import api_errors
from jupyterhub_platform.hub.kubernetes.causes.exit import exit_code_of
from jupyterhub_platform.hub.kubernetes.causes.pod import DELETED, explain_pod
from jupyterhub_platform.hub.kubernetes.pod_client import Pods
from jupyterhub_platform.hub.kubernetes.pod_owner import Owner, PodRelation, is_leaving, uid_of
from jupyterhub_platform.hub.kubernetes.reflectors import REFLECTORS
from jupyterhub_platform.usecases.admission import Admitted

_BEFORE_THE_HUB_SECONDS: Final = 1.0
"""A start gives up this much sooner than the Hub: it knows why, and the Hub counts no failure."""
_SHOWN_IN: Final = 0.25
"""A working watch shows a created pod within this part of a start's time."""


class PodLifecycleSpawner(KubeSpawner):  # type: ignore[misc]
    """Creates, polls, stops and deletes the pod of an admitted start, and touches no other.

    The name of a pod follows from the names of user and server. Two Hubs in one namespace use the
    same one, and KubeSpawner would adopt, stop and delete any pod with that name. Whatever the
    cluster does, a failed start ends with a sentence: after five failures without one in a row,
    the Hub exits.
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

    # Tasks that wait for a watch to begin; the loop keeps no reference to a task.
    _beginning: ClassVar[set[asyncio.Future[Any]]] = set()
    # Whether a pod may have been created that the watch does not show yet.
    _unsettled = False
    # The pod of the current or last start; empty if that was before this Hub started.
    _own_uid = ""
    # How our pod ended, if that was seen since the current or last start.
    _ended_with: int | None = None
    # The pod of another owner that blocked the last start.
    _foreign_uid = ""
    admitted: Admitted | None = None

    # The result of creating the pod in the current or last start: whether it may exist although
    # no answer came, since when it is known to exist, and the refusal that the last answer means.
    _maybe_created = False
    _created_at = 0.0
    _later: AdmissionDenied | None = None

    @default("hub_instance")
    def _default_hub_instance(self) -> str:
        return str(self.hub.api_url)

    # -- creating the pod -------------------------------------------------------------------

    def _admitted(self) -> Admitted:
        if self.admitted is None:
            raise api_errors.not_admitted()
        return self.admitted

    def _checked(self, pod: V1Pod) -> Manifest:
        """Return the very manifest that goes to the cluster, or refuse it."""
        raise NotImplementedError

    async def _start(self) -> str:
        self._maybe_created, self._later = False, None
        self._foreign_uid = self._own_uid = ""
        self._ended_with = None
        self._admitted()
        patience = max(self.start_timeout - _BEFORE_THE_HUB_SECONDS, self.start_timeout / 2)
        began = monotonic()
        try:
            async with asyncio.timeout(patience):
                url: str = await super()._start()
        except ApiException as error:
            self._log_answer(error, {})
            raise api_errors.explain(error) from None
        except (ClientError, ConnectionError) as error:
            self.log.warning("The cluster did not answer: %s", type(error).__name__)
            raise api_errors.no_answer() from None
        except TimeoutError:
            raise await self._explain_lateness() from None
        except asyncio.CancelledError:
            if monotonic() - began < patience:
                raise
            # After a long block of the loop, the Hub's timeout is over together with ours.
            raise await self._explain_lateness() from None
        return url

    async def _explain_lateness(self) -> Exception:
        """Return why there is no server in time; TimeoutError if it may be the Hub's own fault."""
        if self._later is not None:
            return self._later
        if not self._own_uid or not self.pod_reflector.is_answered:
            return api_errors.no_answer()
        pod = self._watched()
        if self.pod_has_uid(pod):
            return api_errors.not_ready(self._explain(pod) or not_up(self.start_timeout))
        if monotonic() - self._created_at < self.start_timeout * _SHOWN_IN:
            # The time passed while the cluster did not answer, so that the watch had none.
            return api_errors.no_answer()
        try:
            if await asyncio.wait_for(self._is_gone(), _BEFORE_THE_HUB_SECONDS / 2):
                return api_errors.not_ready(DELETED)
        except (ApiException, TimeoutError):
            return api_errors.no_answer()
        # It was created, but the watch does not show it: this Hub sees no pods.
        return TimeoutError(f"The pod {self.pod_name} never showed up")

    async def _make_create_pod_request(self, pod: V1Pod, request_timeout: float) -> bool:
        """Create the pod if it is what was admitted; ``False`` asks for a retry."""
        manifest = self._checked(pod)
        self.log.info("Creating pod %s/%s", self.namespace, self.pod_name)
        self._unsettled = True
        try:
            created = await self._create(manifest, self._pods(request_timeout))
        except TimeoutError:
            self._maybe_created = True
            return False
        except ApiException as error:
            self._log_answer(error, manifest)
            self._maybe_created = error.status in api_errors.BUSY
            return await self._try_later(error)
        if created:
            self._later = None
        return created

    async def _make_create_pvc_request(self, pvc: Any, request_timeout: float) -> bool:
        """Create the volume's claim, unless it exists; ``False`` asks for a retry."""
        try:
            created: bool = await super()._make_create_pvc_request(pvc, request_timeout)
        except (ClientError, ConnectionError):
            return False
        except ApiException as error:
            self._log_answer(error, {})
            return await self._try_later(error)
        self._later = None
        return created

    async def _try_later(self, error: ApiException) -> bool:
        """Wait for as long as a busy cluster asks, then ask for a retry.

        Raises
        ------
        AdmissionDenied
            Raised if a retry would not help, or would come later than a start waits.
        """
        self._later = api_errors.explain(error)
        seconds = api_errors.wanted_seconds(error)
        if error.status not in api_errors.BUSY or seconds > self.k8s_api_request_retry_timeout:
            raise self._later from None
        await asyncio.sleep(seconds)
        return False

    async def _create(self, manifest: Manifest, pods: Pods) -> bool:
        try:
            pod = await pods.create(manifest)
        except ApiException as error:
            # A request without an answer may have succeeded, and now fills the quota itself.
            if error.status != 409 and not self._maybe_created:
                raise
            existing = await pods.read(self.pod_name)
            if existing is None and error.status != 409:
                raise
            # Without one, it is gone by now, or the conflict was in the counting of a quota.
            return existing is not None and await self._adopt_existing(existing, pods)
        self._note_own(pod)
        return True

    def _note_own(self, pod: Manifest) -> None:
        self._own_uid, self._created_at = uid_of(pod), monotonic()

    async def _adopt_existing(self, existing: Manifest, pods: Pods) -> bool:
        """Adopt the pod with our name if this start created it; delete one of an earlier start.

        Raises
        ------
        AdmissionDenied
            Raised if it is another owner's. It is left alone, also when this start is cleaned up.
        """
        relation = self._owner().relation_to(existing, self._admitted().reservation.id)
        if relation in (PodRelation.UNMARKED, PodRelation.FOREIGN):
            self._foreign_uid = uid_of(existing)
            self.log.error(
                "Pod %s/%s exists, and belongs to another owner", self.namespace, self.pod_name
            )
            raise api_errors.name_taken(self.pod_name, self.namespace) from None
        if relation is PodRelation.THIS_START and not is_leaving(existing):
            self._note_own(existing)
            return True
        self._later = api_errors.still_leaving()
        if not is_leaving(existing):
            self.log.warning(
                "Pod %s/%s is left over from an earlier start, and is deleted",
                self.namespace,
                self.pod_name,
            )
            await pods.delete(self.pod_name, uid_of(existing), self.delete_grace_period)
        return False

    async def _make_create_resource_request(self, kind: str, manifest: Any) -> bool:
        """Create a secret or service; its content, such as a private key, is never logged."""
        try:
            created: bool = await self._pods(self.k8s_api_request_timeout).create_beside(
                kind, manifest
            )
        except TimeoutError:
            return False
        return created

    def _log_answer(self, error: ApiException, manifest: Manifest) -> None:
        secrets = {str(self.api_token or ""), *api_errors.secrets_in(manifest)}
        place, answer = f"{self.namespace}/{self.pod_name}", api_errors.for_log(error, secrets)
        self.log.error("The cluster refused the pod %s: %s", place, answer)

    # -- identifying, polling and ending it --------------------------------------------------

    def pod_has_uid(self, pod: Manifest | None) -> bool:
        """Tell whether ``pod`` is the one that was created."""
        has_uid: bool = super().pod_has_uid(pod)
        return has_uid and (not self._own_uid or uid_of(pod or {}) == self._own_uid)

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
            self._ended_with = await self._look()
        except (ApiException, ClientError, ConnectionError, TimeoutError) as error:
            if self._ended_with is not None:
                # An ended server stays ended: the Hub polls twice before it acts.
                return self._ended_with
            place, kind = f"{self.namespace}/{self.pod_name}", type(error).__name__
            self.log.warning("The cluster does not say whether pod %s runs: %s", place, kind)
            raise api_errors.status_unknown() from None
        return self._ended_with

    async def _look(self) -> int | None:
        await self._start_watching_pods()
        pod = self._watched()
        if pod is None:
            # The watch may lag behind or restart: a pod that it does not show is gone only if the
            # cluster says so.
            return 1 if await self._is_gone() else None
        self._unsettled = False
        if pod is not None and not self._is_own(pod):
            return 1
        ended = None if pod is None else exit_code_of(pod)
        if ended is None:
            status: int | None = await super().poll()
            return status
        # KubeSpawner takes a restarted container for the one that ran, and leaves an evicted pod
        # where it is. A restarted server has lost its kernels, so it counts as ended.
        self.log.warning(
            "Pod %s/%s has ended with exit code %i", self.namespace, self.pod_name, ended
        )
        if self.delete_stopped_pods:
            await self.stop(now=True)
        return ended

    async def stop(self, now: bool = False) -> None:
        """Delete our pod and wait until it is gone."""
        await self._start_watching_pods()
        pod = self._watched()
        if pod is not None and not self._is_own(pod):
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

    async def watch(self) -> None:
        """Start the watch before the first start of a server, which would wait for it.

        If the cluster does not answer, each start of a server tries again.
        """
        try:
            await self._start_watching_pods()
            if self.events_enabled:
                await self._start_watching_events()
        except (ApiException, ClientError, ConnectionError, TimeoutError) as error:
            self.log.warning("The cluster cannot be watched yet: %s", type(error).__name__)

    async def _start_reflector(self, kind: str, *args: Any, **more: Any) -> Any:
        """Start the watch once, and restart one that could not start or has ended.

        KubeSpawner keeps a watch that has ended, and trusts its empty list. All callers wait for
        the same first list there: one that is cancelled must not end it for the others.
        """
        known = self.reflectors.get(self._get_reflector_key(kind))
        if known is not None and _has_ended(known):
            self.log.warning("The watch of %s has ended, and is restarted", kind)
            more["replace"] = True
        more["reflector_class"] = REFLECTORS[kind]
        beginning = asyncio.ensure_future(super()._start_reflector(kind, *args, **more))
        self._beginning.add(beginning)
        beginning.add_done_callback(self._beginning.discard)
        return await asyncio.shield(beginning)

    async def _make_delete_pod_request(
        self, pod_name: str, delete_options: Any, grace_seconds: int, request_timeout: float
    ) -> bool:
        """Delete our pod by its uid; ``False`` asks for a retry."""
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
        """Return why ``pod`` does not run, from its status and, if they are watched, its events."""
        return explain_pod(pod or {}, datetime.now(UTC), lambda: self.events)

    def _is_own(self, pod: Manifest) -> bool:
        # A pod without our marks was started before this platform was installed, and is ended as
        # KubeSpawner would do, unless it blocked a start.
        if self._foreign_uid and uid_of(pod) == self._foreign_uid:
            return False
        return self._owner().relation_to(pod) is not PodRelation.FOREIGN

    def _owner(self) -> Owner:
        return Owner(self.hub_instance, self.user.name, self.name)

    def _pods(self, timeout: float) -> Pods:
        return Pods(self.api, self.namespace, timeout)


async def _unless_busy(asked: Awaitable[bool]) -> bool:
    """Return the cluster's answer; ``False`` if it is busy or does not answer."""
    try:
        return await asked
    except TimeoutError:
        return False
    except ApiException as error:
        if error.status not in api_errors.BUSY:
            raise
        return False


def _has_ended(reflector: Any) -> bool:
    task = reflector.watch_task
    return reflector.first_load_future.done() and (task is None or task.done())
