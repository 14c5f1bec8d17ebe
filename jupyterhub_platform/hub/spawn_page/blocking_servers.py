"""Lists the servers in the way of a tier: own ones by name, other users' as a count.

The decision says which limits are exceeded and by how much. This module says whose servers count
against them.
"""

from collections.abc import Iterable
from itertools import combinations

from jupyterhub_platform.core.decision import Denial
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.question import HeldLimit
from jupyterhub_platform.core.reservations import Reservation, Scope
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.hub.spawn_page.page import Obstacles, Others, OwnServer
from jupyterhub_platform.hub.spawn_page.page_context import PageContext

_MAX_NAMES = 10
_MAX_COMBINED = 6
_SHARED = frozenset({"platform", "account", "tier", "tier-account"})


def find_obstacles(context: PageContext, denials: Iterable[Denial]) -> Obstacles:
    """Return the obstacles of a start that only limits deny."""
    exceeded = {d.limit: d for d in denials if d.limit is not None}
    too_large = [d for limit, d in exceeded.items() if d.asked > limit.maximum]
    if not exceeded or too_large:
        hint = "It asks for more than the limit: stopping servers does not help."
        return Obstacles(hint=hint if too_large and any(each.maximum for each in exceeded) else "")
    counting = {
        each: frees
        for each in context.book.of_user(context.user)
        if (frees := _frees(each, exceeded.keys()))
    }
    missing = {limit: denial.missing for limit, denial in exceeded.items()}
    own = tuple(
        _own_server(context, each, frees, enough=_covers([frees], missing))
        for each, frees in counting.items()
    )
    together = "" if any(each.enough for each in own) else _say_together(context, counting, missing)
    return Obstacles(
        own=tuple(sorted(own, key=lambda each: not each.enough)),
        others=_list_others(context, tuple(exceeded)),
        hint=together,
    )


def _frees(reservation: Reservation, limits: Iterable[HeldLimit]) -> dict[HeldLimit, int]:
    scopes = frozenset(reservation.scopes())
    amounts = {limit: reservation.demand.amount(limit.resource) for limit in limits}
    return {limit: amount for limit, amount in amounts.items() if amount and limit.scope in scopes}


def _covers(freed: Iterable[dict[HeldLimit, int]], missing: dict[HeldLimit, int]) -> bool:
    parts = tuple(freed)
    return all(sum(p.get(limit, 0) for p in parts) >= need for limit, need in missing.items())


def _own_server(
    context: PageContext, reservation: Reservation, frees: dict[HeldLimit, int], *, enough: bool
) -> OwnServer:
    amounts = {limit.resource: amount for limit, amount in frees.items()}
    return OwnServer(
        name=reservation.server,
        title=context.server_title(reservation.server),
        tier=context.tier_title(reservation.tier),
        frees=", ".join(describe_amount(name, amount) for name, amount in amounts.items()),
        enough=enough,
        since=reservation.opened_at,
        stop_url=""
        if reservation.pod
        else context.links.server(reservation.user, reservation.server),
    )


def _say_together(
    context: PageContext,
    counting: dict[Reservation, dict[HeldLimit, int]],
    missing: dict[HeldLimit, int],
) -> str:
    if not counting:
        return ""
    if not _covers(counting.values(), missing):
        whose = "your" if context.own else f"{context.user}'s"
        return f"Stopping {whose} servers alone does not make enough room."
    few = len(counting) <= _MAX_COMBINED
    for size in range(2, len(counting) if few else 0):
        for chosen in combinations(counting, size):
            if _covers([counting[each] for each in chosen], missing):
                names = listed(_in_a_sentence(context, each.server) for each in chosen)
                return f"Stopping {names} makes enough room."
    return f"Stopping {'both' if len(counting) == 2 else 'all of them'} makes enough room."


def _in_a_sentence(context: PageContext, server: str) -> str:
    title = context.server_title(server)
    return title if server else f"the {title}"


def _list_others(context: PageContext, limits: tuple[HeldLimit, ...]) -> tuple[Others, ...]:
    found = []
    for scope in dict.fromkeys(limit.scope for limit in limits if limit.scope.kind in _SHARED):
        resources = frozenset(limit.resource for limit in limits if limit.scope == scope)
        theirs = context.others_servers.holding(scope, resources)
        if theirs:
            found.append(_make_others(context, scope, theirs))
    return tuple(found)


def _make_others(context: PageContext, scope: Scope, theirs: tuple[Reservation, ...]) -> Others:
    named = [each for each in theirs if context.viewer.may_name(each.account)]
    shown = tuple(
        f"{each.user}: {each.server or 'default server'} ({context.tier_title(each.tier)})"
        for each in named[:_MAX_NAMES]
    )
    kind = f"{context.tier_title(scope.tier)} " if scope.tier else ""
    what = {"pod" if each.pod else "server" for each in theirs}
    servers = " and ".join(sorted(each if len(theirs) == 1 else f"{each}s" for each in what))
    where = f" in {scope.account}" if scope.account else " on the platform"
    words = f"{len(theirs)} {kind}{servers} of other people{where}"
    return Others(words, shown, len(theirs) - len(shown) if shown else 0)
