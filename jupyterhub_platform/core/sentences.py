"""What a limit says to those whom it stops: what is in the way, and what helps."""

from collections.abc import Iterable

from jupyterhub_platform.core.question import HeldLimit
from jupyterhub_platform.core.resources import (
    SERVERS,
    describe_amount,
    describe_number,
    describe_unit,
)
from jupyterhub_platform.core.usage import Scope


def say_what_is_exceeded(limit: HeldLimit, tier: str, asked: int) -> str:
    """Say what is held of a limit, and what a server of ``tier`` asks for on top of that."""
    scope, resource = limit.scope, limit.resource
    held, most = describe_number(resource, limit.held), describe_amount(resource, limit.most)
    if describe_unit(resource, limit.held) != describe_unit(resource, limit.most):
        held = describe_amount(resource, limit.held)
    if resource == SERVERS:
        most = f"{limit.most} {tier + ' ' if scope.tier else ''}{_servers(limit.most)}"
        asks = f", and {tier} is 1 more"
    else:
        asks = f", and {tier} asks for {describe_amount(resource, asked)}"
    over = limit.held - limit.most
    by = f" (over by {describe_amount(resource, over)})" if over > 0 else ""
    return f"{_holder(scope)} {held} of {most}{_place(scope)}{by}{asks}."


def _servers(count: int) -> str:
    return "server" if count == 1 else "servers"


def _holder(scope: Scope) -> str:
    match scope.kind:
        case "platform":
            return "The platform holds"
        case "account" | "tier-account":
            return f"{scope.account} holds"
        case "tier":
            return "All together hold"
        case _:
            return f"{scope.user} holds"


def _place(scope: Scope) -> str:
    return f" in {scope.account}" if scope.kind == "member" else ""


def say_what_helps(limit: HeldLimit, asked: int) -> str:
    """Say what would make a limit give way: a server that stops, or somebody who raises it."""
    scope = limit.scope
    who = f"a manager of {scope.account}" if limit.raised_by_managers else "an admin"
    ask = f"ask {who}" + (f" ({', '.join(limit.raised_by)})" if limit.raised_by else "")
    if asked > limit.most:
        # No server that stops makes room for more than the limit itself.
        return f"{ask[0].upper()}{ask[1:]}."
    own = scope.kind in {"member", "user", "tier-user"}
    return f"{'Stop a server' if own else 'Wait until a server stops'}, or {ask}."


def listed(names: Iterable[str], word: str = "and") -> str:
    """Join names as a sentence does: ``a, b and c``."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last
