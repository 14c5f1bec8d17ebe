"""Renders the effects of a change for the REST API."""

from jupyterhub_platform.core.effects import Effects
from jupyterhub_platform.rest.managed import (
    MAX_NAMED,
    ChangeEffects,
    OverLimit,
    Reached,
    RunningServer,
)


def make_effects(effects: Effects) -> ChangeEffects:
    """Return effects with as many names as an answer has."""
    return ChangeEffects(
        gains=[Reached.of(each) for each in effects.gains],
        losses=[Reached.of(each) for each in effects.losses],
        over=[OverLimit.of(each) for each in effects.over[:MAX_NAMED]],
        over_count=len(effects.over),
        running=[
            RunningServer(user=each.user, server=each.server)
            for each in effects.running[:MAX_NAMED]
        ],
        running_count=len(effects.running),
    )
