"""What one person holds, may hold and has left, per account, and what would fit now."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from jupyterhub_platform.core.decision import decide
from jupyterhub_platform.core.levels import LEVELS
from jupyterhub_platform.core.question import (
    HeldLimit,
    Options,
    Question,
    Subject,
    ask,
    may_start_servers,
)
from jupyterhub_platform.core.resources import describe_amount
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.usecases.reports.lines import (
    LimitLine,
    ServerLine,
    declared_at,
    limit_line,
    most_pressed,
    server_line,
)
from jupyterhub_platform.usecases.reports.reader import Facts
from jupyterhub_platform.usecases.reports.viewer import Viewer

_SHARED = frozenset({"user", "platform", "tier", "tier-user"})


@dataclass(frozen=True, slots=True)
class Offer:
    """A tier, and whether a server of it would be admitted now; ``sentence`` says why not."""

    tier: str
    title: str
    gives: str
    granted: bool
    requestable: bool
    fits: bool
    sentence: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccountReport:
    """What may be held in one account, and the tiers that could be started charged to it.

    ``member`` is false where a server is still charged to a group that its owner has left, as far
    as is known: then nothing new can be charged to it.
    """

    account: str
    title: str
    declared_at: str
    limits: tuple[LimitLine, ...]
    offers: tuple[Offer, ...]
    member: bool = True

    @property
    def fits(self) -> tuple[str, ...]:
        """The tiers that fit now."""
        return tuple(offer.tier for offer in self.offers if offer.fits)


@dataclass(frozen=True, slots=True)
class PersonReport:
    """One person: what they hold against which limit, and what would fit now.

    ``limits`` hold in every account. ``level`` is empty for somebody whom the policy does not know.
    """

    name: str
    title: str
    level: str
    may_start: bool
    declared_at: str
    groups: tuple[str, ...]
    manages: tuple[str, ...]
    sentence: str
    servers: tuple[ServerLine, ...]
    limits: tuple[LimitLine, ...]
    accounts: tuple[AccountReport, ...]
    revision: int
    at: datetime
    suspension: Suspension | None = None


def report_own(facts: Facts, viewer: Viewer) -> PersonReport:
    """Report what the viewer holds, addressed to themselves."""
    return _report(facts, viewer.name, viewer.memberships, "You hold", None)


def report_person(facts: Facts, viewer: Viewer, name: str) -> PersonReport:
    """Report what ``name`` holds, as far as the viewer may see it.

    Whoever only manages some of their groups sees these, and nothing held elsewhere.
    """
    own = viewer.reads_own and name == viewer.name
    memberships = viewer.memberships if own else frozenset[str]()
    if viewer.reads_all or own:
        return _report(facts, name, memberships, f"{name} holds", None)
    report = _report(facts, name, memberships, f"{name} holds", viewer.reads_groups)
    return replace(report, limits=())


def _report(
    facts: Facts,
    name: str,
    memberships: frozenset[str],
    holder: str,
    within: frozenset[str] | None,
) -> PersonReport:
    policy = facts.policy
    subject = facts.snapshot.subject(name, memberships, facts.at)
    charged = {each.account for each in facts.book.of_user(name)} & policy.groups.keys()
    groups = tuple(sorted(charged.union(subject.accounts)))
    if within is not None:
        subject = replace(subject, accounts=tuple(a for a in subject.accounts if a in within))
        groups = tuple(group for group in groups if group in within)
    person = policy.people.get(name)
    accounts = tuple(_report_account(facts, subject, account) for account in groups)
    servers = tuple(
        server_line(facts, held)
        for held in facts.book.of_user(name)
        if within is None or held.account in within
    )
    limits = _shared_limits(facts, subject, groups[0] if groups else "")
    manages = policy.managed_groups(name)
    return PersonReport(
        name=name,
        title=person.title if person else "",
        level=subject.level or "",
        may_start=may_start_servers(subject),
        declared_at=declared_at(policy, f"users.{name}"),
        groups=groups,
        manages=tuple(sorted(manages if within is None else manages & within)),
        sentence=_say(holder, subject, servers, limits if within is None else (), accounts),
        servers=servers,
        limits=limits,
        accounts=accounts,
        revision=facts.revision,
        at=facts.at,
        suspension=facts.suspension_of(name),
    )


def _ask(facts: Facts, subject: Subject, account: str, tier: str = "") -> Question:
    return ask(
        facts.policy,
        facts.book,
        subject,
        "",
        Options(tier=tier, account=account),
        now=facts.at,
        revision=facts.revision,
    )


def _limits(question: Question) -> Iterator[HeldLimit]:
    yield from question.limits
    for candidate in question.candidates:
        if candidate.granted:
            yield from candidate.limits


def _shared_limits(facts: Facts, subject: Subject, account: str) -> tuple[LimitLine, ...]:
    return tuple(
        limit_line(facts, limit)
        for limit in _limits(_ask(facts, subject, account))
        if limit.scope.kind in _SHARED
    )


def _report_account(facts: Facts, subject: Subject, account: str) -> AccountReport:
    group = facts.policy.groups[account]
    question = _ask(facts, subject, account)
    limits = tuple(
        limit_line(facts, limit) for limit in _limits(question) if limit.scope.kind not in _SHARED
    )
    member = account in subject.accounts
    offers = tuple(
        _offer(facts, subject, account, tier)
        for tier in facts.policy.tiers
        if member and question_shows(question, tier)
    )
    return AccountReport(
        account,
        group.title or account,
        declared_at(facts.policy, f"groups.{account}"),
        limits,
        offers,
        member,
    )


def question_shows(question: Question, tier: str) -> bool:
    """Tell whether a tier is anything to this person: theirs, or one that they may ask for."""
    return any(
        candidate.name == tier and (candidate.granted or candidate.requestable)
        for candidate in question.candidates
    )


def _offer(facts: Facts, subject: Subject, account: str, name: str) -> Offer:
    tier = facts.policy.tiers[name]
    question = _ask(facts, subject, account, name)
    decision = decide(question)
    candidate = question.candidate
    return Offer(
        tier=name,
        title=tier.title or name,
        gives=tier.gives.limits.describe() or tier.gives.requests.describe(),
        granted=candidate is not None and candidate.granted,
        requestable=tier.requestable,
        fits=decision.admitted,
        sentence=decision.sentence,
        codes=decision.codes,
    )


def _say(
    holder: str,
    subject: Subject,
    servers: tuple[ServerLine, ...],
    limits: tuple[LimitLine, ...],
    accounts: tuple[AccountReport, ...],
) -> str:
    own = [line for line in limits if line.limit.scope.kind == "user"]
    for report in accounts:
        own += [line for line in report.limits if line.limit.scope.kind == "member"]
    pressed = most_pressed(tuple(own))
    if pressed is not None:
        place = f" in {pressed.limit.scope.account}" if pressed.limit.scope.account else ""
        held = f"{holder} {pressed.figures}{place}"
    elif servers:
        held = f"{holder} {describe_amount('servers', len(servers))}"
    else:
        held = f"{holder} nothing"
    return f"{held}; {_say_fits(subject, accounts)}."


def _say_fits(subject: Subject, accounts: tuple[AccountReport, ...]) -> str:
    if subject.level is None:
        return f"{subject.name} is not declared on this platform, so that nothing can be started"
    if subject.suspended:
        return f"{subject.name} is suspended and starts no servers"
    if not may_start_servers(subject):
        return f"the level {subject.level} {LEVELS[subject.level].summary} and starts no servers"
    if not subject.accounts:
        return "there is no group that a server can be charged to"
    fits = tuple(dict.fromkeys(tier for report in accounts for tier in report.fits))
    if not fits:
        return "no tier fits now"
    return f"{listed(fits)} {'fit' if len(fits) > 1 else 'fits'} now"
