"""Grants: who has what on top, until when, by whom and why; those that end soon come first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from jupyterhub_platform.core.grants import Grant
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.usecases.reports.object_sources import ObjectSource, find_object_source
from jupyterhub_platform.usecases.reports.paging import Page, Query, cut
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

SOON: Final = timedelta(hours=48)
"""How long before its end a grant is marked."""
_LAST: Final = datetime.max.replace(tzinfo=UTC)


class GrantState(StrEnum):
    """Where a grant is in its life."""

    COMING = "coming"
    LIVE = "live"
    ENDING = "ending"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class GrantLine:
    """One grant. ``name`` is its id; of a declared grant, its number in the file."""

    name: str
    state: GrantState
    user: str
    group: str
    account: str
    add: Resources
    tier: str
    starts: datetime | None
    until: datetime
    by: str
    reason: str
    origin: ObjectSource
    level: str = ""

    @property
    def what(self) -> str:
        """What it gives: ``1 server, 4 CPU``, ``the tier gpu``."""
        parts = [describe_amount(name, amount) for name, amount in self.add.items()]
        parts += [f"the tier {self.tier}"] if self.tier else []
        parts += [f"the level {self.level}"] if self.level else []
        return listed(parts) if parts else ""


@dataclass(frozen=True, slots=True)
class Grants:
    """A page of grants."""

    sentence: str
    grants: Page[GrantLine]
    revision: int
    at: datetime


def report_grants(facts: ReportFacts, viewer: Viewer, query: Query) -> Grants:
    """Report the grants that the viewer may see: their own, those of their groups, or all.

    Raises
    ------
    QueryError
        Raised if ``query`` sorts by something else than a column.
    """
    seen = [each for each in facts.policy.grants if sees_grant(facts, viewer, each)]
    states = {each.path: find_state(each, facts.at) for each in seen}
    page = cut(
        seen,
        query,
        columns={
            "until": lambda each: (*_by_end(each, states[each.path]), each.path),
            "who": lambda each: (each.user or each.group, each.until, each.path),
            "by": lambda each: (each.by, each.until, each.path),
            "what": lambda each: (
                each.tier,
                each.level or "",
                str(each.add.describe()),
                each.path,
            ),
        },
        words=lambda each: _words(each, states[each.path]),
    )
    sentence = _say(states.values())
    lines = page.map(lambda each: grant_line(facts, each))
    return Grants(sentence, lines, facts.revision, facts.at)


def sees_grant(facts: ReportFacts, viewer: Viewer, grant: Grant) -> bool:
    """Tell whether a grant is the viewer's, of a group of theirs, or all are open to them."""
    if viewer.reads_all or (viewer.reads_own and grant.user == viewer.name):
        return True
    if grant.user:
        return grant.account in viewer.reads_groups
    own = facts.policy.declared_groups(viewer.name) if viewer.reads_own else frozenset[str]()
    return grant.group in viewer.reads_groups | own


def list_grants_of(facts: ReportFacts, viewer: Viewer, user: str) -> tuple[GrantLine, ...]:
    """Return the grants of a user, also as one of a group, that have not ended."""
    groups = facts.policy.declared_groups(user)
    return _list(
        facts,
        viewer,
        (g for g in facts.policy.grants if g.user == user or (g.group and g.group in groups)),
    )


def list_grants_in(facts: ReportFacts, viewer: Viewer, group: str) -> tuple[GrantLine, ...]:
    """Return the grants in a group that have not ended."""
    return _list(facts, viewer, (g for g in facts.policy.grants if group in {g.group, g.account}))


def _list(facts: ReportFacts, viewer: Viewer, grants: Iterable[Grant]) -> tuple[GrantLine, ...]:
    seen = (each for each in grants if each.until > facts.at and sees_grant(facts, viewer, each))
    lines = [grant_line(facts, each) for each in seen]
    return tuple(sorted(lines, key=lambda line: line.until))


def find_state(grant: Grant, now: datetime) -> GrantState:
    """Return where a grant is in its life at ``now``."""
    if grant.until <= now:
        return GrantState.ENDED
    if grant.starts is not None and grant.starts > now:
        return GrantState.COMING
    return GrantState.ENDING if grant.until - now <= SOON else GrantState.LIVE


def grant_line(facts: ReportFacts, grant: Grant) -> GrantLine:
    """Return what is shown of a grant."""
    name = grant.path.partition(".")[2]
    return GrantLine(
        name,
        find_state(grant, facts.at),
        grant.user,
        grant.group,
        grant.account,
        grant.add,
        grant.tier,
        grant.starts,
        grant.until,
        grant.by,
        grant.reason,
        find_object_source(facts, Key(Kind.GRANT, name)),
        grant.level or "",
    )


def _by_end(grant: Grant, state: GrantState) -> tuple[bool, timedelta]:
    ended = state is GrantState.ENDED
    return ended, (_LAST - grant.until if ended else grant.until - datetime.min.replace(tzinfo=UTC))


def _words(grant: Grant, state: GrantState) -> dict[str, str]:
    return {
        "user": grant.user,
        "group": f"{grant.group} {grant.account}",
        "tier": grant.tier,
        "level": grant.level or "",
        "by": grant.by,
        "state": "live ending" if state is GrantState.ENDING else state,
        "reason": grant.reason,
    }


def _say(states: Iterable[GrantState]) -> str:
    found = list(states)
    live = [each for each in found if each in {GrantState.LIVE, GrantState.ENDING}]
    ending = live.count(GrantState.ENDING)
    if not live:
        return "No grant is live now."
    count = "1 grant is live" if len(live) == 1 else f"{len(live)} grants are live"
    if len(live) == 1:
        return f"{count}, and {'ends' if ending else 'does not end'} within two days."
    if not ending:
        return f"{count}; none of them ends within two days."
    if ending == len(live):
        return f"{count}; all of them end within two days."
    return f"{count}; {ending} of them {'ends' if ending == 1 else 'end'} within two days."
