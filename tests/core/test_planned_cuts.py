"""What a new policy gives considerably less of."""

from collections.abc import Mapping
from typing import Any

import pytest

from jupyterhub_platform.core.planned_cuts import list_cuts
from tests.support.policies import GPU, make_policy

Change = Mapping[str, Any]


def said(before: Change, after: Change) -> list[str]:
    return [each.sentence for each in list_cuts(make_policy(before), make_policy(after))]


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (lambda quota: {"quota": quota}, "quota"),
        (lambda quota: {"defaults": {"user_quota": quota}}, "defaults.user_quota"),
        (lambda quota: {"defaults": {"group_quota": quota}}, "defaults.group_quota"),
        (lambda quota: {"defaults": {"member_quota": quota}}, "defaults.member_quota"),
        (lambda quota: {"groups": {"vision": {"quota": quota}}}, "groups.vision.quota"),
        (
            lambda quota: {"groups": {"vision": {"member_quota": quota}}},
            "groups.vision.member_quota",
        ),
        (lambda quota: {"users": {"eve": {"quota": quota}}}, "users.eve.quota"),
    ],
)
def test_every_quota_is_compared(place: Any, path: str) -> None:
    assert said(place({"cpu": 10}), place({"cpu": 8})) == [
        f"{path} is cut by 20 %: 10 CPU to 8 CPU"
    ]
    assert said(place({"cpu": 10}), place({"cpu": 9})) == []
    assert said(place({"cpu": 10}), place({"cpu": 11})) == []
    assert said({}, place({"cpu": 8})) == [f"{path} sets a limit where there was none: 8 CPU"]
    assert said(place({"cpu": 8}), {}) == []


def test_an_accelerator_that_no_rule_gives_any_more_is_cut() -> None:
    some = {"groups": {"vision": {"quota": {GPU: 2, "cpu": 9}}}}
    assert said(some, {"groups": {"vision": {"quota": {"cpu": 9}}}}) == [
        "groups.vision.quota is cut by 100 %: 2 GPU to 0 GPU"
    ]
    assert said({}, some) == ["groups.vision.quota sets a limit where there was none: 9 CPU"]


def test_a_rule_of_a_group_is_compared_with_the_default_that_it_replaces() -> None:
    default = {"defaults": {"group_quota": {"cpu": 10}}}
    own = {"groups": {"vision": {"quota": {"cpu": 5}}}}
    assert said(default, {**default, **own}) == [
        "groups.vision.quota is cut by 50 %: 10 CPU to 5 CPU"
    ]


def test_amounts_of_a_tier_are_compared_in_each_size() -> None:
    small = {"tiers": {"small": {"requests": {"cpu": "250m"}, "limits": {"memory": "4Gi"}}}}
    assert said({}, small) == ["tiers.small.requests is cut by 50 %: 0.5 CPU to 0.25 CPU"]
    sizes: dict[str, Any] = {"one": {"requests": {"cpu": 2, "memory": "2Gi"}}}
    new = {"two": {"requests": {"cpu": 1, "memory": "1Gi"}}}
    less = {"one": {"requests": {"cpu": 1, "memory": "2Gi"}}}
    assert said(
        {"tiers": {"small": {"sizes": sizes}}}, {"tiers": {"small": {"sizes": less | new}}}
    ) == ["tiers.small.sizes.one.requests is cut by 50 %: 2 CPU to 1 CPU"]


def test_limits_of_a_tier_are_compared_for_themselves() -> None:
    wide = {"tiers": {"small": {"limits": {"cpu": 4}}}}
    narrow = {"tiers": {"small": {"limits": {"cpu": 2}}}}
    assert said(wide, narrow) == ["tiers.small.limits is cut by 50 %: 4 CPU to 2 CPU"]
