from datetime import UTC, datetime
from typing import Any

import pytest

from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.policy import Limit, Policy, tier_limits

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = "2026-02-01T00:00:00Z"
GPU = "nvidia.com/gpu"


def policy(
    *,
    dev: dict[str, Any] | None = None,
    group: dict[str, Any] | None = None,
    defaults: dict[str, Any] | None = None,
    grants: list[dict[str, Any]] | None = None,
    tier: dict[str, Any] | None = None,
    quota: dict[str, Any] | None = None,
) -> Policy:
    return compile_policy(
        {
            "version": 1,
            "quota": quota or {},
            "defaults": defaults or {},
            "users": {"admin": {"level": "admin"}, "dev": dev or {}, "eve": {}},
            "groups": {"vision": {"members": ["dev", "eve"], **(group or {})}, "other": {}},
            "images": {"lab": {"reference": "example/lab:1"}},
            "tiers": {
                "gpu": {
                    "requests": {"cpu": 1, "memory": "1Gi", GPU: 1},
                    "images": ["lab"],
                    "access": {"levels": ["admin"]},
                    **(tier or {}),
                }
            },
            "grants": [
                {"until": UNTIL, "by": "admin", "reason": "why", **grant} for grant in grants or []
            ],
        }
    )


def limit(found: Policy, kind: str, name: str, user: str = "dev") -> Limit | None:
    limits = found.list_limits(user, "vision", NOW)
    return next((lim for lim in limits if (lim.scope.kind, lim.resource) == (kind, name)), None)


def said(found: Policy, kind: str, name: str) -> tuple[int, str] | None:
    got = limit(found, kind, name)
    return (got.maximum, got.path) if got else None


DEFAULT = {"member_quota": {"cpu": 1}}
GROUP = {"member_quota": {"cpu": 2}}
WITHIN = {"users": {"dev": {"cpu": 3}}}


def test_the_default_holds_where_nothing_else_is_said():
    assert said(policy(defaults=DEFAULT), "member", "cpu") == (1000, "defaults.member_quota.cpu")


def test_a_group_comes_before_the_default():
    found = policy(defaults=DEFAULT, group=GROUP)
    assert said(found, "member", "cpu") == (2000, "groups.vision.member_quota.cpu")


def test_a_person_within_the_group_comes_before_the_group():
    found = policy(defaults=DEFAULT, group=GROUP | WITHIN)
    assert said(found, "member", "cpu") == (3000, "groups.vision.users.dev.cpu")
    other = limit(found, "member", "cpu", user="eve")
    assert other is not None
    assert other.maximum == 2000


def test_precedence_is_field_by_field():
    found = policy(group={"member_quota": {"cpu": 2, "servers": 5}, **WITHIN})
    assert said(found, "member", "servers") == (5, "groups.vision.member_quota.servers")


def test_null_leaves_it_to_the_next_rule():
    found = policy(defaults=DEFAULT, group={"member_quota": {"cpu": None}})
    assert said(found, "member", "cpu") == (1000, "defaults.member_quota.cpu")


def test_unlimited_ends_the_search():
    found = policy(defaults=DEFAULT, group={"member_quota": {"cpu": "unlimited"}})
    assert limit(found, "member", "cpu") is None


def test_zero_is_a_limit():
    found = policy(defaults=DEFAULT, group={"member_quota": {"cpu": 0}})
    assert said(found, "member", "cpu") == (0, "groups.vision.member_quota.cpu")


def test_all_scopes_bind_at_once():
    found = policy(quota={"cpu": 9}, dev={"quota": {"cpu": 4}}, group={"quota": {"cpu": 8}} | GROUP)
    limits = [lim for lim in found.list_limits("dev", "vision", NOW) if lim.resource == "cpu"]
    assert [(lim.scope.kind, lim.maximum) for lim in limits] == [
        ("member", 2000),
        ("user", 4000),
        ("account", 8000),
        ("platform", 9000),
    ]


def test_a_person_comes_before_the_default_over_all_accounts():
    found = policy(dev={"quota": {"cpu": 4}}, defaults={"user_quota": {"cpu": 2, "servers": 3}})
    assert said(found, "user", "cpu") == (4000, "users.dev.quota.cpu")
    assert said(found, "user", "servers") == (3, "defaults.user_quota.servers")


def test_a_live_grant_adds_to_the_limit_that_holds():
    found = policy(
        group=GROUP,
        dev={"quota": {"cpu": 4}},
        grants=[{"user": "dev", "account": "vision", "add": {"cpu": 1}}],
    )
    assert limit(found, "member", "cpu") == Limit(
        found.list_limits("dev", "vision", NOW)[0].scope,
        "cpu",
        3000,
        "groups.vision.member_quota.cpu",
        1000,
    )
    assert said(found, "user", "cpu") == (5000, "users.dev.quota.cpu")


@pytest.mark.parametrize(
    "grant",
    [
        {"user": "eve", "add": {"cpu": 1}},
        {"user": "dev", "add": {"cpu": 1}, "from": "2026-01-02T00:00:00Z"},
        {"user": "dev", "add": {"cpu": 1}, "until": "2025-12-31T00:00:00Z"},
        {"user": "dev", "add": {"cpu": 1}, "until": "2026-01-01T00:00:00Z"},
        {"group": "other", "add": {"cpu": 1}},
        {"group": "vision", "add": {"cpu": 1}},
    ],
)
def test_other_grants_add_nothing_to_what_a_member_may_hold(grant: dict[str, Any]):
    assert said(policy(group=GROUP, grants=[grant]), "member", "cpu") == (
        2000,
        "groups.vision.member_quota.cpu",
    )


