"""One card per tier: what it gives, whether it may start now, and if not, why."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from jupyterhub_platform.core.decision import Decision, Denial
from jupyterhub_platform.core.options import Options
from jupyterhub_platform.core.question import Candidate, Question
from jupyterhub_platform.core.tiers import Image, Tier
from jupyterhub_platform.core.times import describe_duration
from jupyterhub_platform.hub.spawn_page.blocking_servers import find_obstacles
from jupyterhub_platform.hub.spawn_page.limits import describe_left_after
from jupyterhub_platform.hub.spawn_page.page import (
    ImageChoice,
    Later,
    Reason,
    SizeChoice,
    State,
    TierCard,
)
from jupyterhub_platform.hub.spawn_page.page_context import PageContext
from jupyterhub_platform.usecases.availability import (
    decide_tier,
    describe_tier_resources,
    find_end_of_access,
    list_tier_resources,
    pick_size,
    say_how_to_open,
)


def build_card(
    context: PageContext,
    question: Question,
    sizes: tuple[Candidate, ...],
    wish: Options,
    last_tier: str,
    later: Mapping[str, Later],
) -> TierCard | None:
    """Build the card of a tier; ``None`` for a tier that this user cannot even ask for.

    ``wish`` names a size of its own tier, or of the one that was started last.
    """
    is_meant = sizes[0].name == (wish.tier or last_tier)
    candidate = pick_size(question, sizes, (wish.size,) if is_meant else ())
    decision = decide_tier(question, candidate)
    opens = later.get(candidate.name)
    if not (candidate.granted or candidate.requestable or opens):
        return None
    tier = context.policy.tiers[candidate.name]
    card = replace(
        _make_card(context, tier, candidate, wish, decision),
        sizes=_list_sizes(question, tier, sizes, candidate.size),
        state=_state(candidate, decision, opens),
        later=opens,
    )
    if card.may_start:
        left = describe_left_after(context, question, candidate)
        return replace(card, left_after=left, reasons=list_reasons(context, decision.denials))
    if candidate.granted:
        return replace(
            card,
            request_url=_request_url(context, "quota") if _is_over_quota(decision) else "",
            reasons=list_reasons(context, decision.denials),
            remedies=decision.remedies,
            obstacles=find_obstacles(context, decision.denials),
        )
    # A tier that is not granted mostly does not fit either: only the first is worth saying.
    not_granted = (each for each in decision.denials if each.code == "tier.not_granted")
    reasons = list_reasons(context, not_granted)
    ask = say_how_to_open(context.policy, context.user, context.account, "it")
    if not candidate.requestable:
        return replace(card, reasons=reasons)
    url = _request_url(context, "tier", tier.name)
    return replace(card, reasons=reasons, remedies=(ask,), request_url=url)


def _make_card(
    context: PageContext, tier: Tier, candidate: Candidate, wish: Options, decision: Decision
) -> TierCard:
    """Make the card of a tier in a size, without what is in its way."""
    variant = tier.find_variant(candidate.size) or tier
    now, account = decision.question.at, context.account
    return TierCard(
        name=tier.name,
        title=tier.title or tier.name,
        description=tier.description,
        gives=list_tier_resources(variant.gives),
        images=_images(context, candidate, wish),
        patterns=candidate.patterns,
        named_image=wish.image if candidate.patterns and "/" in wish.image else "",
        state=_state(candidate, decision, None),
        decision=decision,
        ends=say_end(tier),
        asked=wish.tier == tier.name,
        again=context.links.link(account=account, tier=tier.name),
        until=find_end_of_access(context.policy, tier, context.user, account, now)
        if candidate.granted
        else None,
    )


def _request_url(context: PageContext, kind: str, tier: str = "") -> str:
    """Return where the viewer asks for a tier or more quota for themselves."""
    wish = {"kind": kind, "account": context.account, "tier": tier}
    return context.links.request(**{k: v for k, v in wish.items() if v}) if context.own else ""


def _is_over_quota(decision: Decision) -> bool:
    return any(each.code.startswith("quota.") for each in decision.denials)


def say_end(tier: Tier) -> str:
    """Say when a server of the tier is stopped by itself; empty if never."""
    ends = []
    if tier.max_lifetime is not None:
        ends.append(f"after {describe_duration(tier.max_lifetime)}")
    if tier.idle_timeout is not None:
        ends.append(f"after {describe_duration(tier.idle_timeout)} without use")
    return f"Stopped by itself {', or '.join(ends)}." if ends else ""


def _state(candidate: Candidate, decision: Decision, opens: Later | None) -> State:
    if decision.admitted:
        return "observed" if decision.observed else "fits"
    if candidate.granted:
        return "full"
    return "later" if opens else "on-request"


def list_reasons(context: PageContext, denials: Iterable[Denial]) -> tuple[Reason, ...]:
    """Return what is in the way, said to the viewer where it is about them."""
    return tuple(
        Reason(each.code, each.say_to(context.user) if context.own else each.reason)
        for each in denials
    )


def _list_sizes(
    question: Question, tier: Tier, candidates: Iterable[Candidate], chosen: str
) -> tuple[SizeChoice, ...]:
    """Return the sizes that are open to the user; none for a tier without a choice."""
    sizes = {size.name: size for size in tier.sizes}
    return tuple(
        SizeChoice(
            each.size,
            sizes[each.size].title,
            describe_tier_resources(variant.gives),
            decide_tier(question, each).admitted,
            each.size == chosen,
        )
        for each in candidates
        if each.granted and (variant := tier.find_variant(each.size)) and each.size in sizes
    )


def _images(context: PageContext, candidate: Candidate, wish: Options) -> tuple[ImageChoice, ...]:
    names = candidate.images
    chosen = wish.image if wish.image in names else next(iter(names), "")
    return tuple(
        _image(name, context.policy.images.get(name), chosen=name == chosen) for name in names
    )


def _image(name: str, image: Image | None, *, chosen: bool) -> ImageChoice:
    if image is None:
        return ImageChoice(name, name, chosen)
    return ImageChoice(name, image.title or name, chosen, image.description)
