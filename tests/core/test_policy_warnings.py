"""What is valid and probably a mistake is said, and what can be meant is not."""

from dataclasses import replace
from typing import Any

import pytest

from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.policy_warnings import find_warnings, list_warnings
from jupyterhub_platform.documents import parse_policy
from tests.support.policies import GPU, make_grant, make_policy

RULED = {"groups": {"vision": {"quota": {GPU: 1}}}}
"""Lets a user start the tier gpu."""


def warnings(*changes: Any) -> list[str]:
    return [f"{each.key}: {each.what}; {each.fix}" for each in find_warnings(make_policy(*changes))]


def small(**amounts: Any) -> dict[str, Any]:
    return {"tiers": {"small": {"requests": amounts, "limits": amounts}}}


def test_a_policy_that_can_be_meant_has_no_warning() -> None:
    assert warnings(RULED) == []


@pytest.mark.parametrize(
    ("amounts", "words"),
    [
        ({"cpu": "100m"}, "tiers.small.limits.cpu: JupyterLab takes about 30 s to start"),
        ({"cpu": "1u"}, "tiers.small.limits.cpu: JupyterLab takes about 3000 s"),
        ({"memory": "128Mi"}, "tiers.small.limits.memory: 128 MiB is less than JupyterLab alone"),
        (
            {"cpu": 512},
            "tiers.small.requests.cpu: 512 CPU is more than most nodes have; write 512m",
        ),
        (
            {"memory": "2Pi"},
            "tiers.small.requests.memory: 2097152 GiB is more than any node has; write it in Gi",
        ),
        ({"ephemeral-storage": "1Pi"}, "tiers.small.requests.ephemeral-storage: 1048576 GiB"),
    ],
)
def test_a_tier_of_a_size_that_is_hardly_meant_is_warned_about(amounts: Any, words: str) -> None:
    (said,) = warnings(RULED, small(**amounts))
    assert said.startswith(words)


def test_only_what_a_server_may_use_counts_for_its_start() -> None:
    tier = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": 1, "memory": "1Gi"}}
    assert warnings(RULED, {"tiers": {"small": tier}}) == []


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ({"max_lifetime": "1s"}, "tiers.small.max_lifetime: servers end 1 s after their start"),
        ({"idle_timeout": "1s"}, "tiers.small.idle_timeout: servers end after 1 s without use"),
        ({"idle_timeout": "59s"}, "tiers.small.idle_timeout: servers end after 59 s without use"),
        (
            {"idle_timeout": "9h", "max_lifetime": "8h"},
            "tiers.small.idle_timeout: no server is without use for 9 h: each ends 8 h after",
        ),
    ],
)
def test_times_that_are_hardly_meant_are_warned_about(times: dict[str, str], words: str) -> None:
    (said,) = warnings(RULED, {"tiers": {"small": times}})
    assert said.startswith(words)


@pytest.mark.parametrize(
    "times",
    [
        {"max_lifetime": "1m"},
        {"idle_timeout": "1m", "max_lifetime": "8h"},
        {"idle_timeout": "8h", "max_lifetime": "8h"},
    ],
)
def test_times_that_can_be_meant_have_no_warning(times: dict[str, str]) -> None:
    assert warnings(RULED, {"tiers": {"small": times}}) == []


LARGE = {"tiers": {"large": {"access": {"groups": ["vision"]}}}}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"groups": {"vision": {"member_quota": {"cpu": "1500m"}}}}, "groups.vision.member_quota"),
        ({"groups": {"vision": {"quota": {"cpu": "1500m"}}}}, "groups.vision.quota"),
        ({"defaults": {"user_quota": {"cpu": "1500m"}}}, "defaults.user_quota"),
        ({"defaults": {"member_quota": {"cpu": "1500m"}}}, "defaults.member_quota"),
    ],
)
def test_a_tier_that_none_of_its_users_can_start_is_warned_about(change: Any, path: str) -> None:
    (said,) = warnings(RULED, LARGE, change)
    assert said.startswith(
        "tiers.large.requests.cpu: no user who may use it can start it: it asks for 2 CPU, and "
        f"{path}.cpu allows 1.5 CPU; "
    )


@pytest.mark.parametrize(
    "change",
    [
        {"groups": {"vision": {"users": {"eve": {"cpu": 2}}}}},
        {"tiers": {"large": {"observe": True}}},
        {"grants": [make_grant(user="eve", add={"cpu": 1})]},
        {"tiers": {"large": {"access": {"groups": ["vision", "text"]}}}},
    ],
    ids=["one person may", "only observed", "a grant opens it", "another group may"],
)
def test_tier_that_one_user_can_start_has_no_warning(change: Any) -> None:
    quota = {"groups": {"vision": {"member_quota": {"cpu": "1500m"}}}}
    assert warnings(RULED, LARGE, quota, change) == []


def test_a_tier_of_people_who_start_nothing_is_warned_about() -> None:
    (said,) = warnings(RULED, {"tiers": {"large": {"access": {"users": ["vic"]}}}})
    assert said.startswith("tiers.large.access: no user whom the policy declares may use it; ")


def test_an_accelerator_that_no_rule_grants_is_warned_about() -> None:
    (said,) = warnings()
    assert "it asks for 1 GPU, and accelerators are denied unless a rule grants them" in said


def test_a_warning_has_its_line() -> None:
    text = """\
version: 1
users: {dev: {level: admin}}
groups: {vision: {members: [dev]}}
images: {lab: {reference: example/lab:1}}
tiers:
  small:
    images: [lab]
    requests:
      memory: 1Gi
      cpu: 100m
"""
    (said,) = list_warnings(parse_policy(text.encode(), "p.yaml").policy)
    assert said.startswith("p.yaml:6: warning: tiers.small.limits.cpu: JupyterLab takes about 30 s")


def test_a_tier_of_a_platform_without_people_yet_is_no_mistake() -> None:
    """Where an identity provider names them, the policy names no user."""
    policy = replace(make_policy({"groups": {"vision": {"quota": {GPU: 1}}}}), people={})
    assert not [each for each in find_warnings(policy) if each.key.endswith("access")]


def test_a_name_that_other_databases_cannot_keep_is_told() -> None:
    long, longer = "x" * 230, "\uae40" * 26
    told = find_warnings(compile_policy(people(long, longer)))
    assert [each.path for each in told] == [("users", longer)]
    assert "takes more than 230 characters in an address" in told[0].what


def test_nobody_declared_is_no_mistake_where_a_provider_says_who_is_in_a_group() -> None:
    document = people("kim")
    assert (
        "no user whom the policy declares may use it"
        in find_warnings(compile_policy(document))[0].what
    )
    document["groups"] = {"vision": {"from": ["org:team"]}}
    assert find_warnings(compile_policy(document)) == ()


def people(*names: str) -> dict[str, Any]:
    return {
        "version": 1,
        "users": {"root": {"level": "admin"}, **dict.fromkeys(names)},
        "groups": {"vision": {"members": [each for each in names if each != "kim"]}},
        "images": {"lab": {"reference": "example/lab:1"}},
        "tiers": {"small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}},
    }
