"""The sentence that opens the page, and one bar per limit that could bind."""

from collections.abc import Iterable
from typing import Literal

from jupyterhub_platform.core.question import Candidate, HeldLimit, Question
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.resources import (
    SERVERS,
    describe_amount,
    describe_unit,
    render_quantity,
    resource_order,
)
from jupyterhub_platform.core.sentences import listed, say_left, say_share
from jupyterhub_platform.hub.spawn_page.facts import Facts
from jupyterhub_platform.hub.spawn_page.page import Bar

_COMMON = (SERVERS, "cpu", "memory")


def say_holding(facts: Facts, question: Question, wanted: Iterable[str]) -> str:
    """Say what the person holds of what they may hold themselves, in the account or in all."""
    here: list[str] = []
    everywhere: list[str] = []
    for resource in wanted:
        limit = _own_limit(question, resource)
        if limit is None:
            held = facts.book.held(_member(facts), resource)
            if held:
                here.append(describe_amount(resource, held))
        elif limit.held or limit.most:
            (here if limit.scope.kind == "member" else everywhere).append(_of(limit))
    parts = [f"{listed(here)} in {facts.account}"] if here else []
    parts += [f"{listed(everywhere)} in all accounts"] if everywhere else []
    who = "You hold" if facts.own else f"{facts.user} holds"
    return f"{who} {', and '.join(parts) or f'nothing in {facts.account}'}."


def list_wanted(question: Question) -> tuple[str, ...]:
    """Return the resources that matter: the common ones, and what a tier that is granted needs."""
    granted = (each for each in question.candidates if each.granted)
    asked = {name for each in granted for name, amount in each.demand.items() if amount}
    return (*_COMMON, *sorted(asked.difference(_COMMON)))


def draw_bars(facts: Facts, question: Question) -> tuple[Bar, ...]:
    """Draw the limits that could bind: the tightest of each resource, and each that does bind."""
    wanted = list_wanted(question)
    limits = [limit for limit in question.limits if limit.resource in wanted]
    tightest: dict[str, HeldLimit] = {}
    for limit in limits:
        known = tightest.get(limit.resource)
        if known is None or limit.most - limit.held < known.most - known.held:
            tightest[limit.resource] = limit
    return tuple(
        draw(facts, limit)
        for limit in sorted(limits, key=lambda each: resource_order(each.resource))
        if limit is tightest[limit.resource] or _binds(limit, question)
    )


def draw_all(facts: Facts, question: Question) -> tuple[Bar, ...]:
    """Draw every limit, for those who want to know."""
    limits = sorted(question.limits, key=lambda each: resource_order(each.resource))
    return tuple(draw(facts, limit) for limit in limits)


def draw(facts: Facts, limit: HeldLimit) -> Bar:
    """Put one limit into words and figures."""
    resource, held, most = limit.resource, limit.held, limit.most
    state: Literal["free", "full", "over"] = "free"
    if held >= most:
        state = "over" if held > most else "full"
    return Bar(
        label=describe_unit(resource, most) if resource != "memory" else "memory",
        place=_say_place(facts, limit.scope),
        figures=_of(limit),
        left=say_left(limit),
        exact=f"{render_quantity(resource, held)} of {render_quantity(resource, most)}",
        path=limit.path,
        percent=min(100, 100 * held // most) if most else (100 if held else 0),
        state=state,
    )


def say_left_after(facts: Facts, question: Question, candidate: Candidate) -> str:
    """Say what the tightest limit of each resource leaves once the tier runs."""
    parts = []
    for resource in sorted((n for n, a in candidate.demand.items() if a), key=resource_order):
        left = [limit.left for limit in question.limits if limit.resource == resource]
        if left:
            after = max(0, min(left) - candidate.demand.amount(resource))
            parts.append(describe_amount(resource, after))
    last = any(limit.left <= 1 for limit in candidate.limits)
    more = f"no more {facts.tier_title(candidate.name)}" if last else ""
    return ", ".join(part for part in (*parts, more) if part)


def _binds(limit: HeldLimit, question: Question) -> bool:
    granted = (each for each in question.candidates if each.granted)
    amounts = (each.demand.amount(limit.resource) for each in granted)
    return any(asked and asked > limit.most - limit.held for asked in amounts)


def _own_limit(question: Question, resource: str) -> HeldLimit | None:
    for kind in ("member", "user"):
        for limit in question.limits:
            if limit.scope.kind == kind and limit.resource == resource:
                return limit
    return None


def _of(limit: HeldLimit) -> str:
    return say_share(limit.resource, limit.held, limit.most)


def _member(facts: Facts) -> Scope:
    return Scope("member", account=facts.account, user=facts.user)


def _say_place(facts: Facts, scope: Scope) -> str:
    who = "you" if facts.own else facts.user
    return {
        "member": f"{who} in {scope.account}",
        "user": f"{who} in all accounts",
        "account": f"everybody in {scope.account}",
    }.get(scope.kind, "the whole platform")
