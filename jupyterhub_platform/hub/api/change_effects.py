"""Renders the effects of a change for the REST API."""

from jupyterhub_platform.core.effects import Effects, Reach
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
        gains=[_make_reach(each) for each in effects.gains],
        losses=[_make_reach(each) for each in effects.losses],
        over=[
            OverLimit(
                scope=each.limit.scope.kind,
                user=each.limit.scope.user,
                account=each.limit.scope.account,
                tier=each.limit.scope.tier,
                resource=each.limit.resource,
                held=each.held,
                maximum=each.limit.maximum,
                path=each.limit.path,
            )
            for each in effects.over[:MAX_NAMED]
        ],
        over_count=len(effects.over),
        running=[
            RunningServer(user=each.user, server=each.server)
            for each in effects.running[:MAX_NAMED]
        ],
        running_count=len(effects.running),
    )


def _make_reach(reach: Reach) -> Reached:
    people = list(reach.people[:MAX_NAMED])
    return Reached(tier=reach.tier, count=len(reach.people), people=people)
