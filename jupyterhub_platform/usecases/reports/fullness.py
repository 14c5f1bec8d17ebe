"""How full the limits of all groups and users are: a number for each, kept between reports.

Of thousands, a report shows a few, and only for these lines of limits are made. What neither
starts nor stops a server keeps its number, unless grants may change it.
"""

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.quotas import Value
from jupyterhub_platform.core.reservations import HeldTotals, Scope
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.holdings import LimitLine, hold
from jupyterhub_platform.usecases.reports.reader import ReportFacts

_OVER_NOTHING = 2.0
"""The share of a limit of nothing of which something is held."""


class OwnShare(NamedTuple):
    """The largest part that a user holds of their limits in an account, and in all of them."""

    account: str
    here: float
    everywhere: float


@dataclass(frozen=True, slots=True)
class Shares:
    """The largest part of a limit that each group and user holds who holds anything; 1 is full."""

    groups: Mapping[str, float] = field(default_factory=dict)
    users: Mapping[str, tuple[OwnShare, ...]] = field(default_factory=dict)


class KeptShares:
    """Follows what is held under one revision of the policy. Safe to use from several threads."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._lock = threading.Lock()
        self._book = Book()
        self._groups: dict[str, float] = {}
        self._users: dict[str, tuple[OwnShare, ...]] = {}
        self._granted: set[str] = set()
        self._granted_groups: set[str] = set()

    def read(self, facts: ReportFacts) -> Shares:
        """Return the shares of what is held now."""
        with self._lock:
            changed = facts.book.list_differing(self._book)
            groups = self._granted_groups | {each.account for each in changed}
            users = self._granted | {each.user for each in changed}
            if groups or users:
                # Others may still read those of before.
                self._groups, self._users = dict(self._groups), dict(self._users)
            for account in groups:
                self._follow_group(facts, account)
            for user in users:
                self._follow_user(facts, user)
            self._book = facts.book
            return Shares(self._groups, self._users)

    def _follow_group(self, facts: ReportFacts, account: str) -> None:
        self._groups.pop(account, None)
        self._granted_groups.discard(account)
        scope = Scope("account", account)
        if any(facts.book.held(scope, each) for each in facts.book.resources):
            self._groups[account] = find_group_share(facts, account)
            if self._policy.may_be_granted("", account):
                self._granted_groups.add(account)

    def _follow_user(self, facts: ReportFacts, user: str) -> None:
        self._users.pop(user, None)
        self._granted.discard(user)
        accounts = {each.account for each in facts.book.of_user(user)}
        if accounts:
            self._users[user] = tuple(find_own_share(facts, user, each) for each in accounts)
            if any(self._policy.may_be_granted(user, each) for each in accounts):
                self._granted.add(user)


def read_shares(facts: ReportFacts) -> Shares:
    """Return the shares of what is held now."""
    return facts.derive(KeptShares).read(facts)


def find_group_share(facts: ReportFacts, account: str) -> float:
    """Return the largest part that is held of what a group may hold."""
    policy = facts.policy
    if policy.may_be_granted("", account):
        return _find_exactly(facts, "", account, "account")
    return _find_largest(facts.book, Scope("account", account), policy.account_values(account))


def find_own_share(facts: ReportFacts, user: str, account: str) -> OwnShare:
    """Return the largest part that a user holds of limits of their own."""
    policy, book = facts.policy, facts.book
    if policy.may_be_granted(user, account):
        here = _find_exactly(facts, user, account, "member")
        return OwnShare(account, here, _find_exactly(facts, user, account, "user"))
    of_member, of_user = policy.personal_values(user, account)
    member = Scope("member", account, user)
    here = _find_largest(book, member, of_member)
    for name in policy.accelerators:
        if book.held(member, name):
            ruled = (*of_member, *of_user, *policy.account_values(account))
            if not any(value.resource == name for value in ruled):
                here = max(here, _OVER_NOTHING)
    return OwnShare(account, here, _find_largest(book, Scope("user", "", user), of_user))


def _find_largest(held: HeldTotals, scope: Scope, values: Iterable[Value]) -> float:
    largest = 0.0
    for name, maximum, _ in values:
        if maximum is not None and (amount := held.held(scope, name)):
            largest = max(largest, amount / maximum if maximum else _OVER_NOTHING)
    return largest


def _find_exactly(facts: ReportFacts, user: str, account: str, kind: str) -> float:
    limits = facts.policy.list_limits(user, account, facts.at)
    lines = (hold(facts.policy, facts.book, each) for each in limits if each.scope.kind == kind)
    return max((line.share for line in lines if line.limit.held), default=0.0)


def list_full(
    facts: ReportFacts, user: str, accounts: Iterable[str], kinds: Collection[str]
) -> list[LimitLine]:
    """List the limits of these kinds of which all is held."""
    found: list[LimitLine] = []
    for account in sorted(accounts):
        for limit in facts.policy.list_limits(user, account, facts.at):
            if limit.scope.kind in kinds:
                line = hold(facts.policy, facts.book, limit)
                if line.limit.held and line.share >= 1 and line not in found:
                    found.append(line)
    return found
