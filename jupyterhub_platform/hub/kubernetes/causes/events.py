"""A pod's events, as Kubernetes reports them: the newest one, and its time."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Final, TypeAlias

from jupyterhub_platform.core.manifests import Manifest, part

Events: TypeAlias = Callable[[], Iterable[Manifest]]
"""Returns a pod's events; called only for a waiting pod, since a namespace has thousands."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_STEPS: Final = {
    "TriggeredScaleUp": "A node is being added for it",
    "Scheduled": "A node has room for it",
    "Pulling": "Its image is being pulled",
    "Pulled": "Its image is on the node",
    "Started": "It runs, and the Hub waits for its answer",
}


def none() -> tuple[Manifest, ...]:
    """Return no events, where they are not watched."""
    return ()


def about(pod: Manifest, events: Events) -> list[Manifest]:
    """List the events of this exact pod, not of an earlier one of the same name."""
    uid = part(pod, "metadata").get("uid")
    return [each for each in events() if part(each, "involvedObject").get("uid") in (None, uid)]


def newest(events: Iterable[Manifest], reasons: Collection[str]) -> Manifest:
    """Return the newest event with one of these reasons; an empty one if there is none."""
    of_reasons = (each for each in events if each.get("reason") in reasons)
    return max(of_reasons, key=seen_at, default={})


def seen_at(event: Manifest) -> datetime:
    """Return when an event was last seen."""
    told = part(event, "series").get("lastObservedTime")
    for value in (told, event.get("lastTimestamp"), event.get("eventTime")):
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            continue
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return _NEVER


def find_step(event: Manifest) -> dict[str, str]:
    """Return which step of a start an event is, in words, and when it was; empty if it is none.

    What is wrong has its cause, in words of its own.
    """
    step = _STEPS.get(str(event.get("reason")))
    if step is None:
        return {}
    at = seen_at(event)
    return {"step": step} if at == _NEVER else {"step": step, "at": at.isoformat()}
