"""One card per tier: what it gives, whether it may start now, and if not, why."""

from collections.abc import Mapping
from dataclasses import replace

from jupyterhub_platform.core.decision import Decision, decide
from jupyterhub_platform.core.durations import describe_duration
from jupyterhub_platform.core.question import Candidate, Options, Question
from jupyterhub_platform.core.resources import SERVERS, describe_amount, resource_order
from jupyterhub_platform.core.tiers import Asked, Tier
from jupyterhub_platform.hub.spawn_page.facts import Facts
from jupyterhub_platform.hub.spawn_page.holdings import say_left_after
from jupyterhub_platform.hub.spawn_page.obstacles import find_obstacles
from jupyterhub_platform.hub.spawn_page.page import (
    Amount,
    ImageChoice,
    Later,
    Reason,
    State,
    TierCard,
)


def decide_tier(question: Question, candidate: Candidate) -> Decision:
    """Decide ``question`` as if it had named this tier and its first image.

    All facts stand in the question already: asking again for each tier would look them up again.
    """
    image = candidate.images[0] if candidate.images else ""
    options = Options(tier=candidate.name, account=question.account)
    return decide(replace(question, options=options, tier=candidate.name, image=image))


def build_card(
    facts: Facts,
    question: Question,
    candidate: Candidate,
    wish: Options,
    later: Mapping[str, Later],
) -> TierCard | None:
    """Build the card of a tier; none for a tier that this person cannot even ask for."""
    decision = decide_tier(question, candidate)
    opens = later.get(candidate.name)
    if not (candidate.granted or candidate.requestable or opens):
        return None
    tier = facts.policy.tiers[candidate.name]
    state = _state(candidate, decision, opens)
    card = TierCard(
        name=tier.name,
        title=tier.title or tier.name,
        description=tier.description,
        gives=describe_gift(tier),
        images=_images(facts, tier, wish),
        state=state,
        decision=decision,
        ends=say_end(tier),
        later=opens,
        asked=wish.tier == tier.name,
        again=facts.place.link(account=facts.account, tier=tier.name),
    )
    if card.may_start:
        left = say_left_after(facts, question, candidate)
        return replace(card, left_after=left, reasons=_reasons(decision))
    if candidate.granted:
        return replace(
            card,
            reasons=_reasons(decision),
            remedies=decision.remedies,
            obstacles=find_obstacles(facts, decision.denials),
        )
    # What is not granted does not fit either, mostly; only the first is worth saying.
    reasons = _reasons(decision, only="tier.not_granted")
    ask = facts.say_how_to_get("it")
    return replace(card, reasons=reasons, remedies=(ask,) if candidate.requestable else ())


def say_end(tier: Tier) -> str:
    """Say when a server of the tier is stopped by itself; empty if never."""
    ends = []
    if tier.max_lifetime is not None:
        ends.append(f"after {describe_duration(tier.max_lifetime)}")
    if tier.idle_timeout is not None:
        ends.append(f"after {describe_duration(tier.idle_timeout)} without use")
    return f"Stopped by itself {', or '.join(ends)}." if ends else ""


def describe_gift(tier: Tier) -> tuple[Amount, ...]:
    """Say what one server of the tier gets: requests, and limits where they differ."""
    gives = tier.gives
    names = sorted({*gives.requests, *gives.limits} - {SERVERS}, key=resource_order)
    return tuple(amount for name in names if (amount := _amount(gives, name)))


def _amount(gives: Asked, name: str) -> Amount | None:
    asked, most = gives.requests.amount(name), gives.limits.amount(name)
    if name not in gives.limits:
        return Amount(f"at least {describe_amount(name, asked)}") if asked else None
    if not asked:
        return Amount(f"up to {describe_amount(name, most)}") if most else None
    text = describe_amount(name, asked)
    return Amount(text) if asked == most else Amount(text, f"up to {describe_amount(name, most)}")


def _state(candidate: Candidate, decision: Decision, opens: Later | None) -> State:
    if decision.admitted:
        return "observed" if decision.observed else "fits"
    if candidate.granted:
        return "full"
    return "later" if opens else "on-request"


def _reasons(decision: Decision, only: str = "") -> tuple[Reason, ...]:
    denials = (each for each in decision.denials if only in {"", each.code})
    return tuple(Reason(each.code, each.reason) for each in denials)


def _images(facts: Facts, tier: Tier, wish: Options) -> tuple[ImageChoice, ...]:
    chosen = wish.image if wish.image in tier.images else next(iter(tier.images), "")
    images = facts.policy.images
    return tuple(
        ImageChoice(name, (images[name].title if name in images else "") or name, name == chosen)
        for name in tier.images
    )
