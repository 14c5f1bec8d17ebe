"""Explains a server by what the Hub knows: its current state, or how its last run ended."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from jupyterhub_platform.core.causes import DELIBERATE
from jupyterhub_platform.hub.platform import Platform, platform_of
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin
from jupyterhub_platform.hub.spawner.last_run import read_last_run
from jupyterhub_platform.usecases.admission import Start
from jupyterhub_platform.usecases.explanations import (
    Explanation,
    State,
    explain_held,
    explain_last_run,
    with_larger,
)

_PENDING: Final = {"spawn": State.STARTING, "check": State.CHECKING}


def explain_now(user: Any, server: str) -> Explanation | None:
    """Explain a server from what the Hub knows; ``None`` if it knows nothing."""
    spawner = user.spawners.get(server)
    held = spawner.reservation if isinstance(spawner, AdmissionMixin) else None
    if held is not None and spawner.run_seen_over is None:
        return explain_held(held, _state_of(spawner), spawner.backend_cause())
    return _explain_end(user, server)


def _explain_end(user: Any, server: str) -> Explanation | None:
    spawner, row = user.spawners.get(server), user.orm_spawners.get(server)
    if isinstance(spawner, AdmissionMixin) and spawner.run_seen_over and spawner.reservation:
        run = spawner.explain_end(spawner.reservation, datetime.now(UTC))
        return explain_last_run(user.name, server, run)
    last = read_last_run(row.state) if row is not None and row.server is None else None
    return None if last is None else explain_last_run(user.name, server, last)


def _state_of(spawner: AdmissionMixin) -> State:
    if spawner.ready:
        return State.RUNNING
    return _PENDING.get(spawner.pending, State.STOPPING)


def with_larger_tier(
    platform: Platform, explanation: Explanation, memberships: Iterable[str]
) -> Explanation:
    """Add the next tier that fits, if the server ran out of memory."""
    options = {"account": explanation.account}
    start = Start(explanation.user, frozenset(memberships), explanation.server, options)
    return with_larger(explanation, platform.admission, start)


def list_ended(user: Any) -> list[Explanation]:
    """List the servers of a user that ended against their will, for the Hub's pages."""
    platform = platform_of(user.settings)
    memberships = [group.name for group in user.groups]
    ended = filter(None, (_explain_end(user, server) for server in tuple(user.orm_spawners)))
    told = [
        with_larger_tier(platform, each, memberships)
        for each in ended
        if each.cause.code not in DELIBERATE
    ]
    return sorted(told, key=lambda each: each.since, reverse=True)
