"""Holdings of a user: what they hold, may hold and have left, presented once for every page.

The spawn page, My resources and the REST API take their words and sizes from here. It is made from
questions that were asked for no tier in particular, one for each account. What fits beside it is
said in ``availability.py``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from jupyterhub_platform.core.decision import list_fitting
from jupyterhub_platform.core.policy import Limit, Policy
from jupyterhub_platform.core.quantities import describe_amount, render_quantity
from jupyterhub_platform.core.question import HeldLimit, Question, limit_to_json, raised_by
from jupyterhub_platform.core.reservations import HeldTotals, Scope
from jupyterhub_platform.core.resource_names import SERVERS
from jupyterhub_platform.core.sentences import describe_left, describe_share, listed

Fullness: TypeAlias = Literal["free", "nearly", "full", "over"]

_COMMON: Final = (SERVERS, "cpu", "memory")
_NEARLY: Final = 0.8
_TITLES: Final = {SERVERS: "Servers", "cpu": "CPU", "memory": "Memory"}


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A limit with what is held against it, in words, and as a share of the limit.

    ``declared_at`` is the ``file:line`` of its declaration, if known. ``holder`` is whom the page
    calls the user whose limit it is: ``you``, or their name.
    """

    limit: HeldLimit
    declared_at: str = ""
    holder: str = ""

    @property
    def share(self) -> float:
        """The part that is held: 1 is full, more is over."""
        if self.limit.maximum:
            return self.limit.held / self.limit.maximum
        return 2.0 if self.limit.held else 0.0

    @property
    def percent(self) -> int:
        """The part that is held as a bar shows it, 100 at most."""
        held, maximum = self.limit.held, self.limit.maximum
        return min(100, 100 * held // maximum) if maximum else (100 if held else 0)

    @property
    def fullness(self) -> Fullness:
        """How much of it is held, as a page marks it; a limit of nothing is free until it is held.

        What is nearly full can still be used; what is over is held beyond a lowered limit.
        """
        if self.share > 1:
            return "over"
        if self.share == 1:
            return "full"
        return "nearly" if self.share >= _NEARLY else "free"

    @property
    def title(self) -> str:
        """What is limited: ``Memory``, ``Servers of large``."""
        what = describe_resource(self.limit.resource)
        return f"{what} of {self.limit.scope.tier}" if self.limit.scope.tier else what

    @property
    def figures(self) -> str:
        """What is held of how much: ``6 of 8 GiB``."""
        return describe_share(self.limit.resource, self.limit.held, self.limit.maximum)

    @property
    def state(self) -> str:
        """What is left, in words."""
        return describe_left(self.limit)

    @property
    def place(self) -> str:
        """Whose limit it is: ``you in vision``, ``everybody in vision``."""
        scope = self.limit.scope
        who = self.holder or scope.user
        match scope.kind:
            case "member":
                return f"{who} in {scope.account}"
            case "user" | "tier-user":
                return f"{who} in all accounts"
            case "account" | "tier-account":
                return f"everybody in {scope.account}"
            case _:
                return "the whole platform"

    @property
    def granted(self) -> str:
        """The part that grants give: ``2 GiB of it granted``; empty if they give none."""
        if not self.limit.granted:
            return ""
        return f"{describe_amount(self.limit.resource, self.limit.granted)} of it granted"

    @property
    def exact(self) -> str:
        """What is held of how much, as Kubernetes writes it: ``6Gi of 8Gi``."""
        held, maximum = self.limit.held, self.limit.maximum
        resource = self.limit.resource
        return f"{render_quantity(resource, held)} of {render_quantity(resource, maximum)}"


def describe_resource(name: str) -> str:
    """Say what is counted: ``Servers``, ``CPU``, ``Memory``, ``GPU``."""
    return _TITLES.get(name) or ("GPU" if name.endswith("/gpu") else name)


def declared_at(policy: Policy, path: str) -> str:
    """Return the ``file:line`` of a key path, or of the nearest key above that has one.

    An object that is managed in the Hub has none: the line of its section would mislead.
    """
    section, _, name = path.partition(".")
    while path and not (name and path == section):
        if path in policy.lines:
            return str(policy.lines[path])
        path = path.rpartition(".")[0]
    return ""


def limit_line(policy: Policy, limit: HeldLimit, holder: str = "") -> LimitLine:
    """Return ``limit`` with where it is declared."""
    return LimitLine(limit, declared_at(policy, limit.path), holder)


def hold(policy: Policy, held: HeldTotals, limit: Limit) -> LimitLine:
    """Return a limit with what is held against it now."""
    amount = held.held(limit.scope, limit.resource)
    who, by_pods = raised_by(policy, limit.scope), held.held_by_pods(limit.scope, limit.resource)
    scope, resource, maximum, path, granted = limit
    found = HeldLimit(scope, resource, maximum, amount, path, granted, who, by_pods=by_pods)
    return limit_line(policy, found)


def most_pressed(lines: tuple[LimitLine, ...]) -> LimitLine | None:
    """Return the line of which the largest part is held, the first of equals; none if unheld."""
    held = [line for line in lines if line.limit.held]
    return max(held, key=lambda line: line.share) if held else None


def list_limits(question: Question) -> Iterator[HeldLimit]:
    """Yield every limit on what the user may hold in the account, also of tiers open to them."""
    yield from question.limits
    # Whatever its size, a server of a tier counts as one.
    granted = {each.name: each for each in question.candidates if each.granted}
    for candidate in granted.values():
        yield from candidate.limits


def list_resources(question: Question) -> tuple[str, ...]:
    """Return the resources that matter: common ones, what the user's tiers need, what they hold."""
    granted = (each for each in question.candidates if each.granted)
    asked = {name for each in granted for name, amount in each.demand.items() if amount}
    held = {each.resource for each in question.limits if each.held and _is_personal(each)}
    return (*_COMMON, *sorted((asked | held).difference(_COMMON)))


def say_holding(
    user: str,
    totals: HeldTotals,
    questions: Iterable[Question],
    *,
    own: bool,
    everywhere: bool = True,
) -> str:
    """Say what the user holds of what they may hold: in each account, and in all together.

    Parameters
    ----------
    user
        Who holds it.
    totals
        What is held where no limit says so.
    questions
        One for each account that is spoken of.
    own
        Whether it is said to the user themselves.
    everywhere
        Whether the reader may know what is held in all accounts together.
    """
    accounts, parts, in_all = [], [], dict[str, str]()
    for question in questions:
        accounts.append(question.account)
        here = []
        for resource in list_resources(question):
            limit = _find_personal_limit(question, resource, everywhere=everywhere)
            if limit is None:
                scope = Scope("member", account=question.account, user=user)
                held = totals.held(scope, resource)
                here += [describe_amount(resource, held)] if held else []
            elif limit.held:
                share = describe_share(resource, limit.held, limit.maximum)
                if limit.scope.kind == "user":
                    in_all[resource] = share
                else:
                    here.append(share)
        parts += [f"{listed(here)} in {question.account}"] if here else []
    parts += [f"{listed(in_all.values())} in all accounts"] if in_all else []
    nothing = f"nothing in {accounts[0]}" if len(accounts) == 1 and accounts[0] else "nothing"
    # A comma does not tell accounts apart where each is a list itself.
    comma = "; " if len(parts) > 2 else ", "
    *first, last = parts or [nothing]
    joined = f"{comma.join(first)}{comma}and {last}" if first else last
    return f"{'You hold' if own else f'{user} holds'} {joined}."


def _find_personal_limit(
    question: Question, resource: str, *, everywhere: bool
) -> HeldLimit | None:
    for kind in ("member", "user") if everywhere else ("member",):
        for limit in question.limits:
            if limit.scope.kind == kind and limit.resource == resource:
                return limit
    return None


def _is_personal(limit: HeldLimit) -> bool:
    return limit.scope.kind in {"member", "user"}


def holdings_to_json(question: Question) -> dict[str, Any]:
    """Render what is held, may be held, is left and fits in one account, for the API."""
    return {
        "account": question.account,
        "limits": [limit_to_json(limit) for limit in question.limits],
        "fits": list(list_fitting(question)),
    }
