"""The gauges of what is held and allowed: what they say, and how many there are."""

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, generate_latest

from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.documents import parse_policy
from jupyterhub_platform.hub.metrics.held_metrics import expose_held
from jupyterhub_platform.usecases.book import Book

POLICY = """\
version: 1
users: {kim: {level: developer}, root: {level: admin}}
groups:
  vision: {members: [kim], quota: {cpu: 2500m, memory: 8Gi}}
  text: {members: [kim]}
  idle: {members: [kim], quota: {cpu: 1}}
images: {lab: {reference: "lab:1"}}
tiers:
  small: {requests: {cpu: 500m, memory: 1Gi}, images: [lab], at_once: {platform: 9}}
  large: {requests: {cpu: 1, memory: 4Gi}, images: [lab]}
grants:
  - {group: vision, add: {memory: 1Gi}, until: 2100-01-01T00:00:00Z, by: root, reason: more}
"""


def scrape(book: Book, max_groups: int = 10, policy: Policy | None = None) -> dict[str, float]:
    """Return the samples of a scrape, by name and labels."""
    registry = CollectorRegistry()
    read = policy or parse_policy(POLICY.encode(), "platform.yaml").policy
    expose_held(lambda: (book, read), max_groups, registry)
    lines = generate_latest(registry).decode().splitlines()
    samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name.removeprefix("jupyterhub_platform_"): float(value) for name, _, value in samples}


def hold(book: Book, number: int, account: str, tier: str = "small") -> None:
    demand = Resources.of({"servers": 1, "cpu": 500, "memory": 2**30})
    at = datetime(2026, 1, 1, tzinfo=UTC)
    book.enter(Reservation(str(number), f"p{number}", "", number, account, tier, "lab", demand, at))


def test_groups_and_tiers_say_what_they_hold_and_may_hold() -> None:
    book = Book()
    for number, account in enumerate(("vision", "vision", "text")):
        hold(book, number, account)
    assert scrape(book) == {
        'group_held{group="vision",resource="cpu"}': 1.0,
        'group_held{group="vision",resource="memory"}': 2 * 2**30,
        'group_held{group="vision",resource="servers"}': 2,
        'group_held{group="text",resource="cpu"}': 0.5,
        'group_held{group="text",resource="memory"}': 2**30,
        'group_held{group="text",resource="servers"}': 1,
        # Cores, as everywhere else; what grants add is in it. No limit is no sample.
        'group_allowed{group="vision",resource="cpu"}': 2.5,
        'group_allowed{group="vision",resource="memory"}': 9 * 2**30,
        'tier_held{resource="cpu",tier="small"}': 1.5,
        'tier_held{resource="memory",tier="small"}': 3 * 2**30,
        'tier_held{resource="servers",tier="small"}': 3,
        'tier_held{resource="cpu",tier="large"}': 0,
        'tier_held{resource="memory",tier="large"}': 0,
        'tier_held{resource="servers",tier="large"}': 0,
        'tier_allowed{resource="servers",tier="small"}': 9,
        "groups_left_out": 0,
    }


def test_groups_are_those_with_the_most_servers_and_no_more_than_said() -> None:
    book = Book()
    for number in range(30):
        hold(book, number, f"group{number % 7}" if number < 28 else "vision")
    hold(book, 99, "")
    samples = scrape(book, max_groups=3)
    named = {name for name in samples if name.startswith("group_held")}
    assert len(named) == 3 * 3
    assert not any('"vision"' in name for name in named)
    assert samples["groups_left_out"] == 5
    assert not any(name.startswith("group_") for name in scrape(book, max_groups=0))


def test_an_empty_book_has_no_series_of_groups() -> None:
    assert scrape(Book()) == {
        'tier_allowed{resource="servers",tier="small"}': 9,
        "groups_left_out": 0,
    }
