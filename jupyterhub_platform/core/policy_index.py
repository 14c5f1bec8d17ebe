"""What every decision asks of a policy, indexed: not searched among all people and groups."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from jupyterhub_platform.core.fed_groups import FedGroups
from jupyterhub_platform.core.grants import Grant
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.look_alikes import LookAlikes
from jupyterhub_platform.core.people import Group, Person
from jupyterhub_platform.core.persistent_map import PersistentMap, list_changed
from jupyterhub_platform.core.quotas import Defaults, Rule, Value, resolve
from jupyterhub_platform.core.resource_names import is_accelerator
from jupyterhub_platform.core.tiers import Tier


class Indexed(Protocol):
    """The parts of a policy from which its index is made."""

    @property
    def quota(self) -> Rule:
        """What the whole platform has."""

    @property
    def defaults(self) -> Defaults:
        """What holds where nothing else is said."""

    @property
    def people(self) -> Mapping[str, Person]:
        """People, by name."""

    @property
    def groups(self) -> Mapping[str, Group]:
        """Groups, by name."""

    @property
    def tiers(self) -> Mapping[str, Tier]:
        """Tiers, by name."""

    @property
    def grants(self) -> tuple[Grant, ...]:
        """All grants."""


@dataclass(frozen=True, slots=True)
class PolicyIndex:
    """What every decision asks of a policy: indexed, not searched among all users.

    Values are those of a group's or the platform's own rules before the defaults.
    """

    groups_of: PersistentMap[str, frozenset[str]]
    fed: FedGroups
    look_alikes: LookAlikes
    default_groups: tuple[str, ...]
    admins: tuple[str, ...]
    suspended: tuple[str, ...]
    with_granted_level: tuple[str, ...]
    grants_of_levels: tuple[Grant, ...]
    grants_to_user: Mapping[str, list[Grant]]
    grants_to_group: Mapping[str, list[Grant]]
    of_member: PersistentMap[str, tuple[Value, ...]]
    no_member: tuple[Value, ...]
    of_user: tuple[Value, ...]
    of_account: PersistentMap[str, tuple[Value, ...]]
    no_account: tuple[Value, ...]
    of_platform: tuple[Value, ...]
    accelerators: tuple[str, ...]

    @classmethod
    def of(cls, policy: Indexed) -> "PolicyIndex":
        """Return the index of a policy."""
        to_user, to_group = _by_receiver(policy.grants)
        groups, defaults = policy.groups.values(), policy.defaults
        no_member, no_account = resolve(defaults.member), resolve(defaults.group)
        return cls(
            groups_of=PersistentMap(_find_groups(groups)),
            fed=FedGroups.of((each.name, each.provided_by) for each in groups),
            look_alikes=LookAlikes.of(policy.people),
            default_groups=_list_defaults(groups),
            admins=tuple(sorted(p.name for p in policy.people.values() if p.level is Level.ADMIN)),
            suspended=tuple(sorted(p.name for p in policy.people.values() if p.suspended)),
            with_granted_level=tuple(p.name for p in policy.people.values() if p.without_grant),
            grants_of_levels=tuple(grant for grant in policy.grants if grant.level),
            grants_to_user=to_user,
            grants_to_group=to_group,
            of_member=PersistentMap(
                {
                    g.name: resolve(g.member_quota, defaults.member)
                    if g.member_quota.quota
                    else no_member
                    for g in groups
                }
            ),
            no_member=no_member,
            of_user=resolve(defaults.user),
            of_account=PersistentMap(
                {
                    g.name: resolve(g.quota, defaults.group) if g.quota.quota else no_account
                    for g in groups
                }
            ),
            no_account=no_account,
            of_platform=resolve(policy.quota),
            accelerators=_list_accelerators(policy.tiers),
        )

    def follow(self, before: Indexed, after: Indexed) -> "PolicyIndex":
        """Return the index of ``after``, which has the rules of ``before`` for everything else."""
        parts: dict[str, Any] = {}
        if before.people is not after.people:
            changed = list_changed(before.people, after.people)
            now = {name: after.people[name] for name in changed if name in after.people}
            admins = {n for n, person in now.items() if person.level is Level.ADMIN}
            out = {n for n, person in now.items() if person.suspended}
            parts["admins"] = tuple(sorted({*self.admins} - changed | admins))
            parts["suspended"] = tuple(sorted({*self.suspended} - changed | out))
            parts["look_alikes"] = self.look_alikes.follow(changed, now)
            raised = {n for n, person in now.items() if person.without_grant}
            parts["with_granted_level"] = tuple({*self.with_granted_level} - changed | raised)
        if before.groups is not after.groups:
            parts |= self._follow_groups(before, after)
        if before.grants is not after.grants:
            parts["grants_to_user"], parts["grants_to_group"] = _by_receiver(after.grants)
            parts["grants_of_levels"] = tuple(grant for grant in after.grants if grant.level)
        if before.tiers is not after.tiers:
            parts["accelerators"] = _list_accelerators(after.tiers)
        return replace(self, **parts)

    def _follow_groups(self, before: Indexed, after: Indexed) -> dict[str, Any]:
        theirs: dict[str, frozenset[str]] = {}
        of_member, of_account = self.of_member, self.of_account
        changed = list_changed(before.groups, after.groups)
        fed = self.fed.follow(before.groups, after.groups, changed)
        both = (g for name in changed for g in (before.groups.get(name), after.groups.get(name)))
        is_moved = any(each is not None and each.is_default for each in both)
        defaults = _list_defaults(after.groups.values()) if is_moved else self.default_groups
        for name in changed:
            old, new = before.groups.get(name), after.groups.get(name)
            was = old.members | old.managers if old else frozenset()
            now = new.members | new.managers if new else frozenset()
            for user in was ^ now:
                # None left is what is known, too.
                known = theirs[user] if user in theirs else self.groups_of.get(user, frozenset())
                theirs[user] = known | {name} if user in now else known - {name}
            if new:
                of_member = of_member.put(name, resolve(new.member_quota, after.defaults.member))
                of_account = of_account.put(name, resolve(new.quota, after.defaults.group))
            else:
                of_member, of_account = of_member.drop(name), of_account.drop(name)
        groups_of = self.groups_of.put_all({user: each for user, each in theirs.items() if each})
        for user in (user for user, each in theirs.items() if not each):
            groups_of = groups_of.drop(user)
        of_groups = {"of_member": of_member, "of_account": of_account}
        return {"groups_of": groups_of, "fed": fed, "default_groups": defaults, **of_groups}


def _list_defaults(groups: Iterable[Group]) -> tuple[str, ...]:
    return tuple(group.name for group in groups if group.is_default)


def _find_groups(groups: Iterable[Group]) -> dict[str, frozenset[str]]:
    """Return the groups of each person: one set for all who are in the same ones."""
    found: dict[str, frozenset[str]] = {}
    for group in groups:
        joined: dict[frozenset[str], frozenset[str]] = {}
        for user in group.members | group.managers:
            before = found.get(user, frozenset())
            if before not in joined:
                joined[before] = before | {group.name}
            found[user] = joined[before]
    return found


def _by_receiver(
    grants: Iterable[Grant],
) -> tuple[dict[str, list[Grant]], dict[str, list[Grant]]]:
    """Return grants by the user, and by the group, whom they are for."""
    to_user: defaultdict[str, list[Grant]] = defaultdict(list)
    to_group: defaultdict[str, list[Grant]] = defaultdict(list)
    for grant in grants:
        (to_user[grant.user] if grant.user else to_group[grant.group]).append(grant)
    return dict(to_user), dict(to_group)


def _list_accelerators(tiers: Mapping[str, Tier]) -> tuple[str, ...]:
    asked = {name for tier in tiers.values() for each in tier.variants for name in each.demand}
    return tuple(sorted(filter(is_accelerator, asked)))
