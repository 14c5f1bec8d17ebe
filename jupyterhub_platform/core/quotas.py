"""Quotas: what may be held at once, and the grants that add to it for a while."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from jupyterhub_platform.core.pods import SharedVolume
from jupyterhub_platform.core.resource_names import resource_order

Quota: TypeAlias = Mapping[str, int | None]
"""Limits by resource name in base units. ``None`` says unlimited; what is absent, this rule leaves
to the next one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A quota, and the key path in the policy at which it was said."""

    path: str
    quota: Quota


NO_RULE: Final = Rule("", {})
"""What most people have: nothing that was said of them alone."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where a person or a group says nothing of its own."""

    user: Rule = NO_RULE
    group: Rule = NO_RULE
    member: Rule = NO_RULE
    tier: str = ""
    volumes: tuple[SharedVolume, ...] = ()


class Value(NamedTuple):
    """The limit of one resource, and where it is declared; ``None`` is unlimited."""

    resource: str
    maximum: int | None
    path: str


def resolve(*rules: Rule) -> tuple[Value, ...]:
    """Return what holds of each resource: what the first rule says that says anything of it."""
    values: dict[str, Value] = {}
    for rule in rules:
        for name, maximum in rule.quota.items():
            values.setdefault(name, Value(name, maximum, f"{rule.path}.{name}"))
    return tuple(values[name] for name in sorted(values, key=resource_order))
