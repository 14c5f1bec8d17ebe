"""Compiles a document into a policy, or reports everything that is wrong with it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from jupyterhub_platform.core.document.amounts import dotted
from jupyterhub_platform.core.document.check_deployment import check_deployment
from jupyterhub_platform.core.document.compile_identity import read_identity
from jupyterhub_platform.core.document.compile_observed_pods import (
    check_observed_pods,
    read_observed_pods,
)
from jupyterhub_platform.core.document.compile_tiers import (
    is_resource,
    read_amounts,
    read_image,
    read_named_amount,
    read_tier,
)
from jupyterhub_platform.core.document.compile_volumes import check_mounts, read_shared
from jupyterhub_platform.core.document.faults import FaultCollector, KeyPath, quote
from jupyterhub_platform.core.document.names import Names, fold_user
from jupyterhub_platform.core.document.references import check_declaration
from jupyterhub_platform.core.document.schema import (
    Declaration,
    DeclaredGrant,
    DeclaredGroup,
    DeclaredPerson,
)
from jupyterhub_platform.core.document.shape import read_shape
from jupyterhub_platform.core.document.value_types import UNLIMITED
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.core.grants import Grant
from jupyterhub_platform.core.people import Group, Person
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.quantities import write_quantity
from jupyterhub_platform.core.quotas import NO_RULE, Defaults, Rule
from jupyterhub_platform.core.resource_names import SERVERS
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.core.tiers import Tier

EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


def compile_policy(
    document: object,
    known: Iterable[Fault] = (),
    unreadable: Iterable[KeyPath] = (),
    *,
    now: datetime = EARLIEST,
    names: Names | None = None,
) -> Policy:
    """Make the policy that ``document`` (plain mappings, lists and values) declares.

    Parameters
    ----------
    document
        What was read from the file.
    known
        What its reader found wrong already; reported together with everything else.
    unreadable
        Where the reader found something that cannot be judged.
    now
        What time it is: some admin must not be suspended then. A suspension that ends counts as one
        that has not ended yet, if it is left out.

    Raises
    ------
    PolicyError
        Raised if anything is wrong, with all faults in the order of the document.
    """
    faults = FaultCollector(document)
    for fault in known:
        faults.note(fault)
    for path in unreadable:
        faults.mark_broken(path)
    declaration = read_shape(document, faults)
    policy = None
    if declaration is not None:
        names = names or Names.of(document)
        check_declaration(declaration, names, faults, now)
        check_observed_pods(declaration, names, faults)
        check_mounts(declaration, faults)
        check_deployment(declaration, faults)
        policy = _Compiler(declaration, faults).compile()
    if faults or policy is None:
        raise PolicyError(faults.in_order())
    return policy


class _Compiler:
    """Reads the amounts of a declaration, checks them against each other, makes the policy."""

    def __init__(self, declaration: Declaration, faults: FaultCollector) -> None:
        self._declaration = declaration
        self._faults = faults
        self._rules: list[tuple[KeyPath, Rule]] = []

    def compile(self) -> Policy:
        declared = self._declaration
        joined: dict[str, set[str]] = {}
        for key, person in declared.users.items():
            for group in person.groups if person else ():
                joined.setdefault(group, set()).add(fold_user(key))
        policy = Policy(
            name=declared.name,
            quota=self._read_rule(("quota",), declared.quota),
            defaults=Defaults(
                user=self._read_rule(("defaults", "user_quota"), declared.defaults.user_quota),
                group=self._read_rule(("defaults", "group_quota"), declared.defaults.group_quota),
                member=self._read_rule(
                    ("defaults", "member_quota"), declared.defaults.member_quota
                ),
                tier=declared.defaults.tier,
                volumes=read_shared(self._faults, ("defaults",), declared.defaults.volumes),
            ),
            people=self._read_people(),
            groups={
                name: self._read_group(name, group, frozenset(joined.get(name, ())))
                for name, group in declared.groups.items()
            },
            images={
                name: read_image(self._faults, name, image)
                for name, image in declared.images.items()
            },
            tiers={
                name: read_tier(declared, self._faults, name, tier)
                for name, tier in declared.tiers.items()
            },
            grants=tuple(
                self._read_grant(path, grant)
                for path, grant in self._faults.number(("grants",), declared.grants)
            ),
            identity=read_identity(declared.identity, declared.defaults.level, self._faults),
            observed_pods=read_observed_pods(declared),
        )
        for tier in policy.tiers.values():
            for variant in tier.variants:
                self._check_capacity(variant, policy.quota)
        if policy.defaults.tier in policy.tiers:
            self._check_default_tier(policy.tiers[policy.defaults.tier].variants[0])
        return policy

    def _read_people(self) -> Mapping[str, Person]:
        within: dict[str, dict[str, Rule]] = {}
        nothing: Mapping[str, Rule] = {}
        for group, declared in self._declaration.groups.items():
            for name, limits in declared.users.items():
                rule = self._read_rule(("groups", group, "users", name), limits)
                within.setdefault(fold_user(name), {})[group] = rule
        people = {}
        for key, person in self._declaration.users.items():
            name = fold_user(key)
            people[name] = Person(
                name=name,
                level=(person and person.level) or self._declaration.defaults.level,
                title=person.title if person else "",
                account=(person and person.account) or "",
                quota=self._read_rule(("users", key, "quota"), person.quota if person else {}),
                within=within.get(name, nothing),
                suspended=_read_suspension(("users", key, "suspended"), person),
            )
        return people

    def _read_group(self, name: str, group: DeclaredGroup, joined: frozenset[str]) -> Group:
        path = ("groups", name)
        return Group(
            name=name,
            title=group.title or name,
            members=frozenset(map(fold_user, group.members)) | joined,
            joined=joined,
            provided_by=group.provided_by,
            is_default=group.default,
            managers=frozenset(map(fold_user, group.managers)),
            quota=self._read_rule((*path, "quota"), group.quota),
            member_quota=self._read_rule((*path, "member_quota"), group.member_quota),
            service_account=group.service_account or "",
            volumes=read_shared(self._faults, path, group.volumes),
            environment=group.environment,
            labels=group.labels,
            annotations=group.annotations,
        )

    def _read_grant(self, path: KeyPath, grant: DeclaredGrant) -> Grant:
        amounts = read_amounts(self._faults, (*path, "add"), grant.add)
        for name, amount in amounts.items():
            if amount == 0:
                self._faults.add((*path, "add", name), "adds nothing", "write more, or remove it")
        return Grant(
            path=dotted(path),
            user=fold_user(grant.user or ""),
            group=grant.group or "",
            account=grant.account or "",
            add=Resources.of(amounts),
            tier=grant.tier or "",
            starts=grant.starts,
            until=grant.until,
            by=fold_user(grant.by),
            reason=grant.reason,
            level=grant.level,
        )

    def _read_rule(self, path: KeyPath, limits: Mapping[str, object]) -> Rule:
        if not limits:
            # Most people say nothing of their own: one rule for them all.
            return NO_RULE
        quota: dict[str, int | None] = {}
        for name, limit in limits.items():
            if limit == UNLIMITED and is_resource(self._faults, (*path, name)):
                quota[name] = None
            elif (
                limit != UNLIMITED
                and (amount := read_named_amount(self._faults, (*path, name), limit)) is not None
            ):
                quota[name] = amount
        rule = Rule(dotted(path), quota)
        self._rules.append((path, rule))
        return rule

    def _demand_path(self, tier: Tier, name: str) -> KeyPath:
        declared = self._declaration.tiers[tier.name]
        path: KeyPath = ("tiers", tier.name)
        for at, device in self._faults.number((*path, "devices"), declared.devices):
            if device.resource == name:
                return (*at, "count")
        size = declared.sizes.get(tier.size)
        if size is not None and (name in size.requests or name in size.limits):
            key = "requests" if name in size.requests else "limits"
            return (*path, "sizes", tier.size, key, name)
        return (*path, "requests" if name in declared.requests else "limits", name)

    def _check_capacity(self, tier: Tier, quota: Rule) -> None:
        for name, asked in tier.demand.items():
            maximum = quota.quota.get(name)
            if name == SERVERS or maximum is None or asked <= maximum:
                continue
            self._faults.add(
                self._demand_path(tier, name),
                f"no user can ever start it: it asks for {write_quantity(name, asked)}, and the "
                f"whole platform has {write_quantity(name, maximum)}",
                f"lower it, or raise quota.{name}",
                rests_on=[("quota", name)],
            )

    def _check_default_tier(self, tier: Tier) -> None:
        """Report quotas that are too small for the default tier.

        A quota of 0 is a refusal on purpose; that of the platform is compared with every tier.
        """
        for path, rule in self._rules:
            for name, asked in tier.demand.items():
                maximum = rule.quota.get(name)
                if path == ("quota",) or not maximum or asked <= maximum:
                    continue
                self._faults.add(
                    (*path, name),
                    f"{write_quantity(name, maximum)} is less than one server of the default tier "
                    f"{quote(tier.name)}, which asks for {write_quantity(name, asked)}",
                    f"write {write_quantity(name, asked)} or more, or 0 if none is meant",
                    rests_on=[self._demand_path(tier, name)] if name != SERVERS else [],
                )


def _read_suspension(path: KeyPath, person: DeclaredPerson | None) -> Suspension | None:
    declared = person.suspended if person else None
    if declared is None:
        return None
    return Suspension(declared.reason, declared.until, path=dotted(path))
