"""What it does to people to put another policy into force, known before it is done.

Nothing here looks at objects that did not change twice, and users who are alike are judged once: a
policy of ten thousand people is compared in a fraction of a second.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from jupyterhub_platform.core.access import Access
from jupyterhub_platform.core.effects import Over, Reach, find_over, may_start
from jupyterhub_platform.core.levels import LEVELS, Level
from jupyterhub_platform.core.planned_cuts import list_cuts
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.reservations import HeldTotals, Reservation
from jupyterhub_platform.core.sentences import listed

_NAMED: Final = 5
"""How many names a sentence has."""


@dataclass(frozen=True, slots=True)
class Joined:
    """People who are in a group after a change and were not before, or the other way round."""

    group: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """A user who has another level then."""

    user: str
    before: Level
    after: Level


@dataclass(frozen=True, slots=True)
class Met:
    """A running server that a change meets, and what becomes of it.

    ``code`` is ``suspended`` if it is stopped. All others go on as they are: ``removed`` is that of
    a user who is not declared any more, ``group``, ``tier`` and ``image`` say what of it is gone,
    and ``changed`` is one whose tier says something else of the next.
    """

    held: Reservation
    code: str


@dataclass(frozen=True, slots=True)
class Risk:
    """What a reader must not overlook; what is ``destructive`` needs to be allowed by name."""

    code: str
    sentence: str
    destructive: bool


@dataclass(frozen=True, slots=True)
class PolicyPlan:
    """What putting a policy into force does to people, sorted, with all names."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    resumed: tuple[str, ...] = ()
    levels: tuple[Moved, ...] = ()
    joins: tuple[Joined, ...] = ()
    leaves: tuple[Joined, ...] = ()
    gains: tuple[Reach, ...] = ()
    losses: tuple[Reach, ...] = ()
    over: tuple[Over, ...] = ()
    servers: tuple[Met, ...] = ()
    risks: tuple[Risk, ...] = ()

    @property
    def is_destructive(self) -> bool:
        """Whether anything of it has to be allowed by name."""
        return any(each.destructive for each in self.risks)

    @property
    def concerned(self) -> int:
        """How many people it gives something, or takes something from."""
        named = {*self.added, *self.removed, *self.suspended, *self.resumed}
        return len(
            named.union(*(each.people for each in (*self.joins, *self.leaves)))
            .union(*(each.people for each in (*self.gains, *self.losses)))
            .union(each.user for each in self.levels)
            .union(each.limit.scope.user for each in self.over if each.limit.scope.user)
        )


def plan_policy(
    before: Policy,
    after: Policy,
    reservations: Iterable[Reservation],
    totals: HeldTotals,
    now: datetime,
) -> PolicyPlan:
    """Return what it does at ``now`` to put ``after`` into force in place of ``before``.

    Parameters
    ----------
    reservations
        What every server holds.
    totals
        The same, added up.
    """
    held = tuple(sorted(reservations, key=lambda each: (each.user, each.server)))
    old, new = before.people.keys(), after.people.keys()
    out_before, out_after = (
        {
            name
            for name, each in policy.people.items()
            if each.suspended and _holds(policy, name, now)
        }
        for policy in (before, after)
    )
    joins, leaves = _compare_groups(before, after)
    gains, losses = _compare_reach(before, after, now)
    plan = PolicyPlan(
        added=tuple(sorted(new - old)),
        removed=tuple(sorted(old - new)),
        suspended=tuple(sorted(out_after - out_before)),
        resumed=tuple(sorted((out_before - out_after) & new)),
        levels=tuple(_compare_levels(before, after)),
        joins=joins,
        leaves=leaves,
        gains=gains,
        losses=losses,
        over=tuple(sorted(find_over(before, after, held, totals, now), key=_order)),
        servers=tuple(_meet(before, after, held, out_after - out_before)),
    )
    return _judge(plan, before, after)


def _holds(policy: Policy, name: str, now: datetime) -> bool:
    return policy.suspension_of(name, {}, now) is not None


def _order(over: Over) -> tuple[object, ...]:
    return (*over.limit.scope, over.limit.resource)


def _compare_levels(before: Policy, after: Policy) -> Iterator[Moved]:
    for name in sorted(before.people.keys() & after.people.keys()):
        old, new = before.people[name].level, after.people[name].level
        if old is not new:
            yield Moved(name, old, new)


def _compare_groups(before: Policy, after: Policy) -> tuple[tuple[Joined, ...], tuple[Joined, ...]]:
    """Return who comes into which groups, and who leaves them."""
    joins, leaves = [], []
    for name in sorted({*before.groups, *after.groups}):
        old, new = (_list_members(policy, name) for policy in (before, after))
        if old != new:
            joins.append(Joined(name, tuple(sorted(new - old))))
            leaves.append(Joined(name, tuple(sorted(old - new))))
    return tuple(each for each in joins if each.people), tuple(
        each for each in leaves if each.people
    )


