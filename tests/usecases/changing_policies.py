"""Policies that replace each other while people start and stop, and what none of them allows."""

from typing import Any, Final

from jupyterhub_platform.core.policy import Policy
from tests.support.ledger_history import Ceilings
from tests.support.policies import GIB, GPU, make_grant, make_policy

PEOPLE: Final = {f"user{n}": ("vision", "text") if n % 2 else ("vision",) for n in range(16)}
STRANGERS: Final = ("mallory", "vic", "aud")
ACCOUNTS: Final = ("vision", "text")
TIERS: Final = ("small", "large", "gpu")

WIDE: Final[dict[str, Any]] = {
    "users": {name: {} for name in PEOPLE},
    "groups": {
        account: {"members": [name for name, accounts in PEOPLE.items() if account in accounts]}
        for account in ACCOUNTS
    },
    "quota": {"servers": 7, "cpu": 8, "memory": "30Gi", GPU: 2},
    "defaults": {"tier": "small", "user_quota": {"servers": 3, GPU: 1}},
    "tiers": {"large": {"at_once": {"user": 1, "account": 2, "platform": 3}}},
}
VISION: Final = {"groups": {"vision": {"quota": {"memory": "12Gi", GPU: 1}}}}
MEMBERS: Final = {"groups": {"vision": {"member_quota": {"servers": 2, "cpu": 3}}}}
NARROW: Final = {
    "quota": {"servers": 3, "cpu": 3},
    "tiers": {"large": {"at_once": {"platform": 1}}},
}
GRANTS: Final = {
    "grants": [
        make_grant(user="user1", add={"servers": 2}, until="2026-03-02T11:00:00Z"),
        make_grant(user="user2", add={GPU: 1}, **{"from": "2026-03-02T10:00:00Z"}),
        make_grant(group="vision", add={"memory": "8Gi"}, until="2026-03-02T10:15:00Z"),
        make_grant(group="text", tier="gpu", until="2026-03-02T12:00:00Z"),
    ]
}
CLOSED: Final = {
    "tiers": {"gpu": {"access": {"users": ["user3"]}}, "large": {"access": {"groups": ["text"]}}}
}
SMALLER_GROUPS: Final = {
    "groups": {"vision": {"members": ["user0", "user1"]}, "text": {"members": ["user1", "user3"]}},
    "users": {"user3": {"level": "viewer"}},
}
OBSERVING: Final = {"tiers": {"large": {"observe": True}}}

POLICIES: Final[tuple[Policy, ...]] = (
    make_policy(WIDE, VISION, MEMBERS, GRANTS),
    make_policy(WIDE, VISION, GRANTS, CLOSED),
    make_policy(WIDE, VISION, NARROW),
    make_policy(WIDE, MEMBERS, GRANTS, SMALLER_GROUPS),
    make_policy(WIDE, VISION, NARROW, OBSERVING),
    make_policy(WIDE),
)
REVISIONS: Final = dict(enumerate(POLICIES, start=1))

# Read off the text above by hand: whatever code says which limits apply has no part in it.
CEILINGS: Final[Ceilings] = {
    ("platform", "", "servers"): 7,
    ("platform", "", "cpu"): 8_000,
    ("platform", "", "memory"): 30 * GIB,
    ("platform", "", GPU): 2,
    ("user", "", "servers"): 3 + 2,
    ("user", "", GPU): 1 + 1,
    ("tier", "large", "servers"): 3,
    ("tier-account", "large", "servers"): 2,
    ("tier-user", "large", "servers"): 1,
}
