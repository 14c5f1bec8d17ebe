"""Which limits the page shows: those that could bind as bars, and all of them in a table."""

from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.question import Candidate, HeldLimit, Question
from jupyterhub_platform.core.resource_names import resource_order
from jupyterhub_platform.hub.spawn_page.page_context import PageContext
from jupyterhub_platform.usecases.holdings import LimitLine, limit_line, list_resources


def list_binding(context: PageContext, question: Question) -> tuple[LimitLine, ...]:
    """Return the limits that could bind: the tightest of each resource, and each that does bind."""
    wanted = list_resources(question)
    limits = [limit for limit in question.limits if limit.resource in wanted]
    tightest: dict[str, HeldLimit] = {}
    for limit in limits:
        known = tightest.get(limit.resource)
        if known is None or limit.maximum - limit.held < known.maximum - known.held:
            tightest[limit.resource] = limit
    shown = [each for each in limits if each is tightest[each.resource] or _binds(each, question)]
    return _list_lines(context, shown)


def list_all(context: PageContext, question: Question) -> tuple[LimitLine, ...]:
    """Return every limit, for the full table."""
    return _list_lines(context, list(question.limits))


def _list_lines(context: PageContext, limits: list[HeldLimit]) -> tuple[LimitLine, ...]:
    ordered = sorted(limits, key=lambda each: resource_order(each.resource))
    return tuple(limit_line(context.policy, limit, context.who) for limit in ordered)


def describe_left_after(context: PageContext, question: Question, candidate: Candidate) -> str:
    """Say what the tightest limit of each resource leaves once the tier runs."""
    parts = []
    for resource in sorted((n for n, a in candidate.demand.items() if a), key=resource_order):
        left = [limit.left for limit in question.limits if limit.resource == resource]
        if left:
            after = max(0, min(left) - candidate.demand.amount(resource))
            parts.append(describe_amount(resource, after))
    last = any(limit.left <= 1 for limit in candidate.limits)
    more = f"no more {context.tier_title(candidate.name)}" if last else ""
    return ", ".join(part for part in (*parts, more) if part)


def _binds(limit: HeldLimit, question: Question) -> bool:
    granted = (each for each in question.candidates if each.granted)
    amounts = (each.demand.amount(limit.resource) for each in granted)
    return any(asked and asked > limit.maximum - limit.held for asked in amounts)
