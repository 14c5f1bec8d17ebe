"""Looks now and then at the pods of the namespace, and at those that no server accounts for."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from kubernetes_asyncio.client import ApiException

from jupyterhub_platform.core.manifests import Manifest, part
from jupyterhub_platform.hub import metrics
from jupyterhub_platform.hub.kubernetes.pod_client import Pods
from jupyterhub_platform.hub.kubernetes.pod_owner import uid_of
from jupyterhub_platform.hub.kubernetes.reconciling import GRACE, Looks, Verdict
from jupyterhub_platform.usecases.book import Book


class Reconciler:
    """Removes pods that this Hub made and has lost track of; never anybody else's.

    A pod whose server holds a reservation is that server's: it is found again after a restart of
    the Hub, and otherwise polled. What a Hub lost that was killed at the wrong moment, or that was
    put back from a backup, would run for nobody and be charged to nobody.
    """

    def __init__(
        self,
        pods: Pods,
        selector: str,
        hub: str,
        book: Book,
        log: Any,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pods = pods
        self._selector = selector
        self._hub = hub
        self._book = book
        self._log = log
        self._clock = clock
        self._looks = Looks()
        self._said: frozenset[str] = frozenset()

    async def look(self) -> None:
        """Look once; a cluster that does not answer is asked again the next time."""
        try:
            pods = await self._pods.list_marks(self._selector)
        except (ApiException, TimeoutError, OSError) as error:
            self._log.warning("The pods could not be listed: %s", type(error).__name__)
            return
        found = self._looks.take(pods, self._hub, self._holds, self._clock())
        metrics.report_pods({str(verdict): len(each) for verdict, each in found.pods.items()})
        self._say(found.pods[Verdict.UNKNOWN], found.pods[Verdict.UNMARKED], found.doubtful)
        for pod in found.remove:
            await self._remove(pod)

    def _holds(self, user: str, server: str) -> bool:
        return self._book.of_server(user, server) is not None

    def _say(
        self, unknown: tuple[Manifest, ...], unmarked: tuple[Manifest, ...], doubtful: bool
    ) -> None:
        """Tell of each pod once, as long as it stays."""
        fate = (
            "so many are, that none is removed: is the Hub's database the right one?"
            if doubtful
            else f"removed unless that changes within {GRACE.total_seconds() / 60:.0f} minutes"
        )
        fates = [(pod, fate) for pod in unknown]
        fates += [(pod, "made before the platform was there, left alone") for pod in unmarked]
        said = {f"{uid_of(pod)} {text}": (pod, text) for pod, text in fates}
        for key in said.keys() - self._said:
            pod, text = said[key]
            self._log.warning("Pod %s belongs to no server of this Hub: %s", _name(pod), text)
        self._said = frozenset(said)

    async def _remove(self, pod: Manifest) -> None:
        try:
            await self._pods.delete(_name(pod), uid_of(pod), grace_seconds=30)
        except (ApiException, TimeoutError, OSError) as error:
            self._log.warning("Pod %s could not be removed: %s", _name(pod), type(error).__name__)
            return
        self._log.warning("Pod %s belonged to no server, and was removed", _name(pod))


def _name(pod: Manifest) -> str:
    return str(part(pod, "metadata").get("name") or "")