def test_a_grant_to_a_group_adds_to_what_it_holds_together():
    found = policy(group={"quota": {"cpu": 8}}, grants=[{"group": "vision", "add": {"cpu": 1}}])
    got = limit(found, "account", "cpu")
    assert got is not None
    assert (got.maximum, got.granted) == (9000, 1000)


def test_no_grant_raises_what_the_platform_has():
    found = policy(quota={"cpu": 4}, grants=[{"user": "dev", "add": {"cpu": 1}}])
    assert said(found, "platform", "cpu") == (4000, "quota.cpu")


def test_accelerators_are_denied_without_a_rule():
    got = limit(policy(), "member", GPU)
    assert got is not None
    assert got.maximum == 0


def test_the_capacity_of_the_platform_gives_no_user_an_accelerator():
    got = limit(policy(quota={GPU: 4}), "member", GPU)
    assert got is not None
    assert got.maximum == 0


@pytest.mark.parametrize(
    "rules",
    [
        {"group": {"quota": {GPU: 1}}},
        {"group": {"member_quota": {GPU: 1}}},
        {"dev": {"quota": {GPU: 1}}},
        {"defaults": {"user_quota": {GPU: 1}}},
        {"defaults": {"member_quota": {GPU: "unlimited"}}},
    ],
)
def test_any_rule_for_the_account_or_the_person_grants_accelerators(rules: dict[str, Any]):
    got = limit(policy(**rules), "member", GPU)
    assert got is None or got.maximum == 1


def test_a_grant_gives_accelerators_where_no_rule_does():
    got = limit(policy(grants=[{"user": "dev", "add": {GPU: 2}}]), "member", GPU)
    assert got is not None
    assert (got.maximum, got.granted) == (2, 2)


@pytest.mark.parametrize(
    ("grant", "may"),
    [
        ({"user": "dev", "tier": "gpu"}, True),
        ({"user": "dev", "tier": "gpu", "account": "vision"}, True),
        ({"group": "vision", "tier": "gpu"}, True),
        ({"group": "other", "tier": "gpu"}, False),
        ({"user": "eve", "tier": "gpu"}, False),
        ({"user": "dev", "add": {"cpu": 1}}, False),
        ({"user": "dev", "tier": "gpu", "until": "2025-12-31T00:00:00Z"}, False),
        ({"user": "dev", "tier": "gpu", "from": "2026-01-02T00:00:00Z"}, False),
    ],
)
def test_a_live_grant_opens_a_tier(grant: dict[str, Any], may: bool):
    found = policy(grants=[grant])
    assert found.may_use(found.tiers["gpu"], "dev", Level.USER, "vision", NOW) is may


def test_a_grant_for_one_account_opens_no_other():
    found = policy(grants=[{"user": "dev", "tier": "gpu", "account": "vision"}])
    assert not found.may_use(found.tiers["gpu"], "dev", Level.USER, "other", NOW)


def test_a_tier_limits_how_many_run_at_once():
    found = policy(tier={"at_once": {"user": 1, "platform": 9}})
    limits = tier_limits(found.tiers["gpu"], "dev", "vision")
    assert [(lim.scope.kind, lim.maximum, lim.path) for lim in limits] == [
        ("tier-user", 1, "tiers.gpu.at_once.user"),
        ("tier", 9, "tiers.gpu.at_once.platform"),
    ]


def test_admins_and_managed_groups_are_listed():
    found = policy(group={"managers": ["admin"]})
    assert found.admins() == ("admin",)
    assert found.managed_groups("admin") == {"vision"}
    assert found.declared_groups("admin") == {"vision"}
    assert found.declared_groups("dev") == {"vision"}
    assert found.managed_groups("dev") == frozenset()


@pytest.mark.parametrize(
    ("grant", "user", "account", "may"),
    [
        ({"user": "dev", "account": "vision", "add": {"cpu": 1}}, "dev", "vision", True),
        ({"user": "dev", "account": "vision", "add": {"cpu": 1}}, "eve", "vision", False),
        # Also one that is not live, now or any more.
        ({"user": "dev", "until": "2020-01-01T00:00:00Z", "tier": "gpu"}, "dev", "other", True),
        ({"group": "vision", "add": {"cpu": 1}}, "", "vision", True),
        ({"group": "vision", "add": {"cpu": 1}}, "eve", "other", True),
        ({"group": "vision", "add": {"cpu": 1}}, "admin", "other", False),
    ],
)
def test_whom_a_grant_could_be_for(
    grant: dict[str, Any], user: str, account: str, may: bool
) -> None:
    assert policy(grants=[grant]).may_be_granted(user, account) is may
    assert not policy().may_be_granted(user, account)


def test_the_accelerators_are_those_that_tiers_ask_for() -> None:
    assert policy().accelerators == (GPU,)
    assert policy(tier={"requests": {"cpu": 1, "memory": "1Gi"}}).accelerators == ()
