"""My resources: what one person holds, may hold and has left, per account, and what fits now."""

from dataclasses import dataclass, replace
from datetime import datetime

from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.memberships import Membership, list_memberships
from jupyterhub_platform.core.options import Options
from jupyterhub_platform.core.people import Person
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question import Candidate, Question, Subject, ask, may_start_servers
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.core.tiers import Tier
from jupyterhub_platform.usecases.availability import (
    decide_tier,
    describe_tier_resources,
    find_end_of_access,
    list_obstacles,
    list_refusals,
    list_tiers,
    pick_size,
    say_answer,
    say_no_tier,
)
from jupyterhub_platform.usecases.binding_limits import list_binding
from jupyterhub_platform.usecases.holdings import (
    LimitLine,
    declared_at,
    limit_line,
    list_limits,
    say_holding,
)
from jupyterhub_platform.usecases.reports.lines import ServerLine, server_line
from jupyterhub_platform.usecases.reports.object_sources import name_source, say_not_let_in
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

_SHARED = frozenset({"user", "platform", "tier", "tier-user"})


@dataclass(frozen=True, slots=True)
class Offer:
    """A tier, and whether a server of it would be admitted now; ``sentence`` says why not.

    ``reasons`` and ``remedies`` say it in parts, and only what is worth saying beside the tier.
    ``until`` is when it is no longer open, if grants alone open it.
    """

    tier: str
    title: str
    gives: str
    granted: bool
    requestable: bool
    fits: bool
    sentence: str
    codes: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    until: datetime | None = None

    @property
    def is_over_quota(self) -> bool:
        """Whether a larger quota would help."""
        return any(code.startswith("quota.") for code in self.codes)


@dataclass(frozen=True, slots=True)
class AccountReport:
    """What may be held in one account, and the tiers that could be started charged to it.

    ``member`` is false where a server is still charged to a group that its owner has left, as far
    as is known: then nothing new can be charged to it. ``empty`` says that no tier is open there.
    """

    account: str
    title: str
    declared_at: str
    limits: tuple[LimitLine, ...]
    offers: tuple[Offer, ...]
    member: bool = True
    empty: str = ""
    meters: tuple[LimitLine, ...] = ()

    @property
    def fits(self) -> tuple[str, ...]:
        """The titles of the tiers that fit now."""
        return tuple(offer.title for offer in self.offers if offer.fits)


@dataclass(frozen=True, slots=True)
class GrantedLevel:
    """A level that a grant gives: until when, the level afterwards, and which grant gives it."""

    until: datetime
    then: str
    path: str


@dataclass(frozen=True, slots=True)
class PersonReport:
    """One person: what they hold against which limit, and what would fit now.

    ``limits`` hold in every account. ``level`` is empty for a user whom the policy does not know;
    ``granted_level`` says when it ends, if a grant gives it. ``level_path`` is the key path that
    gives their own level, and ``provider`` the identity provider that they have logged in by.
    ``source`` is what the policy knows them by: declared, managed, or claimed by a rule alone, and
    ``not_let_in`` why no rule lets in a user who is claimed alone.
    """

    name: str
    title: str
    level: str
    may_start: bool
    level_path: str
    declared_at: str
    provider: str
    groups: tuple[str, ...]
    manages: tuple[str, ...]
    sentence: str
    servers: tuple[ServerLine, ...]
    limits: tuple[LimitLine, ...]
    accounts: tuple[AccountReport, ...]
    memberships: tuple[Membership, ...]
    revision: int
    at: datetime
    suspension: Suspension | None = None
    granted_level: GrantedLevel | None = None
    source: str = ""
    not_let_in: str = ""


def report_own(facts: ReportFacts, viewer: Viewer) -> PersonReport:
    """Report what the viewer holds, addressed to themselves."""
    return _report(facts, viewer.name, viewer.memberships, own=True)


def report_person(
    facts: ReportFacts, viewer: Viewer, name: str, memberships: frozenset[str] = frozenset()
) -> PersonReport:
    """Report what ``name`` holds, as far as the viewer may see it.

    A viewer who manages some of their groups sees only these, and nothing held elsewhere.
    ``memberships`` are the groups that the Hub has another user in.
    """
    own = viewer.reads_own and name == viewer.name
    memberships = viewer.memberships if own else memberships
    if viewer.reads_all or own:
        return _report(facts, name, memberships)
    return _report(facts, name, memberships, within=viewer.reads_groups)


def _report(
    facts: ReportFacts,
    name: str,
    memberships: frozenset[str],
    *,
    own: bool = False,
    within: frozenset[str] | None = None,
) -> PersonReport:
    policy = facts.policy
    subject = facts.snapshot.subject(name, memberships, facts.at)
    charged = {each.account for each in facts.book.of_user(name)} & policy.groups.keys()
    groups = tuple(sorted(charged.union(subject.accounts)))
    if within is not None:
        subject = replace(subject, accounts=tuple(a for a in subject.accounts if a in within))
        groups = tuple(group for group in groups if group in within)
    holder = "you" if own else name
    questions = {group: _ask(facts, subject, group) for group in groups}
    whole = within is None
    asked = tuple(questions.values())
    accounts = tuple(_report_account(facts, each, holder, whole=whole) for each in asked)
    shared = asked[0] if asked else _ask(facts, subject, "")
    manages = policy.managed_groups(name)
    person = policy.people.get(name) or Person(name, Level.VIEWER)
    return PersonReport(
        name=name,
        title=person.title,
        level=subject.level or "",
        may_start=may_start_servers(subject),
        level_path=person.level_path,
        declared_at=declared_at(policy, person.level_path),
        provider=person.claimed.provider if person.claimed else "",
        groups=groups,
        manages=tuple(sorted(manages if within is None else manages & within)),
        sentence=_say_summary(facts, shared, asked, accounts, own, whole),
        servers=_list_servers(facts, name, within),
        limits=_shared_limits(facts, shared, holder) if within is None else (),
        accounts=accounts,
        memberships=tuple(
            each
            for each in list_memberships(policy, name, memberships)
            if within is None or each.group in within
        ),
        revision=facts.revision,
        at=facts.at,
        suspension=facts.suspension_of(name),
        granted_level=_find_granted_level(policy, name, facts.at),
        source=name_source(facts, name),
        not_let_in=say_not_let_in(facts, name),
    )


