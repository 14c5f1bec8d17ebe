"""What groups and tiers hold, and may hold: read off the book when the metrics are asked for.

The series are bounded, since each scrape renders all of them in the Hub's loop: only groups that
hold something, those with the most servers first, and all tiers.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TypeAlias

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from jupyterhub_platform.core.policy import Policy, tier_limits
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.resource_names import CPU
from jupyterhub_platform.usecases.book import Book

Read: TypeAlias = Callable[[], tuple[Book, Policy]]
Amounts: TypeAlias = Iterable[tuple[str, str, int]]
"""Names with a resource and how much of it, in base units."""


class HeldCollector(Collector):
    """Yields the gauges anew at each scrape: nothing has to be kept in step."""

    def __init__(self, read: Read, max_groups: int) -> None:
        self._read = read
        self._max_groups = max_groups

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield what there will be, without reading anything: the registry asks at once."""
        for make in (_group_held, _group_allowed, _tier_held, _tier_allowed):
            yield make(())
        yield _left_out(0)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what is held and allowed now."""
        book, policy = self._read()
        servers = Counter(held.account for held in book if held.account)
        groups = [name for name, _ in servers.most_common(self._max_groups)]
        resources = book.resources
        yield _group_held(
            (name, resource, book.held(Scope("account", name), resource))
            for name in groups
            for resource in resources
        )
        yield _group_allowed(_list_allowed(policy, groups))
        yield _tier_held(
            (name, resource, book.held(Scope("tier", tier=name), resource))
            for name in policy.tiers
            for resource in resources
        )
        yield _tier_allowed(
            (limit.scope.tier, limit.resource, limit.maximum)
            for tier in policy.tiers.values()
            for limit in tier_limits(tier, "", "")
            if limit.scope.kind == "tier"
        )
        yield _left_out(len(servers) - len(groups))


def expose_held(
    read: Read, max_groups: int, registry: CollectorRegistry = REGISTRY
) -> HeldCollector:
    """Add the gauges to those that the Hub exposes."""
    collector = HeldCollector(read, max_groups)
    registry.register(collector)
    return collector


def _list_allowed(policy: Policy, groups: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    now = datetime.now(UTC)
    for name in groups:
        for limit in policy.list_limits("", name, now):
            if limit.scope.kind == "account":
                yield name, limit.resource, limit.maximum


def _group_held(amounts: Amounts) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "jupyterhub_platform_group_held",
        "What servers hold that are charged to a group: cores, bytes, devices, servers",
        labels=("group", "resource"),
    )
    return _fill(family, amounts)


def _group_allowed(amounts: Amounts) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "jupyterhub_platform_group_allowed",
        "What they may hold together; no sample where nothing limits it",
        labels=("group", "resource"),
    )
    return _fill(family, amounts)


def _tier_held(amounts: Amounts) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "jupyterhub_platform_tier_held",
        "What servers of a tier hold: cores, bytes, devices, servers",
        labels=("tier", "resource"),
    )
    return _fill(family, amounts)


def _tier_allowed(amounts: Amounts) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "jupyterhub_platform_tier_allowed",
        "What they may hold together; no sample where nothing limits it",
        labels=("tier", "resource"),
    )
    return _fill(family, amounts)


def _fill(family: GaugeMetricFamily, amounts: Amounts) -> GaugeMetricFamily:
    for name, resource, amount in amounts:
        family.add_metric((name, resource), amount / 1000 if resource == CPU else amount)
    return family


def _left_out(count: int) -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "jupyterhub_platform_groups_left_out",
        "Groups that hold something and are not among the metrics: see c.Platform.metric_groups",
        value=count,
    )
