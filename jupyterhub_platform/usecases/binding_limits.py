"""Limits that could bind, which a page shows first; a user sees a few of them as bars."""

from collections.abc import Iterable

from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question import HeldLimit, Question
from jupyterhub_platform.core.resource_names import resource_order
from jupyterhub_platform.usecases.holdings import LimitLine, limit_line, list_resources


def list_binding(policy: Policy, question: Question, holder: str) -> tuple[LimitLine, ...]:
    """Return the limits that could bind: the tightest of each resource, and each that does bind."""
    wanted = list_resources(question)
    limits = [limit for limit in question.limits if limit.resource in wanted]
    tightest: dict[str, HeldLimit] = {}
    for limit in limits:
        known = tightest.get(limit.resource)
        if known is None or limit.maximum - limit.held < known.maximum - known.held:
            tightest[limit.resource] = limit
    shown = [each for each in limits if each is tightest[each.resource] or _binds(each, question)]
    return list_lines(policy, shown, holder)


def list_lines(policy: Policy, limits: Iterable[HeldLimit], holder: str) -> tuple[LimitLine, ...]:
    """Return limits as lines, in the order in which resources are always named."""
    ordered = sorted(limits, key=lambda each: resource_order(each.resource))
    return tuple(limit_line(policy, limit, holder) for limit in ordered)


def _binds(limit: HeldLimit, question: Question) -> bool:
    granted = (each for each in question.candidates if each.granted)
    amounts = (each.demand.amount(limit.resource) for each in granted)
    return any(asked and asked > limit.maximum - limit.held for asked in amounts)
