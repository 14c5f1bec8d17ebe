"""Policies as operators declare them, and what people hold: to ask decisions of."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from jupyterhub_platform.core.decision import Decision, decide
from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.options import read_options
from jupyterhub_platform.core.policy import Policy, tier_limits
from jupyterhub_platform.core.question import Question, ask, subject_of
from jupyterhub_platform.core.reservations import Reservation, Scope
from jupyterhub_platform.core.resources import Resources

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
GIB = 2**30
GPU = "nvidia.com/gpu"

DOCUMENT: Mapping[str, Any] = {
    "version": 1,
    "users": {
        "root": {"level": "admin"},
        "mia": {"level": "manager"},
        "dev": {"level": "developer"},
        "eve": {"level": "user"},
        "vic": {"level": "viewer"},
        "aud": {"level": "auditor"},
        "lone": {"level": "user"},
    },
    "groups": {
        "vision": {"members": ["eve", "vic", "aud", "dev"], "managers": ["mia"]},
        "text": {"members": ["dev", "root"]},
    },
    "images": {"lab": {"reference": "example/lab:1"}, "sci": {"reference": "example/sci:1"}},
    "tiers": {
        "small": {"requests": {"cpu": "500m", "memory": "2Gi"}, "images": ["lab", "sci"]},
        "large": {"requests": {"cpu": 2, "memory": "4Gi"}, "images": ["lab"]},
        "gpu": {"requests": {"cpu": 1, "memory": "1Gi", GPU: 1}, "images": ["lab"]},
    },
}
"""People of every level in two accounts, and three tiers; no limits but that of accelerators."""


def make_policy(*changes: Mapping[str, Any]) -> Policy:
    """Compile :data:`DOCUMENT` with ``changes``, each merged into it key by key."""
    document: dict[str, Any] = copy.deepcopy(dict(DOCUMENT))
    for change in changes:
        _merge(document, change)
    return compile_policy(document)


def _merge(into: dict[str, Any], change: Mapping[str, Any]) -> None:
    for key, value in change.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


def make_grant(**changes: Any) -> dict[str, Any]:
    """Return a declared grant that is live at :data:`NOW`."""
    return {
        "from": "2026-03-01T00:00:00Z",
        "until": "2026-04-01T00:00:00Z",
        "by": "root",
        "reason": "paper deadline",
        **changes,
    }


def make_reservation(key: str = "r1", **changes: Any) -> Reservation:
    """Return what a small server of dev in vision holds."""
    demand = Resources.of({"cpu": 500, "memory": 2 * GIB, "servers": 1})
    held = Reservation(key, "dev", "", 7, "vision", "small", "lab", demand, NOW)
    return replace(held, **changes)


def hold(policy: Policy, tier: str, user: str, server: str, account: str) -> Reservation:
    """Return what a server of ``tier`` holds."""
    return make_reservation(
        f"{user}/{server}",
        user=user,
        server=server,
        account=account,
        tier=tier,
        demand=policy.tiers[tier].demand,
    )


SHARED: Mapping[str, tuple[str, ...]] = {
    "platform": (),
    "account": ("account",),
    "member": ("account", "user"),
    "user": ("user",),
    "tier": ("tier",),
    "tier-account": ("tier", "account"),
    "tier-user": ("tier", "user"),
}
"""What the reservations that count at a scope have in common with it, by its kind."""


@dataclass(frozen=True)
class Held:
    """What is held, added up from the reservations each time it is asked for."""

    reservations: tuple[Reservation, ...] = ()

    def held(self, scope: Scope, name: str) -> int:
        return sum(
            each.demand.amount(name)
            for each in self.reservations
            if all(getattr(each, key) == getattr(scope, key) for key in SHARED[scope.kind])
        )

    def held_by_pods(self, scope: Scope, name: str) -> int:
        return Held(tuple(each for each in self.reservations if each.pod)).held(scope, name)


def pose(
    policy: Policy,
    user: str = "dev",
    options: object = None,
    held: Iterable[Reservation] = (),
    *,
    memberships: frozenset[str] = frozenset(),
    server: str = "",
    now: datetime = NOW,
) -> Question:
    """Ask whether ``user`` may start a server; by default a small one in vision."""
    given = {"tier": "small", "account": "vision"} if options is None else options
    subject = subject_of(policy, user, memberships, None)
    usage = Held(tuple(held))
    return ask(policy, usage, subject, server, read_options(given), now=now, revision=4)


def judge(policy: Policy, *args: Any, **kwargs: Any) -> Decision:
    """Decide what :func:`pose` asks."""
    return decide(pose(policy, *args, **kwargs))


def list_exceeded(
    policy: Policy, held: Iterable[Reservation], new: Reservation, now: datetime = NOW
) -> list[tuple[Scope, str]]:
    """Return the limits that ``new`` would exceed beside ``held``, by adding up everything."""
    together = Held((*held, new))
    limits = (
        *policy.list_limits(new.user, new.account, now),
        *tier_limits(policy.tiers[new.tier], new.user, new.account),
    )
    return [
        (limit.scope, limit.resource)
        for limit in limits
        if new.demand.amount(limit.resource)
        and together.held(limit.scope, limit.resource) > limit.maximum
    ]
