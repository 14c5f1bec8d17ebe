"""Groups: who is in them and in charge of them, what they may hold, and who said so."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.core.people import Group
from jupyterhub_platform.core.policy import Limit
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.quotas import resolve
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.usecases.holdings import (
    LimitLine,
    describe_resource,
    hold,
    most_pressed,
)
from jupyterhub_platform.usecases.reports.grants import GrantLine, list_grants_in
from jupyterhub_platform.usecases.reports.lines import ServerLine, server_line
from jupyterhub_platform.usecases.reports.object_sources import ObjectSource, find_object_source
from jupyterhub_platform.usecases.reports.paging import Page, Query, cut
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

MAX_MEMBERS: Final = 500
"""How many members the page of one group names; People lists them all."""


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One group in a list. ``pressed`` is the limit of which the largest part is held."""

    name: str
    title: str
    members: int
    managers: tuple[str, ...]
    servers: int
    pressed: LimitLine | None
    origin: ObjectSource


@dataclass(frozen=True, slots=True)
class Groups:
    """A page of groups."""

    sentence: str
    groups: Page[GroupLine]
    revision: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Allowance:
    """What each member may hold of a resource within the group, and the rule that says so."""

    resource: str
    maximum: int | None
    path: str

    @property
    def title(self) -> str:
        """What is limited."""
        return describe_resource(self.resource)

    @property
    def figures(self) -> str:
        """How much of it."""
        if self.maximum is None:
            return "unlimited"
        return describe_amount(self.resource, self.maximum)


@dataclass(frozen=True, slots=True)
class GroupReport:
    """One group. ``members`` and ``servers`` are empty for viewers who are only members of it."""

    name: str
    title: str
    sentence: str
    count: int
    members: tuple[str, ...]
    managers: tuple[str, ...]
    limits: tuple[LimitLine, ...]
    each: tuple[Allowance, ...]
    servers: tuple[ServerLine, ...]
    grants: tuple[GrantLine, ...]
    tiers: tuple[str, ...]
    provided_by: tuple[str, ...]
    origin: ObjectSource
    revision: int
    at: datetime


def report_groups(facts: ReportFacts, viewer: Viewer, query: Query) -> Groups:
    """Report the groups that the viewer may see: all, those in their charge, or their own.

    Raises
    ------
    QueryError
        Raised if ``query`` sorts by something else than a column.
    """
    groups = [g for g in facts.policy.groups.values() if sees_group(facts, viewer, g.name)]
    servers = Counter(held.account for held in facts.book if not held.pod)
    managed = facts.snapshot.sources.managed
    page = cut(
        groups,
        query,
        columns={
            "name": lambda group: group.name,
            "members": lambda group: (len(group.members), group.name),
            "servers": lambda group: (servers[group.name], group.name),
        },
        words=lambda group: {
            "name": group.name,
            "title": group.title,
            "manager": " ".join(group.managers),
            "member": " ".join(group.members) if viewer.sees_account(group.name) else "",
            "source": "managed" if Key(Kind.GROUP, group.name) in managed else "declared",
        },
    )
    holding = sum(1 for group in groups if servers[group.name])
    return Groups(
        _say(len(groups), holding),
        page.map(lambda group: _line(facts, group, servers[group.name])),
        facts.revision,
        facts.at,
    )


def sees_group(facts: ReportFacts, viewer: Viewer, name: str) -> bool:
    """Tell whether a group is open to the viewer, at least as one of its members."""
    if viewer.sees_account(name):
        return True
    own = facts.policy.accounts_of(viewer.name, viewer.memberships)
    return viewer.reads_own and name in own


def report_group(facts: ReportFacts, viewer: Viewer, name: str) -> GroupReport:
    """Report one group, which the viewer may see."""
    group = facts.policy.groups[name]
    whole = viewer.sees_account(name)
    limits = _limits(facts, group)
    held = facts.book.of_account(name) if whole else ()
    return GroupReport(
        name=name,
        title=group.title or name,
        sentence=_say_group(group, limits),
        count=len(group.members),
        members=tuple(sorted(group.members)[:MAX_MEMBERS]) if whole else (),
        managers=tuple(sorted(group.managers)),
        limits=limits,
        each=tuple(
            Allowance(value.resource, value.maximum, value.path)
            for value in resolve(group.member_quota, facts.policy.defaults.member)
        ),
        servers=tuple(server_line(facts, each) for each in held),
        grants=list_grants_in(facts, viewer, name),
        tiers=tuple(t.name for t in facts.policy.tiers.values() if t.access.names_group(name)),
        provided_by=group.provided_by if whole else (),
        origin=find_object_source(facts, Key(Kind.GROUP, name)),
        revision=facts.revision,
        at=facts.at,
    )


def _limits(facts: ReportFacts, group: Group) -> tuple[LimitLine, ...]:
    values = resolve(group.quota, facts.policy.defaults.group)
    granted = [g for g in facts.policy.grants if g.group == group.name and g.is_live(facts.at)]
    scope = Scope("account", group.name)
    lines = []
    for value in values:
        if value.maximum is not None:
            added = sum(each.add.amount(value.resource) for each in granted)
            limit = Limit(scope, value.resource, value.maximum + added, value.path, added)
            lines.append(hold(facts.policy, facts.book, limit))
    return tuple(lines)


def _line(facts: ReportFacts, group: Group, servers: int) -> GroupLine:
    return GroupLine(
        group.name,
        group.title,
        len(group.members),
        tuple(sorted(group.managers)),
        servers,
        most_pressed(_limits(facts, group)),
        find_object_source(facts, Key(Kind.GROUP, group.name)),
    )


def _say(count: int, holding: int) -> str:
    groups = "1 group" if count == 1 else f"{count} groups"
    who = f"servers are charged to {holding} of them" if holding else "no server is charged to any"
    return f"{groups}; {who} now."


def _say_group(group: Group, limits: tuple[LimitLine, ...]) -> str:
    count = len(group.members)
    members = "1 member" if count == 1 else f"{count} members"
    pressed = most_pressed(limits)
    if pressed is None:
        return f"{members}; nothing is held of what is limited."
    return f"{members}, who hold {pressed.figures}; {pressed.state}."