def _list_servers(
    facts: ReportFacts, name: str, within: frozenset[str] | None
) -> tuple[ServerLine, ...]:
    held = facts.book.of_user(name)
    return tuple(
        server_line(facts, each) for each in held if within is None or each.account in within
    )


def _find_granted_level(policy: Policy, name: str, now: datetime) -> GrantedLevel | None:
    person = policy.people.get(name)
    if person is None or person.without_grant is None:
        return None
    giving = (g for g in policy.grants if g.user == name and g.level is person.level)
    live = [grant for grant in giving if grant.is_live(now)]
    grant = max(live, key=lambda each: each.until, default=None)
    if grant is None:
        return None
    return GrantedLevel(grant.until, person.own_level, grant.path)


def _ask(facts: ReportFacts, subject: Subject, account: str) -> Question:
    return ask(
        facts.policy,
        facts.book,
        subject,
        "",
        Options(account=account),
        now=facts.at,
        revision=facts.revision,
    )


def _shared_limits(facts: ReportFacts, question: Question, holder: str) -> tuple[LimitLine, ...]:
    return tuple(
        limit_line(facts.policy, limit, holder)
        for limit in list_limits(question)
        if limit.scope.kind in _SHARED
    )


def _report_account(
    facts: ReportFacts, question: Question, holder: str, *, whole: bool
) -> AccountReport:
    """Report one account; of a part of them, without limits that tell of the others."""
    account = question.account
    member = account in question.subject.accounts
    tiers = (pick_size(question, sizes) for sizes in list_tiers(question))
    shown = [each for each in tiers if each.granted or each.requestable]
    own = holder == "you"
    offers = tuple(_offer(facts, question, each, own=own) for each in shown if member)
    seen = tuple(each for each in question.limits if whole or each.scope.kind not in _SHARED)
    return AccountReport(
        account,
        facts.policy.groups[account].title or account,
        declared_at(facts.policy, f"groups.{account}"),
        tuple(
            limit_line(facts.policy, limit, holder)
            for limit in list_limits(question)
            if limit.scope.kind not in _SHARED
        ),
        offers,
        member,
        say_no_tier(facts.policy, question, own=own) if member and not offers else "",
        list_binding(facts.policy, replace(question, limits=seen), holder),
    )


def _offer(facts: ReportFacts, question: Question, candidate: Candidate, *, own: bool) -> Offer:
    tier = facts.policy.tiers[candidate.name]
    decision = decide_tier(question, candidate)
    reasons, remedies = list_obstacles(facts.policy, decision, candidate, own=own)
    return Offer(
        tier=tier.name,
        title=tier.title or tier.name,
        gives=_describe_sizes(question, tier),
        granted=candidate.granted,
        requestable=candidate.requestable,
        fits=decision.admitted,
        sentence=decision.sentence,
        codes=decision.codes,
        reasons=reasons,
        remedies=remedies,
        until=find_end_of_access(
            facts.policy, tier, question.subject.name, question.account, facts.at
        )
        if candidate.granted
        else None,
    )


def _describe_sizes(question: Question, tier: Tier) -> str:
    """Say what a tier gives; of one with sizes, what those give that are open to the user."""
    titles = {size.name: size.title for size in tier.sizes}
    mine = {each.size for each in question.candidates if each.name == tier.name and each.granted}
    shown = [each for each in tier.variants if each.size in mine] or tier.variants[:1]
    return "; ".join(
        f"{titles[each.size]}: {describe_tier_resources(each.gives)}"
        if each.size
        else describe_tier_resources(each.gives)
        for each in shown
    )


def _say_summary(
    facts: ReportFacts,
    shared: Question,
    questions: tuple[Question, ...],
    accounts: tuple[AccountReport, ...],
    own: bool,
    whole: bool,
) -> str:
    """Say what is held and what fits; of a part of the accounts, nothing of the others."""
    name = shared.subject.name
    holding = say_holding(name, facts.book, questions or (shared,), own=own, everywhere=whole)
    if why_not := say_not_let_in(facts, name):
        return f"{name} is not let in: {why_not}. {holding}"
    # Who may start nothing at all has no use for a group to charge.
    tells_of_groups = whole and may_start_servers(shared.subject)
    refusals = [
        each for each in list_refusals(shared) if tells_of_groups or each.code != "account.none"
    ]
    offered = any(report.offers for report in accounts)
    if accounts and not offered and not refusals:
        return holding
    titles = dict.fromkeys(title for each in accounts for title in each.fits)
    return say_answer(holding, titles, refusals, to=name if own else "")
