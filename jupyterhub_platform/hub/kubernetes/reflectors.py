"""Watches the Hub's pods, and knows whether the watch is answered.

KubeSpawner (7.1) waits a minute for an unanswered list or watch: as long as a whole start may take.
During that time it sees no pod become ready and none end.
"""

from time import monotonic
from typing import Any, Final

from kubespawner.reflector import ResourceReflector
from kubespawner.spawner import EventReflector, PodReflector
from traitlets import default

_TRIES: Final = 3
"""A list takes longer than other requests: its timeout is this multiple of theirs."""


class TimedReflector(ResourceReflector):  # type: ignore[misc]
    """Retries soon without an answer, and knows whether there is one.

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
        # The cluster itself ends a watch in time: one that goes on has lost its connection.
        return float(self.timeout_seconds + _TRIES * self.parent.k8s_api_request_timeout)

    @property
    def is_answered(self) -> bool:
        """Whether the cluster still answers the watch, as far as is known by now."""
        is_overdue = monotonic() - self._listed_at > self._answer_seconds
        return not (is_overdue and self.timeout_seconds)

    async def _list_and_update(self, *args: Any, **more: Any) -> Any:
        version = await super()._list_and_update(*args, **more)
        self._listed_at = monotonic()
        return version


class TimedPodReflector(TimedReflector, PodReflector):  # type: ignore[misc]
    """Shows the pods of servers."""


class TimedEventReflector(TimedReflector, EventReflector):  # type: ignore[misc]
    """Shows what happens to the pods of servers."""


REFLECTORS: Final = {"pods": TimedPodReflector, "events": TimedEventReflector}
"""By what they watch, in place of KubeSpawner's own."""
