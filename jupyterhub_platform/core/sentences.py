"""Sentences for a user whom a limit stops: what is in the way, and what helps."""

from collections.abc import Collection, Iterable, Sequence

from jupyterhub_platform.core.quantities import describe_amount, describe_number, describe_unit
from jupyterhub_platform.core.question import HeldLimit
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.resource_names import SERVERS


def say_what_is_exceeded(limit: HeldLimit, tier: str, asked: int) -> str:
    """Say what is held of a limit, and what a server of ``tier`` asks for on top of that."""
    scope, resource = limit.scope, limit.resource
    share = describe_share(resource, limit.held, limit.maximum, scope.tier)
    if resource == SERVERS:
        asks = f", and {tier} is 1 more"
    else:
        asks = f", and {tier} asks for {describe_amount(resource, asked)}"
    over = limit.held - limit.maximum
    by = f" (over by {describe_amount(resource, over)})" if over > 0 else ""
    pods = f", {describe_amount(resource, limit.by_pods)} of it by pods" if limit.by_pods else ""
    return f"{_holder(scope)} {share}{_place(scope)}{by}{pods}{asks}."


def describe_share(resource: str, held: int, maximum: int, tier: str = "") -> str:
    """Say what is held of how much, in one unit if both have the same: ``6 of 8 GiB``.

    Servers are those of ``tier``, if one is named: ``1 of 2 large servers``.
    """
    if tier and resource == SERVERS:
        return f"{held} of {maximum} {tier} {'server' if maximum == 1 else 'servers'}"
    if describe_unit(resource, held) == describe_unit(resource, maximum) or not held:
        return f"{describe_number(resource, held)} of {describe_amount(resource, maximum)}"
    return f"{describe_amount(resource, held)} of {describe_amount(resource, maximum)}"


def describe_left(limit: HeldLimit) -> str:
    """Say what is left of a limit, the same on every page."""
    over = limit.held - limit.maximum
    if over > 0:
        return f"over by {describe_amount(limit.resource, over)}"
    if not limit.maximum:
        return "none granted"
    return f"{describe_amount(limit.resource, limit.left)} left" if limit.left else "full"


def say_what_fits(names: Iterable[str]) -> str:
    """Say which tiers could be started now, the same on every page and in every denial."""
    fitting = ", ".join(names)
    return f"What fits now: {fitting}." if fitting else "No tier fits now."


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


def say_what_helps(limit: HeldLimit, asked: int, asker: str) -> str:
    """Say what would lift a limit: what can be ended, or a user who can raise it."""
    scope = limit.scope
    account = scope.account if limit.raised_by_managers else ""
    whom = say_whom_to_ask(limit.raised_by, account, asker)
    ask = f"ask {whom}" if whom else "raise it in the policy"
    if asked > limit.maximum:
        # No server that stops makes room for more than the limit itself.
        return f"{ask[0].upper()}{ask[1:]}."
    if scope.kind in {"member", "user", "tier-user"}:
        return f"{_say_what_to_end(limit)}, or {ask}."
    return f"Wait until {'servers or pods end' if limit.by_pods else 'a server stops'}, or {ask}."


def _say_what_to_end(limit: HeldLimit) -> str:
    """Say what to end for room: pods are the user's own to end, through what made them."""
    if not limit.by_pods:
        return "Stop a server"
    some = "some of the pods"
    return f"Stop {some}" if limit.by_pods == limit.held else f"Stop a server or {some}"


def say_whom_to_ask(names: Collection[str], account: str, asker: str) -> str:
    """Say who but the asker can help: managers of the account if one is given, otherwise admins.

    Empty if the asker is the only one who can.
    """
    others = [name for name in names if name != asker]
    if names and not others:
        return ""
    who = f"a manager of {account}" if account else "an admin"
    return who + (f" ({', '.join(others)})" if others else "")


def say_how_to_get(what: str, whom: str) -> str:
    """Say how a tier is opened: by those who can be asked, or by the asker who is alone."""
    return f"Ask {whom} for {what}" if whom else f"Open {what} in the policy"


_SECOND_PERSON = {"holds": "hold", "has": "have", "is": "are"}


def address(reason: str, user: str) -> str:
    """Return a reason about ``user`` as it is said to them: ``You hold 2 of 2 servers.``.

    A reason about another subject stays, as does one about a group of the same name: see
    :meth:`~jupyterhub_platform.core.decision.Denial.say_to`.
    """
    for verb, yours in _SECOND_PERSON.items():
        rest = reason.removeprefix(f"{user} {verb} ")
        if rest != reason:
            return f"You {yours} {rest.replace('shared with them', 'shared with you')}"
    return reason.replace(f" is not open to {user}", " is not open to you", 1)


def join_remedies(remedies: Iterable[str]) -> tuple[str, ...]:
    """Return each remedy once, without those that another one says too.

    One that is needed anyway is not an alternative, and who is asked for something is asked.
    """
    found = list(dict.fromkeys(remedies))
    needed = tuple(f", or {remedy[:1].lower()}{remedy[1:]}" for remedy in found)

    def is_implied(remedy: str) -> bool:
        beginning = remedy.removesuffix(".") + " "
        return remedy.endswith(needed) or any(each.startswith(beginning) for each in found)

    return tuple(remedy for remedy in found if not is_implied(remedy))


def listed(names: Iterable[str], word: str = "and") -> str:
    """Join names as a sentence does: ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last


def say_passed_over(passed_over: Sequence[str]) -> str:
    """Say which choices of an earlier start are not meant any more; empty if all are."""
    if not passed_over:
        return ""
    chosen = listed([ascii(each)[1:-1] for each in passed_over])
    return f"Passed over, since it was chosen for an earlier start and is not there now: {chosen}."
