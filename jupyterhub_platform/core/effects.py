"""Effects of a change of one object on people: who may start what, and who holds too much then."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from jupyterhub_platform.core.access import Access
from jupyterhub_platform.core.levels import LEVELS
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.core.offers import Asking, has_choice
from jupyterhub_platform.core.policy import Limit, Policy, tier_limits
from jupyterhub_platform.core.reservations import HeldTotals, Reservation, Scope
from jupyterhub_platform.core.tiers import Tier


@dataclass(frozen=True, slots=True)
class Reach:
    """People who may start a tier after a change and could not before, or the other way round."""

    tier: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Over:
    """A limit that a change lowers below what is held: nothing stops, and nothing new starts."""

    limit: Limit
    held: int


@dataclass(frozen=True, slots=True)
class Effects:
    """What a change does.

    ``running`` are the servers that the object is about: they go on, whatever changes.
    """

    gains: tuple[Reach, ...]
    losses: tuple[Reach, ...]
    over: tuple[Over, ...]
    running: tuple[Reservation, ...]


def find_effects(
    before: Policy,
    after: Policy,
    key: Key,
    reservations: Iterable[Reservation],
    totals: HeldTotals,
    now: datetime,
) -> Effects:
    """Return what the change of the object ``key`` does at ``now``.

    Parameters
    ----------
    reservations
        What every server holds.
    totals
        The same, added up.
    """
    held = tuple(reservations)
    gains, losses = _compare_reach(
        before, after, _list_people(before, after, key), _list_tiers(before, after, key), now
    )
    return Effects(
        gains,
        losses,
        tuple(find_over(before, after, held, totals, now)),
        tuple(each for each in held if _is_about(key, each)),
    )


def find_effects_on(
    before: Policy,
    after: Policy,
    people: frozenset[str],
    reservations: Iterable[Reservation],
    totals: HeldTotals,
    now: datetime,
) -> Effects:
    """Return what the same change of many people does to them; its servers are theirs."""
    held = tuple(reservations)
    tiers = sorted({*before.tiers, *after.tiers})
    gains, losses = _compare_reach(before, after, people, tiers, now)
    return Effects(
        gains,
        losses,
        tuple(find_over(before, after, held, totals, now)),
        tuple(each for each in held if each.user in people),
    )


def _compare_reach(
    before: Policy, after: Policy, people: Iterable[str], tiers: Iterable[str], now: datetime
) -> tuple[tuple[Reach, ...], tuple[Reach, ...]]:
    """Return who may start which tiers only after a change, and who only before it."""
    gains, losses = [], []
    names = sorted(people)
    for tier in tiers:
        old, new = ({u for u in names if may_start(p, u, tier, now)} for p in (before, after))
        gains.append(Reach(tier, tuple(sorted(new - old))))
        losses.append(Reach(tier, tuple(sorted(old - new))))
    return (
        tuple(each for each in gains if each.people),
        tuple(each for each in losses if each.people),
    )


def may_start(policy: Policy, user: str, tier: str, now: datetime) -> bool:
    """Tell whether ``user`` may start ``tier`` in one of the groups that the policy names."""
    person, found = policy.people.get(user), policy.tiers.get(tier)
    if person is None or found is None or not LEVELS[person.level].may_start:
        return False
    if policy.suspension_of(user, {}, now) is not None:
        return False
    groups = policy.declared_groups(user)
    return any(
        policy.may_use(found, user, person.level, group, now)
        and has_choice(policy, found, Asking(user, person.level, group))
        for group in groups
    )


def _list_people(before: Policy, after: Policy, key: Key) -> Iterable[str]:
    match key.kind:
        case Kind.USER:
            return {key.name}
        case Kind.GROUP:
            return _members(before, key.name) ^ _members(after, key.name)
        case Kind.GRANT:
            grants = [g for p in (before, after) for g in p.grants if g.path == key.path]
            named = {each.user for each in grants if each.user}
            return named.union(*(_members(after, each.group) for each in grants if each.group))
        case _:
            return {*before.people, *after.people}


def _list_tiers(before: Policy, after: Policy, key: Key) -> Iterable[str]:
    match key.kind:
        case Kind.TIER:
            old, new = (policy.tiers.get(key.name) for policy in (before, after))
            same = old and new and _list_access(before, old) == _list_access(after, new)
            return () if same else (key.name,)
        case Kind.IMAGE:
            old_image, new_image = (policy.images.get(key.name) for policy in (before, after))
            if old_image and new_image and old_image.access == new_image.access:
                return ()
            return [t.name for t in after.tiers.values() if key.name in t.images]
        case _:
            return sorted({*before.tiers, *after.tiers})


def _list_access(policy: Policy, tier: Tier) -> list[Access]:
    """Return whatever says who may start a tier."""
    images = (policy.images[name].access for name in tier.images if name in policy.images)
    return [tier.access, *(size.access for size in tier.sizes), *images]


def _members(policy: Policy, group: str) -> frozenset[str]:
    found = policy.groups.get(group)
    return found.members | found.managers if found else frozenset()


def find_over(
    before: Policy,
    after: Policy,
    held: tuple[Reservation, ...],
    totals: HeldTotals,
    now: datetime,
) -> Iterator[Over]:
    """Yield the limits that ``after`` sets below what is held, where ``before`` did not."""
    old, new = (_collect_limits(policy, held, now) for policy in (before, after))
    for at, limit in new.items():
        amount = totals.held(*at)
        if limit.maximum < amount and (at not in old or old[at].maximum > limit.maximum):
            yield Over(limit, amount)


def _collect_limits(
    policy: Policy, held: tuple[Reservation, ...], now: datetime
) -> dict[tuple[Scope, str], Limit]:
    limits: dict[tuple[Scope, str], Limit] = {}
    for user, account, tier in sorted({(each.user, each.account, each.tier) for each in held}):
        found = policy.list_limits(user, account, now)
        if tier in policy.tiers:
            found += tier_limits(policy.tiers[tier], user, account)
        limits |= {(limit.scope, limit.resource): limit for limit in found}
    return limits


def _is_about(key: Key, held: Reservation) -> bool:
    match key.kind:
        case Kind.USER:
            return held.user == key.name
        case Kind.GROUP:
            return held.account == key.name
        case Kind.TIER:
            return held.tier == key.name
        case Kind.IMAGE:
            return held.image == key.name
        case _:
            return False
