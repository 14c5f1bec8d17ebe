"""Watch the Hub's pods and their events, and know whether the cluster answers the watch.

KubeSpawner (7.1) waits a minute for an unanswered list or watch: as long as a whole start may take.
During that time it sees no pod become ready and none end.
"""

import asyncio
from time import monotonic
from typing import Any, ClassVar, Final

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner
from kubespawner.reflector import ResourceReflector
from kubespawner.spawner import EventReflector, PodReflector
from traitlets import default

from jupyterhub_platform.core.manifests import Manifest

_TRIES: Final = 3
"""A list takes longer than other requests: its timeout is this multiple of theirs."""


class TimedReflector(ResourceReflector):  # type: ignore[misc]
    """Retries an unanswered request soon, and knows whether the cluster answers.

    A site still sets the timeout by ``c.ResourceReflector.request_timeout``.
    """

    _listed_at = float("-inf")

    @default("request_timeout")
    def _default_request_timeout(self) -> int:
        if not self.timeout_seconds:
            return int(ResourceReflector.request_timeout.default_value)
        return int(self._answer_seconds)

    @property
    def _answer_seconds(self) -> float:
        # The cluster ends each watch in time. One that goes on has lost its connection.
        return float(self.timeout_seconds + _TRIES * self.parent.k8s_api_request_timeout)

    @property
    def is_answered(self) -> bool:
        """Whether the cluster still answers, as far as is known."""
        is_overdue = monotonic() - self._listed_at > self._answer_seconds
        return not (is_overdue and self.timeout_seconds)

    async def _list_and_update(self, *args: Any, **more: Any) -> Any:
        version = await super()._list_and_update(*args, **more)
        self._listed_at = monotonic()
        return version


class TimedPodReflector(TimedReflector, PodReflector):  # type: ignore[misc]
    """Watches the pods of servers."""


class TimedEventReflector(TimedReflector, EventReflector):  # type: ignore[misc]
    """Watches the events of servers' pods."""


REFLECTORS: Final = {"pods": TimedPodReflector, "events": TimedEventReflector}
"""By kind, in place of KubeSpawner's own."""


class WatchingSpawner(KubeSpawner):  # type: ignore[misc]
    """Shares the watch of pods with all spawners, and restarts one that has ended."""

    # Tasks that start a watch. The event loop keeps no reference to a task.
    _beginning: ClassVar[set[asyncio.Future[Any]]] = set()

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

    def watched_pod(self) -> Manifest | None:
        """Return this server's pod as the watch shows it, ``None`` if it shows none."""
        if self.pod_reflector is None:
            return None
        pod: Manifest | None = self.pod_reflector.pods.get(f"{self.namespace}/{self.pod_name}")
        return pod


def _has_ended(reflector: Any) -> bool:
    task = reflector.watch_task
    return reflector.first_load_future.done() and (task is None or task.done())
