"""People: who they are, what they hold, and where that is declared."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jupyterhub_platform.core.policy import Limit, Policy
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.usecases.holdings import LimitLine, declared_at, hold, most_pressed
from jupyterhub_platform.usecases.reports.object_sources import name_source, say_not_let_in
from jupyterhub_platform.usecases.reports.paging import (
    Columns,
    Page,
    Query,
    choose_column,
    cut_sorted,
    matches,
)
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.search import SearchTexts
from jupyterhub_platform.usecases.reports.viewer import Viewer, groups_of


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One person in a list. ``level`` is empty for a user whom the policy does not know.

    ``pressed`` is the limit of which they hold the largest part. ``source`` is what the policy
    knows them by: declared, managed, or claimed by a rule alone; empty if it does not.
    ``not_let_in`` is why no rule lets in a user who is claimed alone; empty if one does.
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
    source: str = ""
    not_let_in: str = ""


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
            servers[held.user] += not held.pod
            memory[held.user] += held.demand.amount("memory")
    names = _list_names(facts, viewer)

    def level(name: str) -> str:
        return people[name].level if name in people else ""

    columns: Columns[str] = {
        "name": lambda name: name,
        "level": lambda name: (level(name), name),
        "servers": lambda name: (servers[name], name),
        "memory": lambda name: (memory[name], name),
    }
    ranks: dict[str, Callable[[str], str | int]] = {
        "level": level,
        "servers": lambda name: servers.get(name, 0),
        "memory": lambda name: memory.get(name, 0),
    }
    found = _search(facts, viewer, names, query.search.casefold().split())
    if rank := ranks.get(choose_column(query, columns)):
        found = _sort_by(found, rank)
    page = cut_sorted(found, query, columns)
    return People(
        _say_summary(len(names), sum(map(bool, servers.values()))),
        page.map(lambda name: _line(facts, viewer, name)),
        facts.revision,
        facts.at,
    )


def _search(
    facts: ReportFacts, viewer: Viewer, names: Sequence[str], wanted: list[str]
) -> list[str]:
    """Return those of the names that have all that is wanted, in the order of the names."""
    if not wanted:
        return list(names)
    if not viewer.reads_all:
        return [name for name in names if matches(wanted, _words(facts, viewer, name))]
    declared = facts.derive(_sort_declared)
    # Of whom something else is true than the policy alone says.
    differing = {
        viewer.name,
        *facts.policy.list_suspended(facts.snapshot.suspensions, facts.at),
        *(h.user for h in facts.book if h.account not in facts.policy.declared_groups(h.user)),
    }
    found = [declared[number] for number in facts.derive(_collect_texts).find(wanted)]
    again = [
        name
        for name in differing
        if is_known(facts, name) and matches(wanted, _words(facts, viewer, name))
    ]
    return sorted([name for name in found if name not in differing] + again)


def _sort_by(names: list[str], rank: Callable[[str], str | int]) -> list[str]:
    """Sort by what many have in common; names with the same rank stay in their order."""
    found: defaultdict[Any, list[str]] = defaultdict(list)
    for name in names:
        found[rank(name)].append(name)
    return [name for each in sorted(found) for name in found[each]]


def _words(facts: ReportFacts, viewer: Viewer, name: str) -> dict[str, str]:
    """Return what can be searched of a user."""
    person = facts.policy.people.get(name)
    return {
        "name": name,
        "title": person.title if person else "",
        "level": person.level if person else "",
        "group": " ".join(_groups(facts, viewer, name)),
        "state": "suspended" if facts.suspension_of(name) else _name_state(facts.policy, name),
    }


def _sort_declared(policy: Policy) -> tuple[str, ...]:
    return tuple(sorted(policy.people))


def _collect_texts(policy: Policy) -> SearchTexts:
    """Return what can be searched of the declared users as far as the policy says it."""
    names = sorted(policy.people)
    groups: dict[frozenset[str], str] = {}
    for each in map(policy.declared_groups, names):
        if each not in groups:
            groups[each] = " ".join(sorted(each))
    return SearchTexts.of(
        {
            "name": names,
            "title": (policy.people[name].title for name in names),
            "level": (policy.people[name].level for name in names),
            "group": (groups[policy.declared_groups(name)] for name in names),
            "state": (_name_state(policy, name) for name in names),
        }
    )


def _name_state(policy: Policy, name: str) -> str:
    """Name the state of a user whom nothing suspends, as far as the policy says it."""
    person = policy.people.get(name)
    is_out = person is not None and not (person.is_own or person.claimed_by_rule)
    return "not let in" if is_out else "active"


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


def _list_names(facts: ReportFacts, viewer: Viewer) -> Sequence[str]:
    """Return the users whom the viewer may see, sorted; most are declared, and sorted once."""
    policy = facts.policy
    if viewer.reads_all:
        declared = facts.derive(_sort_declared)
        others = {held.user for held in facts.book} - policy.people.keys()
        return sorted([*declared, *others]) if others else declared
    seen = {viewer.name} if viewer.reads_own else set[str]()
    for name in viewer.reads_groups & policy.groups.keys():
        seen |= policy.groups[name].members | policy.groups[name].managers
    seen |= {held.user for held in facts.book if held.account in viewer.reads_groups}
    return sorted(name for name in seen if is_known(facts, name))


def _groups(facts: ReportFacts, viewer: Viewer, name: str) -> tuple[str, ...]:
    groups = groups_of(facts, name)
    if name == viewer.name:
        groups |= facts.policy.accounts_of(name, viewer.memberships)
    elif not viewer.reads_all:
        groups &= viewer.reads_groups
    return tuple(sorted(groups))


def _held(facts: ReportFacts, viewer: Viewer, name: str) -> tuple[Reservation, ...]:
    return tuple(held for held in facts.book.of_user(name) if viewer.sees_start(held))


def _line(facts: ReportFacts, viewer: Viewer, name: str) -> PersonLine:
    person = facts.policy.people.get(name)
    held = _held(facts, viewer, name)
    total = Resources()
    for each in held:
        total = total.plus(each.demand)
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
        servers=sum(not each.pod for each in held),
        holds=total,
        pressed=most_pressed(tuple(hold(facts.policy, facts.book, limit) for limit in limits)),
        declared_at=declared_at(
            facts.policy, person.level_path if person and not person.is_own else f"users.{name}"
        ),
        suspension=facts.suspension_of(name),
        source=name_source(facts, name),
        not_let_in=say_not_let_in(facts, name),
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
