"""Who the people are, what they hold, and where that is declared."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from jupyterhub_platform.core.policy import Limit
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.usecases.holdings import LimitLine, declared_at, hold, most_pressed
from jupyterhub_platform.usecases.reports.paging import Page, Query, cut
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer, groups_of


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One person in a list. ``level`` is empty for a user whom the policy does not know.

    ``pressed`` is the limit of which they hold the largest part.
    """

    name: str
    title: str
    level: str
    groups: tuple[str, ...]
    manages: tuple[str, ...]
    servers: int
    holds: Resources
    pressed: LimitLine | None
    declared_at: str
    suspension: Suspension | None = None


@dataclass(frozen=True, slots=True)
class People:
    """A page of people."""

    sentence: str
    people: Page[PersonLine]
    revision: int
    at: datetime


def report_people(facts: ReportFacts, viewer: Viewer, query: Query) -> People:
    """Report the people whom the viewer may see: declared, or holding something.

    Raises
    ------
    QueryError
        Raised if ``query`` sorts by something else than a column.
    """
    people = facts.policy.people
    servers, memory = Counter[str](), Counter[str]()
    for held in facts.book:
        if viewer.sees_start(held):
            servers[held.user] += 1
            memory[held.user] += held.demand.amount("memory")
    names = _list_names(facts, viewer)

    def level(name: str) -> str:
        return people[name].level if name in people else ""

    page = cut(
        names,
        query,
        columns={
            "name": lambda name: name,
            "level": lambda name: (level(name), name),
            "servers": lambda name: (servers[name], name),
            "memory": lambda name: (memory[name], name),
        },
        words=lambda name: {
            "name": name,
            "title": people[name].title if name in people else "",
            "level": level(name),
            "group": " ".join(_groups(facts, viewer, name)),
            "state": "suspended" if facts.suspension_of(name) else "active",
        },
    )
    return People(
        _say_summary(len(names), len(servers.keys() & set(names))),
        page.map(lambda name: _line(facts, viewer, name)),
        facts.revision,
        facts.at,
    )


def _say_summary(count: int, holding: int) -> str:
    people = "1 person" if count == 1 else f"{count} people"
    who = (
        f"{holding} of them {'holds' if holding == 1 else 'hold'}"
        if holding
        else "none of them holds"
    )
    return f"{people}; {who} a server now."


def is_known(facts: ReportFacts, name: str) -> bool:
    """Tell whether a user is declared, or holds something."""
    return name in facts.policy.people or bool(facts.book.of_user(name))


def _list_names(facts: ReportFacts, viewer: Viewer) -> list[str]:
    # In the order of the policy, which is nearly sorted as a rule: sorting it costs little.
    names = list(dict.fromkeys([*facts.policy.people, *(held.user for held in facts.book)]))
    if viewer.reads_all:
        return names
    return [name for name in names if viewer.sees_person(facts, name)]


def _groups(facts: ReportFacts, viewer: Viewer, name: str) -> tuple[str, ...]:
    groups = groups_of(facts, name)
    if name == viewer.name:
        groups |= viewer.memberships & facts.policy.groups.keys()
    elif not viewer.reads_all:
        groups &= viewer.reads_groups
    return tuple(sorted(groups))


def _held(facts: ReportFacts, viewer: Viewer, name: str) -> tuple[Resources, ...]:
    return tuple(held.demand for held in facts.book.of_user(name) if viewer.sees_start(held))


def _line(facts: ReportFacts, viewer: Viewer, name: str) -> PersonLine:
    person = facts.policy.people.get(name)
    held = _held(facts, viewer, name)
    total = Resources()
    for demand in held:
        total = total.plus(demand)
    groups = _groups(facts, viewer, name)
    limits = dict.fromkeys(_own_limits(facts, viewer, name, groups))
    manages = facts.policy.managed_groups(name)
    if not viewer.reads_all and name != viewer.name:
        manages &= viewer.reads_groups
    return PersonLine(
        name=name,
        title=person.title if person else "",
        level=person.level if person else "",
        groups=groups,
        manages=tuple(sorted(manages)),
        servers=len(held),
        holds=total,
        pressed=most_pressed(tuple(hold(facts.policy, facts.book, limit) for limit in limits)),
        declared_at=declared_at(facts.policy, f"users.{name}"),
        suspension=facts.suspension_of(name),
    )


def _own_limits(
    facts: ReportFacts, viewer: Viewer, name: str, groups: tuple[str, ...]
) -> list[Limit]:
    kinds = {"member"} if not viewer.reads_all and name != viewer.name else {"member", "user"}
    return [
        limit
        for group in groups or ("",)
        for limit in facts.policy.list_limits(name, group, facts.at)
        if limit.scope.kind in kinds
    ]
