"""The question to admission: all facts that a decision needs, and nothing else.

A question is complete in itself: written down, it can be asked again and has the same answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from jupyterhub_platform.core.levels import LEVELS, Level
from jupyterhub_platform.core.offers import Asking, list_images, list_sizes
from jupyterhub_platform.core.options import Options, fill_in, still_meant
from jupyterhub_platform.core.policy import Limit, Policy, tier_limits
from jupyterhub_platform.core.reservations import HeldTotals, Scope
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.core.tiers import Tier, label_of


@dataclass(frozen=True, slots=True)
class Subject:
    """Who asks, or is asked for. ``level`` is empty for a person whom the policy does not know.

    ``accounts`` are the groups that their servers may be charged to, sorted. ``suspended_until`` is
    when a suspension ends, if it ends by itself.
    """

    name: str
    level: Level | None
    accounts: tuple[str, ...]
    suspended: bool = False
    suspended_until: datetime | None = None


class HeldLimit(NamedTuple):
    """A limit with what is held against it now, and the names of those who can raise it.

    ``raised_by_managers`` says that these are managers of its account, rather than admins.
    ``by_pods`` is the part of ``held`` that observed pods hold, which are not servers.
    """

    scope: Scope
    resource: str
    maximum: int
    held: int
    path: str
    granted: int = 0
    raised_by: tuple[str, ...] = ()
    raised_by_managers: bool = False
    by_pods: int = 0

    @property
    def left(self) -> int:
        """What is left, never less than zero."""
        return max(0, self.maximum - self.held)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tier, or one size of it, as this person may ask for it in this account.

    ``images`` and ``patterns`` are what they may name, ``closed_images`` those that are not open to
    them. ``closed_size`` says that the tier is open to them, and this size of it is not.
    """

    name: str
    demand: Resources
    images: tuple[str, ...]
    granted: bool
    requestable: bool = False
    observe: bool = False
    limits: tuple[HeldLimit, ...] = ()
    size: str = ""
    patterns: tuple[str, ...] = ()
    closed_images: tuple[str, ...] = ()
    closed_size: bool = False

    @property
    def label(self) -> str:
        """The name of the tier, with that of the size: ``gpu/large``."""
        return label_of(self.name, self.size)


@dataclass(frozen=True, slots=True)
class Question:
    """Ask whether ``subject`` may start ``server`` with ``options``.

    ``tier``, ``size``, ``account`` and ``image`` are what the options come to once defaults are
    filled in; empty where that is not settled. ``candidates`` are all tiers in all sizes, or only
    those of the one that is asked for; ``limits`` are all limits that hold for whichever of them is
    started. ``opened_by`` are the names of those who open a tier in the account to this person:
    managers of it where ``opened_by_managers``, otherwise admins. ``passed_over`` is what was
    remembered from an earlier start and cannot be meant any more.
    """

    at: datetime
    revision: int
    subject: Subject
    server: str
    options: Options
    tier: str
    account: str
    image: str
    candidates: tuple[Candidate, ...]
    limits: tuple[HeldLimit, ...]
    opened_by: tuple[str, ...] = ()
    opened_by_managers: bool = False
    passed_over: tuple[str, ...] = ()
    size: str = ""

    @property
    def candidate(self) -> Candidate | None:
        """The tier that is asked for, in its size, if there is such a one."""
        return next(
            (c for c in self.candidates if c.name == self.tier and c.size == self.size), None
        )

    @property
    def label(self) -> str:
        """The tier that is asked for, with its size: ``gpu/large``."""
        return label_of(self.tier, self.size)


def ask(
    policy: Policy,
    totals: HeldTotals,
    subject: Subject,
    server: str,
    options: Options,
    *,
    now: datetime,
    revision: int,
    alternatives: bool = True,
    last_account: str = "",
) -> Question:
    """Put the question together: fill in defaults, and look up what is held against each limit.

    ``last_account`` was charged for their last start, if that is asked about.
    Without ``alternatives`` it knows of the tier that is asked for and of no other: enough for a
    start that is admitted, where no alternatives need to be shown.
    """
    options, passed_over = still_meant(policy, options, subject, now, last_account)
    tier, size, account, image = fill_in(policy, options, subject, last_account)
    known = policy.tiers.get(tier)
    considered = policy.tiers.values() if alternatives else (known,) if known else ()
    lookup = _Lookup.of(policy, totals, subject, account, now)
    return Question(
        at=now,
        revision=revision,
        subject=subject,
        server=server,
        options=options,
        tier=tier,
        account=account,
        image=image,
        candidates=tuple(each for one in considered for each in lookup.list_candidates(one)),
        limits=tuple(map(lookup.hold, policy.list_limits(subject.name, account, now))),
        opened_by=lookup.raised_by,
        opened_by_managers=lookup.raised_by_managers,
        passed_over=passed_over,
        size=size,
    )


