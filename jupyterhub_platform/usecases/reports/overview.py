"""What runs now, what is nearly full, and what was refused lately."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest

from jupyterhub_platform.core.policy import Limit
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.resource_names import SERVERS
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.store.decision_log import DecisionLine, DecisionRecord
from jupyterhub_platform.usecases.holdings import LimitLine, hold
from jupyterhub_platform.usecases.reports.decisions import decision_line
from jupyterhub_platform.usecases.reports.lines import ServerLine, server_line
from jupyterhub_platform.usecases.reports.paging import Page, Query, cut
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer
from jupyterhub_platform.usecases.troubles import Trouble

MAX_PRESSED = 12
"""How many groups an overview shows."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """What is held of a tier, by a group or by all, against the limits that it has."""

    name: str
    title: str
    servers: int
    limits: tuple[LimitLine, ...]

    @property
    def share(self) -> float:
        """The largest part of a limit that is held."""
        return max((line.share for line in self.limits), default=0.0)


@dataclass(frozen=True, slots=True)
class Overview:
    """The platform now, as far as the viewer may see it."""

    sentence: str
    servers: Page[ServerLine]
    platform: tuple[LimitLine, ...]
    accounts: tuple[Pressure, ...]
    tiers: tuple[Pressure, ...]
    denials: tuple[DecisionLine, ...]
    revision: int
    at: datetime
    troubles: tuple[Trouble, ...] = ()


def report_overview(
    facts: ReportFacts,
    viewer: Viewer,
    query: Query,
    denials: Iterable[DecisionRecord],
    troubles: tuple[Trouble, ...] = (),
) -> Overview:
    """Report what runs, what is nearly full, and the ``denials`` that the viewer may see.

    ``troubles`` are what is wrong with the platform itself; they come first.
    """
    servers = list_servers(facts, viewer, query)
    accounts = _list_pressed(facts, viewer)
    seen = tuple(decision_line(record) for record in denials if viewer.sees_start(record))
    tiers = tuple(_tier_pressure(facts, viewer, name) for name in facts.policy.tiers)
    platform = _platform_limits(facts) if viewer.reads_all else ()
    return Overview(
        sentence=" ".join(
            [
                *(trouble.sentence for trouble in troubles),
                _say_summary(facts, viewer, platform, accounts, tiers),
            ]
        ),
        servers=servers,
        platform=platform,
        accounts=accounts,
        tiers=tiers,
        denials=seen,
        revision=facts.revision,
        at=facts.at,
        troubles=troubles,
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
    """Return those of a kind, with what is held against them."""
    return tuple(
        hold(facts.policy, facts.book, limit) for limit in limits if limit.scope.kind == kind
    )


def _platform_limits(facts: ReportFacts) -> tuple[LimitLine, ...]:
    limits = facts.policy.list_limits("", "", facts.at)
    return tuple(
        hold(facts.policy, facts.book, limit) for limit in limits if limit.scope.kind == "platform"
    )


def _list_pressed(facts: ReportFacts, viewer: Viewer) -> tuple[Pressure, ...]:
    # Of a group that holds nothing, nothing is full: those are told apart by their names alone.
    holding = {held.account for held in facts.book}
    seen = [group for group in facts.policy.groups.values() if viewer.sees_account(group.name)]
    idle = nsmallest(
        MAX_PRESSED, (g for g in seen if g.name not in holding), key=lambda group: group.name
    )
    pressures = []
    for group in (*(g for g in seen if g.name in holding), *idle):
        limits = facts.policy.list_limits("", group.name, facts.at)
        lines = tuple(
            hold(facts.policy, facts.book, limit)
            for limit in limits
            if limit.scope.kind == "account"
        )
        count = facts.book.held(Scope("account", account=group.name), SERVERS)
        pressures.append(Pressure(group.name, group.title or group.name, count, lines))
    pressures.sort(key=lambda each: (-each.share, -each.servers, each.name))
    return tuple(pressures[:MAX_PRESSED])


def _tier_pressure(facts: ReportFacts, viewer: Viewer, name: str) -> Pressure:
    tier = facts.policy.tiers[name]
    count = facts.book.held(Scope("tier", tier=name), SERVERS)
    maximum, path = tier.at_once.platform, f"tiers.{name}.at_once.platform"
    limit = () if maximum is None else (Limit(Scope("tier", tier=name), SERVERS, maximum, path),)
    if not viewer.reads_all:
        scopes = (Scope("tier-account", account=a, tier=name) for a in sorted(viewer.reads_groups))
        count = sum(facts.book.held(scope, SERVERS) for scope in scopes)
    return Pressure(
        name,
        tier.title or name,
        count,
        _hold_all(facts, limit, "tier"),
    )


def _say_summary(
    facts: ReportFacts,
    viewer: Viewer,
    platform: tuple[LimitLine, ...],
    accounts: tuple[Pressure, ...],
    tiers: tuple[Pressure, ...],
) -> str:
    count = sum(1 for held in facts.book if viewer.sees_start(held))
    runs = f"{describe_amount(SERVERS, count)} {'runs' if count == 1 else 'run'}"
    full = [each.name for each in (*accounts, *tiers) if each.share >= 1]
    if any(line.share >= 1 for line in platform):
        full.insert(0, "the platform")
    if not full:
        return f"{runs if count else 'No server runs'}; nothing is full."
    are = "are" if len(full) > 1 else "is"
    return f"{runs if count else 'No server runs'}; {listed(full)} {are} full."
