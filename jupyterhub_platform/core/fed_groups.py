"""Which groups of the policy an identity provider's groups feed: ``groups.NAME.from``.

A group has a short name for policy, and beside it the names that providers give it, such as
``org:team`` or ``/projects/vision``. These are compared exactly: what looks alike to people is
another group to the provider, whose members nobody meant. Several may feed one group, and one may
feed several: groups are accounts, a provider's are lists of people, and the people of a department
may well work for two projects. Memberships only add up, so that no order matters.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from jupyterhub_platform.core.people import Group
from jupyterhub_platform.core.persistent_map import PersistentMap

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FedGroups:
    """The groups of the policy by each provider's group that feeds them."""

    fed_by: PersistentMap[str, frozenset[str]]

    @classmethod
    def of(cls, groups: Iterable[tuple[str, Iterable[str]]]) -> Self:
        """Return those of these groups, each a name and what a provider calls it."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for name, provided_by in groups:
            for provided in provided_by:
                found[provided].add(name)
        return cls(PersistentMap({name: frozenset(fed) for name, fed in found.items()}))

    def follow(
        self, before: Mapping[str, Group], after: Mapping[str, Group], changed: Iterable[str]
    ) -> Self:
        """Return those of ``after``, which differs from ``before`` in the groups ``changed``."""
        fed_by = self.fed_by
        for name in changed:
            old, new = before.get(name), after.get(name)
            was, now = (frozenset(each.provided_by if each else ()) for each in (old, new))
            for provided in was ^ now:
                left = fed_by.get(provided, _NOTHING) ^ {name}
                fed_by = fed_by.put(provided, left) if left else fed_by.drop(provided)
        return type(self)(fed_by)

    def list_fed(self, provided: Iterable[str]) -> frozenset[str]:
        """Return the groups that a person is in whom a provider puts into ``provided``."""
        return _NOTHING.union(*(self.fed_by.get(name, _NOTHING) for name in provided))
