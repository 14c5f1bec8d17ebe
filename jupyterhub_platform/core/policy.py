"""What is declared, checked and ready to be asked: people, groups, tiers, quotas, grants."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.quotas import Grant, Rule, first_defined
from jupyterhub_platform.core.resources import SERVERS, is_accelerator
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.core.tiers import Image, Tier
from jupyterhub_platform.core.usage import Scope

NO_RULE: Final = Rule("", {})
_NO_RULE_SAID: Final = "accelerators are denied unless a rule grants them"


@dataclass(frozen=True, slots=True)
class Person:
    """A declared person. ``within`` holds their own limits inside an account, by its name."""

    name: str
    level: Level
    title: str = ""
    quota: Rule = NO_RULE
    within: Mapping[str, Rule] = field(default_factory=dict)
    suspended: Suspension | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A declared group. ``quota`` is held by all together, ``member_quota`` by each."""

    name: str
    title: str
    members: frozenset[str]
    managers: frozenset[str]
    quota: Rule
    member_quota: Rule


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where a person or a group says nothing of its own."""

    user: Rule = NO_RULE
    group: Rule = NO_RULE
    member: Rule = NO_RULE
    tier: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit that applies: at which scope, of what, how much, and the rule that says so.

    ``granted`` is the part of ``most`` that live grants add.
    """

    scope: Scope
    resource: str
    most: int
    path: str
    granted: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy, immutable. A change replaces it whole.

    ``lines`` says where each key path was declared, as ``file:line``.
    """

    name: str
    quota: Rule
    defaults: Defaults
    people: Mapping[str, Person]
    groups: Mapping[str, Group]
    images: Mapping[str, Image]
    tiers: Mapping[str, Tier]
    grants: tuple[Grant, ...] = ()
    lines: Mapping[str, str] = field(default_factory=dict)
    _groups_of: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)
    _admins: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _suspended: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Asked at every decision: looked up, not searched among everybody.
        groups_of: defaultdict[str, set[str]] = defaultdict(set)
        for group in self.groups.values():
            for user in group.members | group.managers:
                groups_of[user].add(group.name)
        frozen = {user: frozenset(names) for user, names in groups_of.items()}
        admins = tuple(sorted(p.name for p in self.people.values() if p.level is Level.ADMIN))
        object.__setattr__(self, "_groups_of", frozen)
        object.__setattr__(self, "_admins", admins)
        suspended = tuple(sorted(p.name for p in self.people.values() if p.suspended))
        object.__setattr__(self, "_suspended", suspended)

    def declared_groups(self, user: str) -> frozenset[str]:
        """Return the groups that the policy puts ``user`` into, as a member or a manager."""
        return self._groups_of.get(user, frozenset())

    def managed_groups(self, user: str) -> frozenset[str]:
        """Return the groups that ``user`` is in charge of."""
        return frozenset(g for g in self.declared_groups(user) if user in self.groups[g].managers)

    def admins(self) -> tuple[str, ...]:
        """Return the names of the admins, sorted."""
        return self._admins

    def suspension_of(
        self, user: str, others: Mapping[str, Suspension], now: datetime
    ) -> Suspension | None:
        """Return what keeps ``user`` out at ``now``; a declared suspension before ``others``."""
        person = self.people.get(user)
        for suspension in (person.suspended if person else None, others.get(user)):
            if suspension is not None and suspension.holds(now):
                return suspension
        return None

    def list_suspended(self, others: Mapping[str, Suspension], now: datetime) -> tuple[str, ...]:
        """Return who is kept out at ``now``, by name."""
        names = {*self._suspended, *others}
        return tuple(sorted(n for n in names if self.suspension_of(n, others, now)))

    def may_use(self, tier: Tier, user: str, level: Level, account: str, now: datetime) -> bool:
        """Tell whether ``user`` may start ``tier`` charged to ``account``, also by a grant."""
        if tier.access.admits(user, level, account):
            return True
        return any(
            grant.tier == tier.name
            and (
                (grant.user == user and grant.account in {"", account})
                or (grant.group != "" and grant.group == account)
            )
            for grant in self.grants
            if grant.is_live(now)
        )

    def list_limits(self, user: str, account: str, now: datetime) -> tuple[Limit, ...]:
        """Return every limit on what ``user`` may hold in ``account``, apart from those of tiers.

        Precedence of one value, field by field: user in account, group, platform default; live
        grants add to it. An accelerator that no rule for the account or the person names is limited
        to what grants give, that is to nothing without one.
        """
        return tuple(self._limits(user, account, now))

    def _limits(self, user: str, account: str, now: datetime) -> Iterator[Limit]:
        person = self.people.get(user)
        group = self.groups.get(account)
        own = (person.quota,) if person else ()
        within = (person.within[account],) if person and account in person.within else ()
        chains: tuple[tuple[Scope, tuple[Rule, ...]], ...] = (
            (
                Scope("member", account=account, user=user),
                (*within, *((group.member_quota,) if group else ()), self.defaults.member),
            ),
            (Scope("user", user=user), (*own, self.defaults.user)),
            (
                Scope("account", account=account),
                (*((group.quota,) if group else ()), self.defaults.group),
            ),
            (Scope("platform"), (self.quota,)),
        )
        grants = tuple(grant for grant in self.grants if grant.is_live(now))
        for scope, rules in chains:
            names = sorted({name for rule in rules for name in rule.quota}, key=resource_order)
            for name in names:
                found = first_defined(rules, name)
                if found is None or found[0] is None:
                    continue
                added = sum(g.add.amount(name) for g in grants if _adds_to(g, scope, account))
                yield Limit(scope, name, found[0] + added, found[1], added)
        yield from self._scarce(chains, grants, user, account)

    def _scarce(
        self,
        chains: tuple[tuple[Scope, tuple[Rule, ...]], ...],
        grants: tuple[Grant, ...],
        user: str,
        account: str,
    ) -> Iterator[Limit]:
        """Yield limits for each accelerator of some tier that no rule but the platform's names.

        There are only grants then. What a group is granted, all hold together; what a person is
        granted, they hold once, whichever account is charged. Where both are live, others never
        live on a person's own grant: rather too little is admitted than too much.
        """
        names = {n for tier in self.tiers.values() for n in tier.demand if is_accelerator(n)}
        theirs = self.declared_groups(user) | {account}
        for name in sorted(names):
            if any(name in rule.quota for _, rules in chains[:3] for rule in rules):
                continue
            here = sum(g.add.amount(name) for g in grants if _gives(g, user, account))
            yield Limit(Scope("member", account, user), name, here, _NO_RULE_SAID, here)
            if here:
                own = (g for g in grants if g.user == user or g.group in theirs)
                everywhere = sum(g.add.amount(name) for g in own)
                yield Limit(Scope("user", user=user), name, everywhere, _NO_RULE_SAID, everywhere)
                yield Limit(Scope("account", account), name, here, _NO_RULE_SAID, here)


def _adds_to(grant: Grant, scope: Scope, account: str) -> bool:
    if scope.kind == "account":
        return grant.group != "" and grant.group == scope.account
    if scope.kind in {"member", "user"}:
        return grant.user == scope.user and grant.account in {"", account}
    return False


def _gives(grant: Grant, user: str, account: str) -> bool:
    if grant.user:
        return grant.user == user and grant.account in {"", account}
    return grant.group == account


def resource_order(name: str) -> tuple[int, str]:
    """Sort key that puts servers, CPU and memory first, as people read them."""
    first = (SERVERS, "cpu", "memory")
    return (first.index(name) if name in first else len(first), name)


def tier_limits(tier: Tier, user: str, account: str) -> tuple[Limit, ...]:
    """Return the limits on how many servers of ``tier`` may run at once."""
    rows = (
        (Scope("tier-user", user=user, tier=tier.name), tier.at_once.user, "user"),
        (Scope("tier-account", account=account, tier=tier.name), tier.at_once.account, "account"),
        (Scope("tier", tier=tier.name), tier.at_once.platform, "platform"),
    )
    return tuple(
        Limit(scope, SERVERS, most, f"tiers.{tier.name}.at_once.{key}")
        for scope, most, key in rows
        if most is not None
    )
