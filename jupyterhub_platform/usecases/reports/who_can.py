"""Who may start a tier, manage a group or charge servers to one, each with what gives it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jupyterhub_platform.core.errors import NotFoundError
from jupyterhub_platform.core.levels import LEVELS, Level
from jupyterhub_platform.core.offers import Asking, has_choice
from jupyterhub_platform.core.people import Group, Person
from jupyterhub_platform.core.tiers import Tier
from jupyterhub_platform.usecases.holdings import declared_at
from jupyterhub_platform.usecases.reports.paging import Page, Query, QueryError, cut
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer, groups_of

VERBS: Final = ("start", "manage", "charge")


@dataclass(frozen=True, slots=True)
class WhoLine:
    """A user who may, in which account if that matters, and what gives it.

    ``rule`` is a key path of the policy, ``declared_at`` its line if the file has it.
    """

    name: str
    level: str
    account: str
    rule: str
    declared_at: str


@dataclass(frozen=True, slots=True)
class WhoCan:
    """A page of those who may do something."""

    sentence: str
    people: Page[WhoLine]
    revision: int
    at: datetime


def report_who_can(
    facts: ReportFacts, viewer: Viewer, verb: str, name: str, query: Query
) -> WhoCan:
    """Report who may ``verb`` the tier or group with this name, of those whom the viewer sees.

    Raises
    ------
    QueryError
        Raised if there is no such verb, or ``query`` sorts by something else than a column.
    NotFoundError
        Raised if there is no such tier or group.
    """
    if verb != "start" and not viewer.sees_account(name):
        raise _make_not_found("group", name)
    found = [
        line
        for line in _find(facts, verb, name)
        if viewer.sees_person(facts, line.name)
        and (not line.account or viewer.sees_account(line.account))
    ]
    page = cut(
        found,
        query,
        columns={
            "name": lambda line: (line.name, line.account),
            "level": lambda line: (line.level, line.name, line.account),
            "account": lambda line: (line.account, line.name),
        },
        words=lambda line: {
            "name": line.name,
            "level": line.level,
            "account": line.account,
            "rule": line.rule,
        },
    )
    count = len({line.name for line in found})
    people = "1 user may" if count == 1 else f"{count} users may"
    what = f"charge servers to {name}" if verb == "charge" else f"{verb} {name}"
    return WhoCan(f"{people} {what}.", page, facts.revision, facts.at)


def _find(facts: ReportFacts, verb: str, name: str) -> Iterator[WhoLine]:
    policy = facts.policy
    if verb not in VERBS:
        raise QueryError(f"verb is one of {', '.join(VERBS)}.")
    if verb == "start":
        tier = policy.tiers.get(name)
        if tier is None:
            raise _make_not_found("tier", name)
        return _find_starters(facts, tier)
    group = policy.groups.get(name)
    if group is None:
        raise _make_not_found("group", name)
    return _find_managers(facts, group) if verb == "manage" else _find_members(facts, group)


def _find_starters(facts: ReportFacts, tier: Tier) -> Iterator[WhoLine]:
    for person in facts.policy.people.values():
        if not LEVELS[person.level].may_start or facts.suspension_of(person.name):
            continue
        for account in sorted(groups_of(facts, person.name) & facts.policy.groups.keys()):
            rule = _find_rule(facts, tier, person, account)
            if rule:
                yield _line(facts, person, rule, account)


def _find_rule(facts: ReportFacts, tier: Tier, person: Person, account: str) -> str:
    """Return the key path that lets a user start a tier in an account; empty if none does."""
    policy, access, path = facts.policy, tier.access, f"tiers.{tier.name}"
    if not has_choice(policy, tier, Asking(person.name, person.level, account)):
        return ""
    if access.is_open:
        return path
    rules = (rule.admits(person.name, person.level, account) for rule in access.rules)
    for key, is_named in (
        ("groups", account in access.groups),
        ("users", person.name in access.users),
        ("levels", person.level in access.levels),
        ("rules", any(rules)),
    ):
        if is_named:
            return f"{path}.access.{key}"
    if not policy.may_use(tier, person.name, person.level, account, facts.at):
        return ""
    return next(
        (
            grant.path
            for grant in policy.grants
            if grant.tier == tier.name
            and grant.is_live(facts.at)
            and (grant.group == account if grant.group else grant.user == person.name)
            and grant.account in {"", account}
        ),
        path,
    )


def _find_managers(facts: ReportFacts, group: Group) -> Iterator[WhoLine]:
    for name in sorted(group.managers):
        if name in facts.policy.people and not facts.suspension_of(name):
            yield _line(facts, facts.policy.people[name], f"groups.{group.name}.managers")
    for name in facts.policy.admins():
        if name not in group.managers and not facts.suspension_of(name):
            person = facts.policy.people[name]
            yield _line(facts, person, f"{person.level_path}.level")


def _find_members(facts: ReportFacts, group: Group) -> Iterator[WhoLine]:
    for name in sorted(group.members | group.managers):
        person = facts.policy.people.get(name, Person(name, Level.VIEWER))
        if LEVELS[person.level].may_start and not facts.suspension_of(name):
            yield _line(facts, person, facts.policy.membership_path(name, group.name), group.name)


def _line(facts: ReportFacts, person: Person, rule: str, account: str = "") -> WhoLine:
    return WhoLine(person.name, person.level, account, rule, declared_at(facts.policy, rule))


def _make_not_found(kind: str, name: str) -> NotFoundError:
    return NotFoundError(f"There is no {kind} {name[:64]!a}.")
