"""What may be held at once: quotas, and the grants that add to them for a while."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

from jupyterhub_platform.core.resource_names import resource_order
from jupyterhub_platform.core.resources import Resources

Quota: TypeAlias = Mapping[str, int | None]
"""Limits by resource name in base units. ``None`` says unlimited; what is absent, this rule leaves
to the next one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A quota, and the key path in the policy at which it was said."""

    path: str
    quota: Quota


@dataclass(frozen=True, slots=True)
class Grant:
    """A time-limited addition for a user or a group, with who, why and until when.

    For a user it adds to what that person may hold, alone and within ``account`` (within every
    account if none is named). For a group it adds to what the group holds together. ``tier`` opens
    a tier to them. It is live from ``starts`` (from the beginning, if none) to before ``until``.
    """

    path: str
    user: str
    group: str
    account: str
    add: Resources
    tier: str
    starts: datetime | None
    until: datetime
    by: str
    reason: str

    def is_live(self, now: datetime) -> bool:
        """Tell whether the grant counts at ``now``."""
        return (self.starts is None or self.starts <= now) and now < self.until


class Value(NamedTuple):
    """The limit of one resource, and where it is declared; ``None`` is unlimited."""

    resource: str
    maximum: int | None
    path: str


def resolve(*rules: Rule) -> tuple[Value, ...]:
    """Return what holds of each resource: what the first rule says that says anything of it."""
    said: dict[str, Value] = {}
    for rule in rules:
        for name, maximum in rule.quota.items():
            said.setdefault(name, Value(name, maximum, f"{rule.path}.{name}"))
    return tuple(said[name] for name in sorted(said, key=resource_order))
