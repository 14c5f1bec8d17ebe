"""Numbers that are kept between reports are those that the limits themselves give."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.documents import parse_policy
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.holdings import hold
from jupyterhub_platform.usecases.reports.compiled import Derived
from jupyterhub_platform.usecases.reports.fullness import OwnShare, Shares, read_shares
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.snapshot import Snapshot

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
POLICY = parse_policy(
    b"""
version: 1
quota: {servers: 100}
defaults: {user_quota: {servers: 3, cpu: 6}, member_quota: {servers: 2}, group_quota: {cpu: 9}}
users:
  root: {level: admin}
  ada: {}
  ben: {quota: {servers: 0}}
  cy: {quota: {servers: null}}
groups:
  art: {members: [ada, ben, cy], quota: {servers: 4}}
  bio: {members: [ada, cy], member_quota: {servers: 1}}
images: {lab: {reference: "example/lab:1"}}
tiers:
  small: {requests: {cpu: 1, memory: 1Gi}, images: [lab]}
  gpu: {requests: {cpu: 1, memory: 1Gi, nvidia.com/gpu: 1}, images: [lab]}
grants:
  - {user: ada, account: art, add: {servers: 1, nvidia.com/gpu: 1}, until: "2026-11-29T13:00:00Z",
     by: root, reason: a deadline}
  - {group: bio, add: {servers: 2}, until: "2026-11-29T12:30:00Z", by: root, reason: a deadline}
""",
    "platform.yaml",
).policy


def make_facts(book: Book, derived: Derived, at: datetime = NOW) -> ReportFacts:
    return ReportFacts(Snapshot(POLICY, 1), "platform.yaml", NOW, book, at, derived=derived)


def make_reservation(number: int, chance: random.Random) -> Reservation:
    gpu = chance.random() < 0.3
    demand = {"servers": 1, "cpu": 1000, "memory": 2**30} | ({"nvidia.com/gpu": 1} if gpu else {})
    return Reservation(
        id=f"{number}",
        user=chance.choice(["ada", "ben", "cy"]),
        server=f"{number}",
        spawner_id=number,
        account=chance.choice(["art", "bio", "gone"]),
        tier="gpu" if gpu else "small",
        image="lab",
        demand=Resources.of(demand),
        opened_at=NOW,
    )


def find_share(facts: ReportFacts, user: str, account: str, kind: str) -> float:
    limits = facts.policy.list_limits(user, account, facts.at)
    lines = [hold(facts.policy, facts.book, each) for each in limits if each.scope.kind == kind]
    return max((line.share for line in lines), default=0.0)


def work_out(facts: ReportFacts) -> Shares:
    """What the limits of all who hold something give, each worked out anew."""
    users: dict[str, set[str]] = {}
    for each in facts.book:
        users.setdefault(each.user, set()).add(each.account)
    return Shares(
        {each.account: find_share(facts, "", each.account, "account") for each in facts.book},
        {
            user: tuple(
                OwnShare(
                    account,
                    find_share(facts, user, account, "member"),
                    find_share(facts, user, account, "user"),
                )
                for account in sorted(accounts)
            )
            for user, accounts in users.items()
        },
    )


def sort_accounts(shares: Shares) -> Shares:
    return replace(shares, users={user: tuple(sorted(each)) for user, each in shares.users.items()})


def test_what_is_kept_is_what_the_limits_give() -> None:
    chance, derived, book = random.Random(7), Derived(), Book()
    for number in range(60):
        book = book.copy()
        held = list(book)
        if held and chance.random() < 0.4:
            book.strike(chance.choice(held).id)
        else:
            book.enter(make_reservation(number, chance))
        # Grants end on the way.
        facts = make_facts(book, derived, NOW + timedelta(minutes=2 * number))
        assert sort_accounts(read_shares(facts)) == work_out(facts), number


def test_nothing_is_worked_out_again_when_nothing_changed() -> None:
    chance, derived, book = random.Random(7), Derived(), Book()
    held = replace(make_reservation(1, chance), user="ben", account="art")
    book.enter(held)
    first = read_shares(make_facts(book, derived))
    assert read_shares(make_facts(book, derived)).users is first.users
    after = book.copy()
    after.strike(held.id)
    assert read_shares(make_facts(after, derived)) == Shares({}, {})
    assert first.groups, "what others read already has changed"
