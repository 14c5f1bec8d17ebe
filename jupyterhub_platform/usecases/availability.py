"""Tiers that fit now, what each gives, and why none does: one presenter for every page."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from jupyterhub_platform.core.decision import Decision, Denial, decide
from jupyterhub_platform.core.grants import level_at
from jupyterhub_platform.core.options import Options
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.quantities import describe_amount, describe_unit
from jupyterhub_platform.core.question import Candidate, Question, raised_by, raised_by_managers
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.resource_names import CPU, SERVERS, resource_order
from jupyterhub_platform.core.sentences import say_how_to_get, say_what_fits, say_whom_to_ask
from jupyterhub_platform.core.tiers import Asked, Tier

NO_LIMIT: Final = "no limit"
_PERSONAL: Final = ("person.", "level.", "account.none")


@dataclass(frozen=True, slots=True)
class Amount:
    """What a tier gives of one resource: what is reserved, and what may be used at most."""

    text: str
    maximum: str = ""


def say_answer(
    holding: str, titles: Iterable[str], refusals: Iterable[Denial] = (), to: str = ""
) -> str:
    """Say what is held and what fits; instead of that, why the user can start nothing at all.

    ``to`` is the user, if it is said to themselves.
    """
    reasons = [denial.say_to(to) if to else denial.reason for denial in refusals]
    return " ".join([holding, *(reasons or [say_what_fits(titles)])])


def list_refusals(question: Question) -> tuple[Denial, ...]:
    """Return what keeps the user from starting anything, whichever tier it is."""
    return tuple(d for d in decide(question).denials if d.code.startswith(_PERSONAL))


def decide_tier(question: Question, candidate: Candidate) -> Decision:
    """Decide ``question`` as if it had named this tier, in this size, and its first image.

    All facts stand in the question already: asking again for each tier would look them up again.
    """
    image = next(iter((*candidate.images, *candidate.closed_images)), "")
    size = candidate.size
    options = Options(tier=candidate.name, account=question.account, size=size)
    named = replace(question, options=options, tier=candidate.name, size=size, image=image)
    return decide(named)


def list_tiers(question: Question) -> tuple[tuple[Candidate, ...], ...]:
    """Return the candidates by tier: one, or one for each size."""
    tiers: dict[str, list[Candidate]] = {}
    for candidate in question.candidates:
        tiers.setdefault(candidate.name, []).append(candidate)
    return tuple(map(tuple, tiers.values()))


def pick_size(
    question: Question, sizes: tuple[Candidate, ...], wished: Iterable[str] = ()
) -> Candidate:
    """Return the size that stands for a tier: a wished one or the first, of those that fit if any.

    Otherwise one that is granted, where others are not open to the user.
    """
    order = {size: place for place, size in enumerate(wished)}
    ordered = sorted(sizes, key=lambda each: order.get(each.size, len(order)))
    granted = [each for each in ordered if each.granted]
    fitting = (each for each in granted if decide_tier(question, each).admitted)
    return next(fitting, (granted or ordered)[0])


def say_no_tier(policy: Policy, question: Question, *, own: bool) -> str:
    """Say that no tier is open to the user in the account, and how they get one."""
    user = question.subject.name
    whom = say_how_to_open(policy, user, question.account, "one")
    return f"No tier is open to {'you' if own else user} in {question.account}. {whom}"


def say_how_to_open(policy: Policy, user: str, account: str, what: str) -> str:
    """Say how a user gets a tier opened in an account, in the words of a denial."""
    scope = Scope("member", account=account, user=user)
    manageable = account if raised_by_managers(policy, scope) else ""
    whom = say_whom_to_ask(raised_by(policy, scope), manageable, user)
    return f"{say_how_to_get(what, whom)}."


def list_obstacles(
    policy: Policy, decision: Decision, candidate: Candidate, *, own: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """List what keeps a tier from starting, and what helps: of a closed one how it is opened.

    A tier that is not granted mostly does not fit either, which is not worth saying before.
    """
    question, remedies = decision.question, decision.remedies
    denials = decision.denials
    if denials and not candidate.granted:
        denials = tuple(each for each in denials if each.code == "tier.not_granted")
        user, account = question.subject.name, question.account
        opens = say_how_to_open(policy, user, account, "it") if candidate.requestable else ""
        remedies = (opens,) if opens else ()
    name = question.subject.name
    return tuple(each.say_to(name) if own else each.reason for each in denials), remedies


def find_end_of_access(
    policy: Policy, tier: Tier, user: str, account: str, now: datetime
) -> datetime | None:
    """Return when a tier is no longer open to a user in an account, if only grants open it.

    A grant opens it, or gives the level that does; one may follow another without a gap.
    """
    person = policy.people.get(user)
    if person is None or tier.access.admits(user, person.own_level, account):
        return None
    theirs = [
        grant
        for grant in policy.grants
        if grant.until > now and (grant.user == user or grant.group == account != "")
    ]
    lent = [grant for grant in theirs if grant.user == user]
    return next(
        (
            end
            for end in sorted({grant.until for grant in theirs})
            if not policy.may_use(tier, user, level_at(person.own_level, lent, end), account, end)
        ),
        None,
    )


def list_tier_resources(gives: Asked) -> tuple[Amount, ...]:
    """Say what one server of a tier gets: requests, and limits where they differ."""
    # CPU alone may have neither: devices bound how many servers there are.
    names = sorted({CPU, *gives.requests, *gives.limits} - {SERVERS}, key=resource_order)
    return tuple(amount for name in names if (amount := _amount(gives, name)))


def describe_tier_resources(gives: Asked) -> str:
    """Say what one server of a tier gets in one line: ``1 CPU up to 2 CPU, 2 GiB``."""
    return ", ".join(f"{each.text} {each.maximum}".rstrip() for each in list_tier_resources(gives))


def _amount(gives: Asked, name: str) -> Amount | None:
    asked, maximum = gives.requests.amount(name), gives.limits.amount(name)
    if name not in gives.limits:
        return Amount(describe_amount(name, asked) if asked else describe_unit(name), NO_LIMIT)
    if not asked:
        return Amount(f"up to {describe_amount(name, maximum)}") if maximum else None
    text = describe_amount(name, asked)
    return (
        Amount(text)
        if asked == maximum
        else Amount(text, f"up to {describe_amount(name, maximum)}")
    )
