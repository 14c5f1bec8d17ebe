"""Overview: what runs now, what is nearly full, and what was refused lately."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TypeAlias

from jupyterhub_platform.core.policy import Limit
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.reservations import Reservation, Scope
from jupyterhub_platform.core.resource_names import SERVERS
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.store.decision_log import DecisionLine, DecisionRecord
from jupyterhub_platform.usecases.holdings import LimitLine, hold
from jupyterhub_platform.usecases.reports.attention import Concern
from jupyterhub_platform.usecases.reports.decisions import decision_line
from jupyterhub_platform.usecases.reports.ended import EndedServers
from jupyterhub_platform.usecases.reports.fullness import read_shares
from jupyterhub_platform.usecases.reports.last_day import LastDay, Series
from jupyterhub_platform.usecases.reports.lines import ServerLine, server_line
from jupyterhub_platform.usecases.reports.paging import Page, Query, cut
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer
from jupyterhub_platform.usecases.troubles import Trouble

ReadDays: TypeAlias = Callable[[Sequence[str]], Mapping[str, Series]]

MAX_PRESSED = 12
"""The number of groups that an overview shows."""
_MAX_NAMED = 6


@dataclass(frozen=True, slots=True)
class Pressure:
    """What a group or the servers of a tier hold, against their limits.

    ``day`` is what they held over the last day, if they held anything.
    """

    name: str
    title: str
    servers: int
    limits: tuple[LimitLine, ...]
    day: Series | None = None

    @property
    def share(self) -> float:
        """The largest part of a limit that is held."""
        return max((line.share for line in self.limits), default=0.0)


@dataclass(frozen=True, slots=True)
class Overview:
    """The platform now, as far as the viewer may see it.

    ``attention`` is what needs attention, the most urgent first; ``weakened`` are settings that the
    site made weaker than the platform's defaults. ``day`` is the last day as a whole.
    """

    sentence: str
    servers: Page[ServerLine]
    platform: tuple[LimitLine, ...]
    accounts: tuple[Pressure, ...]
    tiers: tuple[Pressure, ...]
    denials: tuple[DecisionLine, ...]
    revision: int
    at: datetime
    troubles: tuple[Trouble, ...] = ()
    weakened: tuple[str, ...] = ()
    attention: tuple[Concern, ...] = ()
    ended: EndedServers = field(default_factory=EndedServers)
    day: LastDay | None = None
    held: Resources = field(default_factory=Resources)

    @property
    def is_calm(self) -> bool:
        """Whether nothing needs attention."""
        full = any(line.share >= 1 for line in self.platform) or any(
            each.share >= 1 for each in (*self.accounts, *self.tiers)
        )
        return not (self.troubles or self.weakened or self.attention or full)


@dataclass(frozen=True, slots=True)
class Beside:
    """What an overview shows beside policy and reservations.

    ``read_days`` reads the last day of the groups that are shown.
    """

    troubles: tuple[Trouble, ...] = ()
    weakened: tuple[str, ...] = ()
    attention: tuple[Concern, ...] = ()
    ended: EndedServers = field(default_factory=EndedServers)
    day: LastDay | None = None
    read_days: ReadDays = lambda _names: {}


def report_overview(
    facts: ReportFacts,
    viewer: Viewer,
    query: Query,
    denials: Iterable[DecisionRecord],
    beside: Beside | None = None,
) -> Overview:
    """Report what needs attention, what runs, and the ``denials`` that the viewer may see.

    What is wrong with the platform itself comes first.
    """
    beside = beside or Beside()
    accounts = _list_pressed(facts, viewer, beside.read_days)
    tiers = tuple(_tier_pressure(facts, viewer, name, beside.day) for name in facts.policy.tiers)
    platform = _platform_limits(facts) if viewer.reads_all else ()
    summary = _say_summary(facts, viewer, _list_needs(beside, platform, accounts, tiers))
    return Overview(
        sentence=" ".join([*(trouble.sentence for trouble in beside.troubles), summary]),
        servers=list_servers(facts, viewer, query),
        platform=platform,
        accounts=accounts,
        tiers=tiers,
        denials=tuple(decision_line(each) for each in denials if viewer.sees_start(each)),
        revision=facts.revision,
        at=facts.at,
        troubles=beside.troubles,
        weakened=beside.weakened,
        attention=beside.attention,
        ended=beside.ended,
        day=_show_days(beside.day, accounts),
        held=_add_held(facts, viewer),
    )


def list_servers(facts: ReportFacts, viewer: Viewer, query: Query) -> Page[ServerLine]:
    """Return a page of the live servers that the viewer may see.

    Raises
    ------
    QueryError
        Raised if ``query`` sorts by something else than a column.
    """
    return cut(
        _list_visible(facts, viewer),
        query,
        columns={
            "since": lambda held: (held.opened_at, held.id),
            "user": lambda held: (held.user, held.server),
            "server": lambda held: (held.server, held.user),
            "tier": lambda held: (held.tier, held.user, held.server),
            "account": lambda held: (held.account, held.user, held.server),
            "cpu": lambda held: (held.demand.amount("cpu"), held.user, held.server),
            "memory": lambda held: (held.demand.amount("memory"), held.user, held.server),
        },
        words=lambda held: {
            "user": held.user,
            "server": held.server,
            "tier": held.tier,
            "account": held.account,
            "image": held.image,
        },
    ).map(lambda held: server_line(facts, held))


def _list_visible(facts: ReportFacts, viewer: Viewer) -> list[Reservation]:
    if viewer.reads_all:
        return list(facts.book)
    return [held for held in facts.book if viewer.sees_start(held)]


def _hold_all(facts: ReportFacts, limits: Iterable[Limit], kind: str) -> tuple[LimitLine, ...]:
    """Return the limits of a kind, with what is held against each."""
    return tuple(
        hold(facts.policy, facts.book, limit) for limit in limits if limit.scope.kind == kind
    )


def _platform_limits(facts: ReportFacts) -> tuple[LimitLine, ...]:
    limits = facts.policy.list_limits("", "", facts.at)
    return tuple(
        hold(facts.policy, facts.book, limit) for limit in limits if limit.scope.kind == "platform"
    )


def _list_pressed(facts: ReportFacts, viewer: Viewer, read_days: ReadDays) -> tuple[Pressure, ...]:
    """Return the groups that hold the largest share of a limit, and others if these are few."""
    book, shares = facts.book, read_shares(facts).groups
    held = (n for n in shares if n in facts.policy.groups and viewer.sees_account(n))
    names = heapq.nsmallest(
        MAX_PRESSED,
        held,
        key=lambda name: (-shares[name], -book.held(Scope("account", name), SERVERS), name),
    )
    others = (n for n in facts.policy.groups if n not in shares and viewer.sees_account(n))
    names += islice(others, MAX_PRESSED - len(names))
    days = read_days(names)
    pressures = [_group_pressure(facts, name, days.get(name)) for name in names]
    pressures.sort(key=lambda each: (-each.share, -each.servers, each.name))
    return tuple(pressures)


def _show_days(day: LastDay | None, accounts: Iterable[Pressure]) -> LastDay | None:
    shown = {each.name: each.day for each in accounts if each.day is not None}
    return day and replace(day, groups=shown)


def _group_pressure(facts: ReportFacts, name: str, day: Series | None) -> Pressure:
    group = facts.policy.groups[name]
    limits = facts.policy.list_limits("", name, facts.at)
    count = facts.book.held(Scope("account", account=name), SERVERS)
    return Pressure(name, group.title or name, count, _hold_all(facts, limits, "account"), day)


def _tier_pressure(facts: ReportFacts, viewer: Viewer, name: str, day: LastDay | None) -> Pressure:
    tier = facts.policy.tiers[name]
    count = facts.book.held(Scope("tier", tier=name), SERVERS)
    maximum, path = tier.at_once.platform, f"tiers.{name}.at_once.platform"
    limit = () if maximum is None else (Limit(Scope("tier", tier=name), SERVERS, maximum, path),)
    if not viewer.reads_all:
        scopes = (Scope("tier-account", account=a, tier=name) for a in sorted(viewer.reads_groups))
        count = sum(facts.book.held(scope, SERVERS) for scope in scopes)
    lines = _hold_all(facts, limit, "tier")
    return Pressure(name, tier.title or name, count, lines, day.tiers.get(name) if day else None)


def _add_held(facts: ReportFacts, viewer: Viewer) -> Resources:
    """Return what the servers that the viewer may see hold in total."""
    if viewer.reads_all:
        everything, book = Scope("platform"), facts.book
        return Resources.of({name: book.held(everything, name) for name in book.resources})
    totals: Counter[str] = Counter()
    for held in _list_visible(facts, viewer):
        totals.update(dict(held.demand.items_))
    return Resources.of(totals)


def _list_needs(
    beside: Beside,
    platform: tuple[LimitLine, ...],
    accounts: tuple[Pressure, ...],
    tiers: tuple[Pressure, ...],
) -> list[str]:
    """Return the parts of the first sentence about what needs attention."""
    full = [each.name for each in (*accounts, *tiers) if each.share >= 1]
    if any(line.share >= 1 for line in platform):
        full.insert(0, "the platform")
    # Full groups are named, unless there are too many.
    is_named = len(full) <= _MAX_NAMED
    needs = [f"{listed(full)} {'are' if len(full) > 1 else 'is'} full"] if full and is_named else []
    needs += [each.sentence for each in beside.attention if each.kind != "groups" or not is_named]
    if beside.weakened:
        count = len(beside.weakened)
        settings = "1 setting is" if count == 1 else f"{count} settings are"
        needs.append(f"{settings} weaker than the platform's own")
    return needs


def _say_summary(facts: ReportFacts, viewer: Viewer, needs: Sequence[str]) -> str:
    visible = _list_visible(facts, viewer)
    pods = sum(1 for held in visible if held.pod)
    count = len(visible) - pods
    runs = f"{describe_amount(SERVERS, count)} {'runs' if count == 1 else 'run'}"
    needed = listed(needs) if needs else "nothing needs attention"
    beside = f", beside {pods} observed {'pod' if pods == 1 else 'pods'}" if pods else ""
    return f"{runs if count else 'No server runs'}{beside}; {needed}."
