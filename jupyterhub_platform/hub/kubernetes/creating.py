"""Creating a server's pod: what becomes of a start with each answer of the cluster, or none."""

import asyncio
from time import monotonic
from typing import Any, Final

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException, V1Pod

from jupyterhub_platform.core.causes import not_up
from jupyterhub_platform.core.manifests import Manifest
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.kubernetes import api_errors as answers
from jupyterhub_platform.hub.kubernetes.causes.pod import DELETED
from jupyterhub_platform.hub.kubernetes.lifecycle import OwnPodSpawner
from jupyterhub_platform.hub.kubernetes.pod_client import Pods
from jupyterhub_platform.hub.kubernetes.pod_owner import Standing, is_leaving, uid_of
from jupyterhub_platform.usecases.admission import Admitted

_BEFORE_THE_HUB_SECONDS: Final = 1.0
"""So much sooner than the Hub a start gives up: it can say why, and is no failure of the Hub's."""
_SHOWN_IN: Final = 0.25
"""In such a part of a start's time a watch that is answered shows a pod that was created."""


class CreatingSpawner(OwnPodSpawner):
    """Creates the pod of an admitted start, tries again where that helps, and says what does not.

    Whatever the cluster does, a start ends with a sentence: five failures without one in a row, and
    a Hub ends itself.
    """

    admitted: Admitted | None = None

    # What became of creating the pod in the start that runs, or ran last: whether it may have been
    # created unheard, since when it is known to be there, and what the last answer comes to if
    # there is no better one.
    _maybe_created = False
    _created_at = 0.0
    _later: AdmissionDenied | None = None

    def _admitted(self) -> Admitted:
        if self.admitted is None:
            raise answers.not_admitted()
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
            raise answers.explain(error) from None
        except (ClientError, ConnectionError) as error:
            self.log.warning("The cluster did not answer: %s", type(error).__name__)
            raise answers.no_answer() from None
        except TimeoutError:
            raise await self._explain_lateness() from None
        except asyncio.CancelledError:
            if monotonic() - began < patience:
                raise
            # A loop that was held up for long has ended the patience of the Hub together with ours.
            raise await self._explain_lateness() from None
        return url

    async def _explain_lateness(self) -> Exception:
        """Return why there is no server in time; TimeoutError if it may be the Hub's own fault."""
        if self._later is not None:
            return self._later
        if not self._own_uid or not self.pod_reflector.is_answered:
            return answers.no_answer()
        pod = self._watched()
        if self.pod_has_uid(pod):
            return answers.not_ready(self._explain(pod) or not_up(self.start_timeout))
        if monotonic() - self._created_at < self.start_timeout * _SHOWN_IN:
            # Its time went by while the cluster did not answer; now the watch has not had any.
            return answers.no_answer()
        try:
            if await asyncio.wait_for(self._is_gone(), _BEFORE_THE_HUB_SECONDS / 2):
                return answers.not_ready(DELETED)
        except (ApiException, TimeoutError):
            return answers.no_answer()
        # It was created, and the watch does not show it: this Hub is blind.
        return TimeoutError(f"The pod {self.pod_name} never showed up")

    async def _make_create_pod_request(self, pod: V1Pod, request_timeout: float) -> bool:
        """Create the pod if it is what was admitted; ``False`` asks for another try."""
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
            self._maybe_created = error.status in answers.BUSY
            return await self._try_later(error)
        if created:
            self._later = None
        return created

    async def _make_create_pvc_request(self, pvc: Any, request_timeout: float) -> bool:
        """Create the volume's claim, unless there is one; ``False`` asks for another try."""
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
        """Wait as long as a busy cluster wants it, and ask for another try.

        Raises
        ------
        AdmissionDenied
            Raised if another try would not help, or is wanted later than anybody waits for it.
        """
        self._later = answers.explain(error)
        seconds = answers.wanted_seconds(error)
        if error.status not in answers.BUSY or seconds > self.k8s_api_request_retry_timeout:
            raise self._later from None
        await asyncio.sleep(seconds)
        return False

    async def _create(self, manifest: Manifest, pods: Pods) -> bool:
        try:
            pod = await pods.create(manifest)
        except ApiException as error:
            # A try without an answer may have succeeded, and now fills the quota itself.
            if error.status != 409 and not self._maybe_created:
                raise
            existing = await pods.read(self.pod_name)
            if existing is None and error.status != 409:
                raise
            # Without one, it is gone meanwhile, or the conflict was in the counting of a quota.
            return existing is not None and await self._meet(existing, pods)
        self._take_for_own(pod)
        return True

    def _take_for_own(self, pod: Manifest) -> None:
        self._own_uid, self._created_at = uid_of(pod), monotonic()

    async def _meet(self, existing: Manifest, pods: Pods) -> bool:
        """Tell whether the pod that has our pod's name is the one of this very start.

        Raises
        ------
        AdmissionDenied
            Raised if it is not ours; it is left alone, also when the Hub cleans up this start.
        """
        standing = self._owner().standing(existing, self._admitted().reservation.id)
        if standing in (Standing.UNMARKED, Standing.SOMEBODY_ELSES):
            self._foreign_uid = uid_of(existing)
            self.log.error("Pod %s/%s exists and is not ours", self.namespace, self.pod_name)
            raise answers.name_taken(self.pod_name, self.namespace) from None
        if standing is Standing.THIS_START and not is_leaving(existing):
            self._take_for_own(existing)
            return True
        self._later = answers.still_leaving()
        if not is_leaving(existing):
            self.log.warning("Pod %s/%s is left over; deleting", self.namespace, self.pod_name)
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
        secrets = {str(self.api_token or ""), *answers.secrets_in(manifest)}
        place, answer = f"{self.namespace}/{self.pod_name}", answers.for_log(error, secrets)
        self.log.error("The cluster refused the pod %s: %s", place, answer)