def _list_members(policy: Policy, group: str) -> frozenset[str]:
    found = policy.groups.get(group)
    return found.members | found.managers if found else frozenset()


def _compare_reach(
    before: Policy, after: Policy, now: datetime
) -> tuple[tuple[Reach, ...], tuple[Reach, ...]]:
    """Return who may start which tiers only then, and who only now."""
    reaches = _Startable(before, now), _Startable(after, now)
    gains, losses = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for name in sorted({*before.people, *after.people}):
        old, new = (each.find(name) for each in reaches)
        if old != new:
            for tier in new - old:
                gains[tier].append(name)
            for tier in old - new:
                losses[tier].append(name)
    return _list_reach(gains), _list_reach(losses)


def _list_reach(found: Mapping[str, list[str]]) -> tuple[Reach, ...]:
    return tuple(Reach(tier, tuple(names)) for tier, names in sorted(found.items()))


class _Startable:
    """Finds which tiers users may start; all who have the same level and groups at once."""

    def __init__(self, policy: Policy, now: datetime) -> None:
        self._policy = policy
        self._now = now
        self._named = frozenset(_list_named(policy))
        self._known: dict[tuple[Level, frozenset[str]], frozenset[str]] = {}

    def find(self, user: str) -> frozenset[str]:
        """Return the tiers that a user may start in some group of the policy."""
        person = self._policy.people.get(user)
        if person is None or not LEVELS[person.level].may_start:
            return frozenset()
        if user in self._named or person.suspended:
            return self._list(user)
        key = person.level, self._policy.declared_groups(user)
        if key not in self._known:
            self._known[key] = self._list(user)
        return self._known[key]

    def _list(self, user: str) -> frozenset[str]:
        policy, now = self._policy, self._now
        return frozenset(tier for tier in policy.tiers if may_start(policy, user, tier, now))


def _list_named(policy: Policy) -> Iterator[str]:
    """Yield whom a rule names in person, so that others who seem alike are none."""
    of_tiers = (
        access
        for tier in policy.tiers.values()
        for access in (tier.access, *(size.access for size in tier.sizes))
    )
    for access in (*of_tiers, *(image.access for image in policy.images.values())):
        yield from _list_users(access)
    yield from (grant.user for grant in policy.grants if grant.user)


def _list_users(access: Access) -> Iterator[str]:
    yield from access.users
    for rule in access.rules:
        yield from rule.users


def _meet(
    before: Policy, after: Policy, held: Iterable[Reservation], suspended: set[str]
) -> Iterator[Met]:
    """Yield the servers that the change is about, each with the gravest of what it means."""
    tiers = {n for n, each in before.tiers.items() if after.tiers.get(n, each) != each}
    for each in held:
        if each.user in suspended:
            yield Met(each, "suspended")
        elif each.user in before.people and each.user not in after.people:
            yield Met(each, "removed")
        elif each.account in before.groups and each.account not in after.groups:
            yield Met(each, "group")
        elif each.tier in before.tiers and each.tier not in after.tiers:
            yield Met(each, "tier")
        elif each.image in before.images and each.image not in after.images:
            yield Met(each, "image")
        elif each.tier in tiers:
            yield Met(each, "changed")


def _judge(plan: PolicyPlan, before: Policy, after: Policy) -> PolicyPlan:
    risks = (*_list_destructive(plan, before, after), *_list_warnings(before, after))
    return replace(plan, risks=risks)


_DESTRUCTIVE: Final[Mapping[str, tuple[str, str, str]]] = {
    "suspended": ("is", "are", "stopped, since their users are suspended: "),
    "removed": ("belongs", "belong", "to people who are removed: "),
    "group": ("is", "are", "charged to groups that are removed, by "),
    "tier": ("runs", "run", "in tiers that are removed, of "),
}
"""What becomes of servers, by what the change says of them: the verb of one and of many."""


def _list_destructive(plan: PolicyPlan, before: Policy, after: Policy) -> Iterator[Risk]:
    lost = tuple(sorted({*before.admins()} - {*after.admins()}))
    if lost:
        yield Risk("admins", f"No admin any more: {_name(lost)}", destructive=True)
    for code, (one, many, words) in _DESTRUCTIVE.items():
        met = [each.held for each in plan.servers if each.code == code]
        if met:
            servers = f"1 server {one}" if len(met) == 1 else f"{len(met):,} servers {many}"
            people = _name(sorted({each.user for each in met}))
            yield Risk(code, f"{servers} {words}{people}", destructive=True)


def _list_warnings(before: Policy, after: Policy) -> Iterator[Risk]:
    # Before the first policy, nothing is given that could be cut.
    for cut in list_cuts(before, after) if before.people else ():
        yield Risk("cut", cut.sentence, destructive=False)


def _name(names: Iterable[str]) -> str:
    """Name a few, and count the others."""
    known = list(names)
    rest = len(known) - _NAMED
    shown = known[:_NAMED] if rest > 1 else known
    return listed([*shown, f"{rest:,} more"] if rest > 1 else shown)
