from typing import Any

import pytest

from jupyterhub_platform.core.compilation import compile_policy
from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.policy import Policy


def document(**sections: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "images": {"lab": {"reference": "example/lab:1"}},
        "tiers": {"small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}},
        **sections,
    }


def with_tier(**keys: Any) -> Policy:
    return compile_policy(document(tiers={"small": {"images": ["lab"], **keys}}))


def test_limits_that_are_left_out_are_the_requests():
    tier = with_tier(requests={"cpu": 1, "memory": "1Gi"}, limits={"cpu": 2}).tiers["small"]
    assert dict(tier.limits) == {"cpu": 2000, "memory": 2**30}


def test_requests_that_are_left_out_are_the_limits():
    tier = with_tier(limits={"cpu": 2, "memory": "1Gi", "nvidia.com/gpu": 1}).tiers["small"]
    assert tier.requests == tier.limits
    assert dict(tier.requests) == {"cpu": 2000, "memory": 2**30, "nvidia.com/gpu": 1}


def test_an_amount_is_a_limit_unlimited_is_none_and_null_says_nothing():
    quota = {"cpu": "1500m", "memory": "unlimited", "servers": None}
    assert compile_policy(document(quota=quota)).quota.quota == {"cpu": 1500, "memory": None}


def test_people_are_known_by_their_normal_names():
    policy = compile_policy(
        document(
            users={"Dev": {"level": "manager"}, "eve": None},
            groups={"vision": {"members": ["DEV", "eve"], "managers": ["dev"]}},
            defaults={"level": "viewer"},
        )
    )
    assert {name: person.level for name, person in policy.people.items()} == {
        "dev": Level.MANAGER,
        "eve": Level.VIEWER,
    }
    assert policy.groups["vision"].members == {"dev", "eve"}
    assert policy.groups["vision"].managers == {"dev"}


def test_what_has_no_title_is_called_by_its_name():
    policy = compile_policy(document(groups={"vision": {}}))
    assert policy.groups["vision"].title == "vision"
    assert policy.tiers["small"].title == "small"
    assert policy.images["lab"].title == "lab"


def test_a_tier_says_where_its_servers_run():
    tier = with_tier(
        requests={"cpu": 1, "memory": "1Gi"},
        node_selector={"pool": "gpu"},
        tolerations=[{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    ).tiers["small"]
    assert tier.node_selector == {"pool": "gpu"}
    assert tier.tolerations == ({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},)


def test_a_grant_that_has_ended_stays_valid():
    grant = {"user": "dev", "tier": "small", "by": "dev", "reason": "why"}
    grant |= {"until": "2001-01-01T00:00:00+02:00"}
    (compiled,) = compile_policy(document(users={"dev": {}}, grants=[grant])).grants
    assert compiled.until.isoformat() == "2001-01-01T00:00:00+02:00"
    assert compiled.path == "grants.0"


def test_a_quota_of_zero_is_a_refusal_on_purpose():
    policy = compile_policy(
        document(users={"dev": {"quota": {"servers": 0}}}, defaults={"tier": "small"})
    )
    assert policy.people["dev"].quota.quota == {"servers": 0}


@pytest.mark.parametrize("strange", [None, 5, "text", [], {1: 2}, {"version": object()}])
def test_anything_else_is_refused_with_faults(strange: object):
    with pytest.raises(PolicyError) as caught:
        compile_policy(strange)
    assert caught.value.faults
