"""The compiled policy: people, groups, tiers, quotas, grants, and which limits apply to whom."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from jupyterhub_platform.core.errors import Place
from jupyterhub_platform.core.grants import Grant, level_at
from jupyterhub_platform.core.identity_providers import NO_IDENTITY, Identity
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.observed_pods import PodSource
from jupyterhub_platform.core.people import Group, Person
from jupyterhub_platform.core.persistent_map import PersistentMap
from jupyterhub_platform.core.pods import Pod, resolve_claims
from jupyterhub_platform.core.policy_index import PolicyIndex
from jupyterhub_platform.core.quotas import Defaults, Rule, Value, resolve
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.resource_names import SERVERS
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.core.tiers import Image, Tier

_NO_RULE_SENTENCE: Final = "accelerators are denied unless a rule grants them"


class Limit(NamedTuple):
    """One limit that applies: at which scope, of what, how much, and the rule that says so.

    ``granted`` is the part of ``maximum`` that live grants add.
    """

    scope: Scope
    resource: str
    maximum: int
    path: str
    granted: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy, immutable. A change replaces it whole.

    ``lines`` says where each key path was declared.
    """

    name: str
    quota: Rule
    defaults: Defaults
    people: Mapping[str, Person]
    groups: Mapping[str, Group]
    images: Mapping[str, Image]
    tiers: Mapping[str, Tier]
    grants: tuple[Grant, ...] = ()
    identity: Identity = NO_IDENTITY
    observed_pods: Mapping[str, PodSource] = field(default_factory=dict)
    lines: Mapping[str, Place] = field(default_factory=dict)
    _index: PolicyIndex = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for part in ("people", "groups"):
            object.__setattr__(self, part, PersistentMap.of(getattr(self, part)))
        object.__setattr__(self, "_index", PolicyIndex.of(self))

    def with_parts(self, **parts: Any) -> "Policy":
        """Return this policy with other people, groups, images, tiers or grants.

        It costs what differs: the indexes follow what has changed.
        """
        changed = object.__new__(Policy)
        for each in fields(self):
            if each.init:
                part = parts[each.name] if each.name in parts else getattr(self, each.name)
                object.__setattr__(changed, each.name, part)
        object.__setattr__(changed, "_index", self._index.follow(self, changed))
        return changed

    def declared_groups(self, user: str) -> frozenset[str]:
        """Return the groups that the policy puts ``user`` into, as a member or a manager."""
        return self._index.groups_of.get(user, frozenset())

    def managed_groups(self, user: str) -> frozenset[str]:
        """Return the groups that ``user`` is in charge of."""
        return frozenset(g for g in self.declared_groups(user) if user in self.groups[g].managers)

    def membership_path(self, user: str, group: str) -> str:
        """Return the key path that puts a user into a group; empty if the policy does not."""
        if group not in self.declared_groups(user):
            return ""
        person, by_name = self.people.get(user), self.groups[group]
        if person is not None and person.claimed is not None and user in by_name.joined:
            if group in person.claimed.fed:
                return f"groups.{group}.from"
            if group in person.claimed.groups:
                return f"{person.claimed.rule}.groups"
        return by_name.membership_path(user)

    def accounts_of(self, user: str, memberships: frozenset[str]) -> frozenset[str]:
        """Return the groups of the policy that ``user`` is in, by it or by the Hub's groups."""
        theirs = self.declared_groups(user) | memberships | self.groups_fed_by(memberships)
        return theirs & self.groups.keys()

    @property
    def default_groups(self) -> tuple[str, ...]:
        """The groups that are marked as default, in the order of the policy."""
        return self._index.default_groups

    def groups_fed_by(self, provided: Iterable[str]) -> frozenset[str]:
        """Return the groups of whom an identity provider puts into the groups ``provided``."""
        return self._index.fed.list_fed(provided)

    def find_look_alike(self, name: str) -> str:
        """Return another person whose name could be taken for ``name``; empty if there is none."""
        return self._index.look_alikes.find(name, self.people)

    def levels_to_come(self, user: str, now: datetime) -> frozenset[Level]:
        """Return the levels that ``user`` has at ``now`` or is to have, with grants and without."""
        person = self.people[user]
        grants = self._index.grants_to_user.get(user, ())
        granted = (each.level for each in grants if each.level is not None and now < each.until)
        return frozenset({person.level, person.own_level, *granted})

    def admins(self) -> tuple[str, ...]:
        """Return the names of the admins, sorted."""
        return self._index.admins

    def own_admins(self) -> tuple[str, ...]:
        """Return the names of admins who stay it whatever grant ends, or provider says, sorted."""
        people = (self.people[name] for name in self.admins())
        return tuple(p.name for p in people if p.own_level is Level.ADMIN and not p.level_rule)

    def lets_in(self, name: str, now: datetime) -> bool:
        """Tell whether a user is declared, managed, or let in by a rule at ``now``."""
        person = self.people.get(name)
        return person is not None and person.is_let_in(now)

    def admins_let_in(self, others: Mapping[str, Suspension], now: datetime) -> tuple[str, ...]:
        """Return the names of lasting admins whom no suspension keeps out at ``now``, sorted."""
        return tuple(a for a in self.own_admins() if self.suspension_of(a, others, now) is None)

    def with_levels(self, now: datetime) -> "Policy":
        """Return this policy with the levels that grants give at ``now``; itself if it has them.

        It costs the grants that give levels, and the people who have one by a grant.
        """
        names = {*self._index.with_granted_level, *(g.user for g in self._index.grants_of_levels)}
        changed = {}
        for person in (self.people[name] for name in names if name in self.people):
            own, grants = person.own_level, self._index.grants_to_user.get(person.name, ())
            level = level_at(own, grants, now)
            if level is not person.level:
                without = None if level is own else own
                changed[person.name] = replace(person, level=level, without_grant=without)
        return self.with_parts(people={**self.people, **changed}) if changed else self

    def pod_of(self, tier: Tier, account: str, groups: Iterable[str], user: str = "") -> Pod:
        """Return how a server of ``tier`` runs that ``user`` starts, charged to ``account``.

        Whatever any of the user's ``groups`` share comes with it.
        """
        pod, charged, person = tier.pod, self.groups.get(account), self.people.get(user)
        if charged is not None:
            pod = pod.charged_to(
                charged.service_account, charged.environment, charged.labels, charged.annotations
            )
        level = person.level if person else None
        declared = [self.groups[name] for name in groups if name in self.groups]
        volumes = (
            *((volume, account) for volume in (*self.defaults.volumes, *pod.shared)),
            *((volume, group.name) for group in declared for volume in group.volumes),
        )
        shared = (volume.of(level, group) for volume, group in volumes)
        environment = resolve_claims(pod.environment, person.claims if person else {})
        return replace(pod, shared=tuple(filter(None, shared)), environment=environment)

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
        names = {*self._index.suspended, *others}
        return tuple(sorted(n for n in names if self.suspension_of(n, others, now)))

    def may_use(self, tier: Tier, user: str, level: Level, account: str, now: datetime) -> bool:
        """Tell whether ``user`` may start ``tier`` charged to ``account``, also by a grant."""
        if tier.access.admits(user, level, account):
            return True
        live = self._live_grants(user, account, now)
        return any(each.tier == tier.name and each.counts_for(user, account) for each in live)

    def list_limits(self, user: str, account: str, now: datetime) -> tuple[Limit, ...]:
        """Return every limit on what ``user`` may hold in ``account``, apart from those of tiers.

        Precedence of one value, field by field: user in account, group, platform default; live
        grants add to it. An accelerator that no rule for the account or the person names is limited
        to what grants give, that is to nothing without one.
        """
        return tuple(self._limits(user, account, now))

    def _limits(self, user: str, account: str, now: datetime) -> Iterator[Limit]:
        grants = self._live_grants(user, account, now)
        of_member, of_user = self.personal_values(user, account)
        chains = (
            (Scope("member", account, user), of_member),
            (Scope("user", "", user), of_user),
            (Scope("account", account), self.account_values(account)),
            (Scope("platform"), self._index.of_platform),
        )
        for scope, values in chains:
            for name, maximum, path in values:
                if maximum is not None:
                    added = _added(grants, scope, name, account) if grants else 0
                    yield Limit(scope, name, maximum + added, path, added)
        ruled = {value.resource for _, values in chains[:3] for value in values}
        for name in self._index.accelerators:
            if name not in ruled:
                yield from _scarce(name, grants, user, account)

    def personal_values(
        self, user: str, account: str
    ) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
        """Return what rules give ``user`` within ``account``, and in all accounts together."""
        of_member = self._index.of_member.get(account, self._index.no_member)
        of_user = self._index.of_user
        person = self.people.get(user)
        if person and account in person.within:
            group = self.groups.get(account)
            shared = (group.member_quota,) if group else ()
            of_member = resolve(person.within[account], *shared, self.defaults.member)
        if person and person.quota.quota:
            of_user = resolve(person.quota, self.defaults.user)
        return of_member, of_user

    def account_values(self, account: str) -> tuple[Value, ...]:
        """Return what rules give all who are charged to ``account`` together."""
        return self._index.of_account.get(account, self._index.no_account)

    @property
    def accelerators(self) -> tuple[str, ...]:
        """The accelerators that tiers ask for."""
        return self._index.accelerators

    def may_be_granted(self, user: str, account: str) -> bool:
        """Tell whether there is any grant for them, live or not."""
        to_user, to_group = self._index.grants_to_user, self._index.grants_to_group
        if user in to_user or account in to_group:
            return True
        return bool(to_group) and any(g in to_group for g in self.declared_groups(user))

    def _live_grants(self, user: str, account: str, now: datetime) -> tuple[Grant, ...]:
        """Return the grants that count for ``user``, themselves or as one of a group."""
        given = list(self._index.grants_to_user.get(user, ()))
        for group in self.declared_groups(user) | {account}:
            given += self._index.grants_to_group.get(group, ())
        return tuple(grant for grant in given if grant.is_live(now))


