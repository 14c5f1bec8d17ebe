"""Overview: what runs now, what is nearly full, and what was refused lately."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jupyterhub_platform.core.policy import Limit
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.resource_names import SERVERS
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.store.decision_log import DecisionLine, DecisionRecord
from jupyterhub_platform.usecases.holdings import LimitLine, hold
from jupyterhub_platform.usecases.reports.attention import Concern
from jupyterhub_platform.usecases.reports.decisions import decision_line
from jupyterhub_platform.usecases.reports.ended import EndedServers
from jupyterhub_platform.usecases.reports.last_day import LastDay, Series
from jupyterhub_platform.usecases.reports.lines import ServerLine, server_line
from jupyterhub_platform.usecases.reports.paging import Page, Query, cut
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer
from jupyterhub_platform.usecases.troubles import Trouble

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
    """What an overview shows beside policy and reservations."""

    troubles: tuple[Trouble, ...] = ()
    weakened: tuple[str, ...] = ()
    attention: tuple[Concern, ...] = ()
    ended: EndedServers = field(default_factory=EndedServers)
    day: LastDay | None = None


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
    accounts = _list_pressed(facts, viewer, beside.day)
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
        day=beside.day,
        held=_add_held(facts, viewer),
    )


def list_servers(facts: ReportFacts, viewer: Viewer, query: Query) -> Page[ServerLine]:
    """Return a page of the live servers that the viewer may see.

    Raises
    ------
    QueryError
        Raised if ``query`` sorts by something else than a column.
    """
    seen = (held for held in facts.book if viewer.sees_start(held))
    return cut(
        [server_line(facts, held) for held in seen],
        query,
        columns={
            "since": lambda line: (line.since, line.id),
            "user": lambda line: (line.user, line.server),
            "server": lambda line: (line.server, line.user),
            "tier": lambda line: (line.tier, line.user, line.server),
            "account": lambda line: (line.account, line.user, line.server),
            "cpu": lambda line: (line.demand.amount("cpu"), line.user, line.server),
            "memory": lambda line: (line.demand.amount("memory"), line.user, line.server),
        },
        words=lambda line: {
            "user": line.user,
            "server": line.server,
            "tier": line.tier,
            "account": line.account,
            "image": line.image,
        },
    )


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


def _list_pressed(facts: ReportFacts, viewer: Viewer, day: LastDay | None) -> tuple[Pressure, ...]:
    """Return the groups that hold the largest share of a limit, and others if these are few."""
    held = dict.fromkeys(each.account for each in facts.book if viewer.sees_account(each.account))
    pressures = [_group_pressure(facts, name, day) for name in held if name in facts.policy.groups]
    for name in facts.policy.groups if len(pressures) < MAX_PRESSED else ():
        if name not in held and viewer.sees_account(name):
            pressures.append(_group_pressure(facts, name, day))
            if len(pressures) >= MAX_PRESSED:
                break
    pressures.sort(key=lambda each: (-each.share, -each.servers, each.name))
    return tuple(pressures[:MAX_PRESSED])


def _group_pressure(facts: ReportFacts, name: str, day: LastDay | None) -> Pressure:
    group = facts.policy.groups[name]
    limits = facts.policy.list_limits("", name, facts.at)
    count = facts.book.held(Scope("account", account=name), SERVERS)
    series = day.groups.get(name) if day else None
    return Pressure(name, group.title or name, count, _hold_all(facts, limits, "account"), series)


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
    totals: Counter[str] = Counter()
    for held in facts.book:
        if viewer.sees_start(held):
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
    count = sum(1 for held in facts.book if viewer.sees_start(held))
    runs = f"{describe_amount(SERVERS, count)} {'runs' if count == 1 else 'run'}"
    needed = listed(needs) if needs else "nothing needs attention"
    return f"{runs if count else 'No server runs'}; {needed}."