@dataclass(frozen=True, slots=True)
class _Lookup:
    """Looks up what concerns one user in one account: limits with what is held, and tiers.

    ``raised_by`` can raise what the account gives the user, ``raised_by_managers`` says whether
    these are its managers.
    """

    policy: Policy
    totals: HeldTotals
    subject: Subject
    account: str
    now: datetime
    raised_by: tuple[str, ...]
    raised_by_managers: bool
    admins: tuple[str, ...]

    @classmethod
    def of(
        cls, policy: Policy, totals: HeldTotals, subject: Subject, account: str, now: datetime
    ) -> Self:
        """Return the lookup for ``subject`` in ``account``, as of ``now``."""
        own = Scope("member", account, subject.name)
        who, managers = raised_by(policy, own), raised_by_managers(policy, own)
        return cls(policy, totals, subject, account, now, who, managers, policy.admins())

    def hold(self, limit: Limit) -> HeldLimit:
        """Return a limit with what is held against it, and those who can raise it."""
        scope, resource, maximum, path, granted = limit
        within = scope.kind == "member"
        return HeldLimit(
            scope,
            resource,
            maximum,
            self.totals.held(scope, resource),
            path,
            granted,
            self.raised_by if within else self.admins,
            self.raised_by_managers and within,
            self.totals.held_by_pods(scope, resource),
        )

    def list_candidates(self, tier: Tier) -> Iterator[Candidate]:
        """Yield what a decision needs to know about a tier, for each size of it."""
        asking = Asking(self.subject.name, self.subject.level, self.account)
        is_open = asking.level is not None and self.policy.may_use(
            tier, asking.user, asking.level, self.account, self.now
        )
        sizes, images = list_sizes(tier, asking), list_images(self.policy, tier, asking)
        limits = tuple(map(self.hold, tier_limits(tier, asking.user, self.account)))
        patterns = tuple(map(str, images.patterns))
        for variant in tier.variants:
            is_closed = variant.size != "" and variant.size not in sizes
            yield Candidate(
                name=tier.name,
                demand=variant.demand,
                images=images.names,
                granted=is_open and not is_closed,
                requestable=tier.requestable and not (is_open and is_closed),
                observe=tier.observe,
                limits=limits,
                size=variant.size,
                patterns=patterns,
                closed_images=images.closed,
                closed_size=is_open and is_closed,
            )


def raised_by(policy: Policy, scope: Scope) -> tuple[str, ...]:
    """Return who can raise a limit at ``scope``: managers within their group, otherwise admins.

    No manager raises what they may hold themselves.
    """
    return _managers(policy, scope) or policy.admins()


def raised_by_managers(policy: Policy, scope: Scope) -> bool:
    """Tell whether those who can raise a limit at ``scope`` are managers, rather than admins."""
    return bool(_managers(policy, scope))


def _managers(policy: Policy, scope: Scope) -> tuple[str, ...]:
    group = policy.groups.get(scope.account) if scope.kind == "member" else None
    return tuple(sorted(group.managers - {scope.user})) if group is not None else ()


def subject_of(
    policy: Policy,
    name: str,
    memberships: frozenset[str],
    suspension: Suspension | None,
) -> Subject:
    """Return who ``name`` is: the level declared for them, and the union of their memberships.

    ``memberships`` are the groups that the Hub has them in; groups of the policy are accounts, and
    others may feed some.
    ``suspension`` is the one that is in force for them.
    """
    person = policy.people.get(name)
    return Subject(
        name,
        person.level if person else None,
        tuple(sorted(policy.accounts_of(name, memberships))),
        suspended=suspension is not None,
        suspended_until=suspension.until if suspension else None,
    )


def may_start_servers(subject: Subject) -> bool:
    """Tell whether the subject starts servers at all: by their level, and not while suspended."""
    may_start = subject.level is not None and LEVELS[subject.level].may_start
    return may_start and not subject.suspended


def limit_to_json(limit: HeldLimit) -> dict[str, Any]:
    """Render a limit for the API, the pages and the ledger."""
    return {
        "scope": {
            key: value for key, value in zip(Scope._fields, limit.scope, strict=True) if value
        },
        "resource": limit.resource,
        "limit": limit.maximum,
        "held": limit.held,
        "left": limit.left,
        "path": limit.path,
        "granted": limit.granted,
        "raised_by": list(limit.raised_by),
        "raised_by_managers": limit.raised_by_managers,
        "by_pods": limit.by_pods,
    }