def _added(grants: tuple[Grant, ...], scope: Scope, name: str, account: str) -> int:
    return sum(grant.add.amount(name) for grant in grants if _adds_to(grant, scope, account))


def _scarce(name: str, grants: tuple[Grant, ...], user: str, account: str) -> Iterator[Limit]:
    """Yield limits for an accelerator of some tier that no rule but the platform's names.

    There are only grants then. What a group is granted, all hold together; what a person is
    granted, they hold once, whichever account is charged. Where both are live, others never
    live on a person's own grant: rather too little is admitted than too much.
    """
    here = sum(grant.add.amount(name) for grant in grants if grant.counts_for(user, account))
    yield Limit(Scope("member", account, user), name, here, _NO_RULE_SENTENCE, here)
    if here:
        everywhere = sum(grant.add.amount(name) for grant in grants)
        yield Limit(Scope("user", "", user), name, everywhere, _NO_RULE_SENTENCE, everywhere)
        yield Limit(Scope("account", account), name, here, _NO_RULE_SENTENCE, here)


def _adds_to(grant: Grant, scope: Scope, account: str) -> bool:
    if scope.kind == "account":
        return grant.group != "" and grant.group == scope.account
    if scope.kind in {"member", "user"}:
        return grant.user == scope.user and grant.account in {"", account}
    return False


def tier_limits(tier: Tier, user: str, account: str) -> tuple[Limit, ...]:
    """Return the limits on how many servers of ``tier`` may run at once."""
    rows = (
        (Scope("tier-user", user=user, tier=tier.name), tier.at_once.user, "user"),
        (Scope("tier-account", account=account, tier=tier.name), tier.at_once.account, "account"),
        (Scope("tier", tier=tier.name), tier.at_once.platform, "platform"),
    )
    return tuple(
        Limit(scope, SERVERS, maximum, f"tiers.{tier.name}.at_once.{key}")
        for scope, maximum, key in rows
        if maximum is not None
    )
