"""Checks what a manager may change of managed objects: managers give only what they hold.

An admin may change everything. A manager acts for the groups that the policy puts them in charge
of: on their members, on people who are in no other group, and on grants within them, up to what
the group itself may hold. Each function returns why not, or nothing if they may.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from jupyterhub_platform.core.grants import Grant
from jupyterhub_platform.core.levels import LEVELS, Level
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.core.people import Person
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.resource_names import is_accelerator
from jupyterhub_platform.core.tiers import Tier

_MOMENT: Final = timedelta(seconds=1)
_MEMBERS: Final = "members"


def why_not_touch(
    policy: Policy, manager: str, key: Key, memberships: frozenset[str], now: datetime
) -> str:
    """Say why a manager may not change or retire what stands at ``key`` now.

    ``memberships`` are the Hub's groups of the user, if it is one. What is not theirs gets the same
    answer whether it exists or not.
    """
    kind, name = key
    if kind in {Kind.TIER, Kind.IMAGE}:
        return f"Only admins make, change and retire {kind.section}."
    if kind is Kind.GROUP and name not in policy.managed_groups(manager):
        return f"You are not in charge of a group {name}. Ask an admin."
    if kind is Kind.USER and name in policy.people:
        return _why_not_person(policy, manager, name, memberships, now)
    if kind is Kind.GRANT and (found := _find_grant(policy, key)) is not None:
        return "".join(_refuse_grant(policy, policy, manager, found, now, gives=False))
    return ""


def why_not_put(
    before: Policy,
    after: Policy,
    manager: str,
    key: Key,
    documents: tuple[Mapping[str, Any] | None, Mapping[str, Any]],
    groups: Iterable[str],
    now: datetime,
) -> str:
    """Say why a manager may not have ``key`` as it is in the policy ``after``.

    Parameters
    ----------
    documents
        What the object said before, and what it says now.
    groups
        Which managed groups a new user joins with it.
    """
    match key.kind:
        case Kind.USER:
            named = (set((each or {}).get("groups") or ()) for each in documents)
            joined = set.symmetric_difference(*named).union(groups)
            return _why_not_level(before, after, manager, key.name, frozenset(joined))
        case Kind.GROUP:
            old, new = ({k: v for k, v in (d or {}).items() if k != _MEMBERS} for d in documents)
            if old != new:
                return "You may change the members of your group. Ask an admin for anything else."
            return ""
        case _:
            grant = _find_grant(after, key)
            return next(_refuse_grant(before, after, manager, grant, now), "") if grant else ""


def why_not_retire(policy: Policy, key: Key, *, is_suspended: bool) -> str:
    """Say why a manager may not retire what is theirs to change.

    A user who is made again afterwards would be free of what an admin said of them.
    """
    if key.kind is Kind.GROUP:
        return f"Only admins make and retire {key.kind.section}."
    person = policy.people.get(key.name) if key.kind is Kind.USER else None
    if person is None:
        return ""
    if is_suspended or person.suspended is not None:
        return f"{key.name} is suspended. Ask an admin."
    if person.quota.quota or person.within:
        return f"{key.name} has limits that an admin set. Ask an admin."
    return ""


def why_not_member(policy: Policy, manager: str, group: str) -> str:
    """Say why a manager may not add people to ``group``, or remove them."""
    if group not in policy.managed_groups(manager):
        return f"You are not in charge of a group {group}. Ask an admin."
    return ""


def why_raised(policy: Policy, name: str, now: datetime) -> str:
    """Say why no manager acts on a user: a level, also one that a grant takes away or brings."""
    person = policy.people[name]
    for level in sorted(policy.levels_to_come(name, now), key=list(Level).index):
        if _is_raised(level):
            verb = "is" if level in {person.level, person.own_level} else "is to be"
            return f"{name} {verb} {level} on this platform. Ask an admin."
    return ""


def _why_not_person(
    policy: Policy, manager: str, name: str, memberships: frozenset[str], now: datetime
) -> str:
    groups = policy.accounts_of(name, memberships)
    if name == manager:
        return "You cannot change your own level or account. Ask an admin."
    if not groups or not groups & policy.managed_groups(manager):
        return f"You are not in charge of a user {name}. Ask an admin."
    if why_not := why_raised(policy, name, now):
        return why_not
    if not groups <= policy.managed_groups(manager):
        return f"{name} is also in groups that are not yours. Ask an admin."
    return ""


def _why_not_level(
    before: Policy, after: Policy, manager: str, name: str, groups: frozenset[str]
) -> str:
    new, old = after.people[name], before.people.get(name, Person(name, Level.VIEWER))
    if _is_raised(new.own_level):
        return f"You may give the levels {_list_levels()}. Ask an admin for {new.own_level}."
    if (new.quota.quota, new.suspended) != (old.quota.quota, old.suspended):
        return "You may change the title and the level of a user. Ask an admin for anything else."
    if name not in before.people and not groups:
        return "Say which of your groups the new user joins."
    named = groups | ({new.account} if new.account and new.account != old.account else set())
    return next(
        filter(None, (why_not_member(before, manager, group) for group in sorted(named))), ""
    )


def _is_raised(level: Level) -> bool:
    return LEVELS[level].manages_groups or LEVELS[level].reads_everything


def _list_levels() -> str:
    return ", ".join(level for level in Level if not _is_raised(level))


def _find_grant(policy: Policy, key: Key) -> Grant | None:
    return next((each for each in policy.grants if each.path == key.path), None)


def _refuse_grant(
    before: Policy,
    after: Policy,
    manager: str,
    grant: Grant,
    now: datetime,
    *,
    gives: bool = True,
) -> Iterator[str]:
    """Yield why a manager may not make a grant, or end it if it ``gives`` nothing."""
    if grant.account not in before.managed_groups(manager) or not grant.user:
        yield "You may grant something to one member, within a group that you are in charge of."
        return
    if not gives:
        return
    if grant.user == manager:
        yield "You cannot grant something to yourself. Ask another manager, or an admin."
    if grant.by != manager:
        yield f"A grant names who made it: write by: {manager}, or leave it out."
    moments = _list_moments(after, manager, grant, now)
    if grant.tier:
        tier = before.tiers[grant.tier]
        if not all(_may_use(before, tier, manager, grant.account, t) for t in moments):
            yield (
                f"You may not start {tier.name} in {grant.account} yourself until then, so you "
                "cannot grant it. Ask an admin."
            )
    for moment in moments:
        yield from _exceeds(before, after, grant, moment)


def _may_use(policy: Policy, tier: Tier, manager: str, account: str, at: datetime) -> bool:
    level = policy.with_levels(at).people[manager].level
    return policy.may_use(tier, manager, level, account, at)


def _list_moments(policy: Policy, manager: str, grant: Grant, now: datetime) -> list[datetime]:
    """Return the times at which what others give may change while a grant is live."""
    first, last = max(grant.starts or now, now), grant.until - _MOMENT
    others = (each for each in policy.grants if each.group or each.user in {manager, grant.user})
    turns = {turn for each in others for turn in (each.starts, each.until) if turn is not None}
    return [first, *sorted(turn for turn in turns if first < turn < last), last]


def _exceeds(before: Policy, after: Policy, grant: Grant, at: datetime) -> Iterator[str]:
    """Yield each resource of which one member could hold more than the whole group may."""
    ceilings = {
        limit.resource: limit.maximum
        for limit in before.list_limits(grant.user, grant.account, at)
        if limit.scope.kind == "account"
    }
    for limit in after.list_limits(grant.user, grant.account, at):
        resource = limit.resource
        if limit.scope.kind != "member" or not grant.add.amount(resource):
            continue
        ceiling = ceilings.get(resource, 0 if is_accelerator(resource) else None)
        if ceiling is not None and limit.maximum > ceiling:
            alone, whole = (describe_amount(resource, n) for n in (limit.maximum, ceiling))
            yield (
                f"With this grant {grant.user} alone could hold {alone}, and {grant.account} as a "
                f"whole may hold {whole}. Ask an admin to raise that first."
            )
