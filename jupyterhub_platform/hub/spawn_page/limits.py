"""Limits on the spawn page, and what a start would leave of them."""

from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.question import Candidate, Question
from jupyterhub_platform.core.resource_names import resource_order
from jupyterhub_platform.hub.spawn_page.page_context import PageContext


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
