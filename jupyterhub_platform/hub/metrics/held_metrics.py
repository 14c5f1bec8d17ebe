"""Metrics of what groups and tiers hold, and may hold: read off the book when they are asked for.

The series are bounded, since each scrape renders all of them in the Hub's loop: only groups that
hold something, those with the most servers first, and all tiers.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeAlias

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


class _Family(NamedTuple):
    """One kind of gauge: of groups or tiers, by resource."""

    name: str
    documentation: str
    label: str

    def fill(self, amounts: Amounts) -> GaugeMetricFamily:
        """Return a gauge with these amounts."""
        labels = (self.label, "resource")
        family = GaugeMetricFamily(self.name, self.documentation, labels=labels)
        for name, resource, amount in amounts:
            family.add_metric((name, resource), amount / 1000 if resource == CPU else amount)
        return family


_TOGETHER: Final = "What they may hold together; no sample where nothing limits it"
_GROUP_HELD: Final = _Family(
    "jupyterhub_platform_group_held",
    "What servers hold that are charged to a group: cores, bytes, devices, servers",
    "group",
)
_GROUP_ALLOWED: Final = _Family("jupyterhub_platform_group_allowed", _TOGETHER, "group")
_TIER_HELD: Final = _Family(
    "jupyterhub_platform_tier_held",
    "What servers of a tier hold: cores, bytes, devices, servers",
    "tier",
)
_TIER_ALLOWED: Final = _Family("jupyterhub_platform_tier_allowed", _TOGETHER, "tier")


class HeldCollector(Collector):
    """Yields the gauges anew at each scrape: nothing has to be kept in step."""

    def __init__(self, read: Read, max_groups: int) -> None:
        self._read = read
        self._max_groups = max_groups

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield what there will be, without reading anything: the registry asks at once."""
        for family in (_GROUP_HELD, _GROUP_ALLOWED, _TIER_HELD, _TIER_ALLOWED):
            yield family.fill(())
        yield _left_out(0)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what is held and allowed now."""
        book, policy = self._read()
        servers = Counter(held.account for held in book if held.account)
        groups = [name for name, _ in servers.most_common(self._max_groups)]
        resources = book.resources
        yield _GROUP_HELD.fill(
            (name, resource, book.held(Scope("account", name), resource))
            for name in groups
            for resource in resources
        )
        yield _GROUP_ALLOWED.fill(_list_allowed(policy, groups))
        yield _TIER_HELD.fill(
            (name, resource, book.held(Scope("tier", tier=name), resource))
            for name in policy.tiers
            for resource in resources
        )
        yield _TIER_ALLOWED.fill(
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


def _left_out(count: int) -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "jupyterhub_platform_groups_left_out",
        "Groups that hold something and are not among the metrics: see c.Platform.metric_groups",
        value=count,
    )
