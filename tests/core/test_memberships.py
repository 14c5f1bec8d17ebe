"""What policy declares and what people add on the Hub's own pages live side by side."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.core.memberships import (
    declared_memberships,
    list_declared,
    list_memberships,
    list_moved,
    list_refed,
    settle_memberships,
    share_sets,
)
from jupyterhub_platform.core.policy import Policy
from tests.support.policies import DOCUMENT, make_policy

POLICY = make_policy()


def groups(*names: str) -> frozenset[str]:
    return frozenset(names)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("eve", groups("vision", "level:user")),
        ("dev", groups("vision", "text", "level:developer")),
        ("mia", groups("vision", "level:manager")),
        ("lone", groups("level:user")),
        ("mallory", groups()),
    ],
)
def test_members_and_managers_are_in_their_groups_and_in_that_of_their_level(user, expected):
    assert declared_memberships(POLICY, user) == expected


def test_everybody_who_is_declared_is_listed():
    listed = list_declared(POLICY)
    assert listed.keys() == POLICY.people.keys()
    assert listed["dev"] == groups("vision", "text", "level:developer")


def test_equal_sets_of_many_users_are_one_object():
    one, other = frozenset({"a", "b"}), frozenset({"b", "a"})
    shared = share_sets([("kim", one), ("lee", other), ("pat", frozenset())])
    assert shared == {"kim": one, "lee": one, "pat": frozenset()}
    assert shared["lee"] is one


@pytest.mark.parametrize(
    ("user", "current", "applied", "expected"),
    [
        ("eve", (), (), ("vision", "level:user")),
        # Added on the Hub's own pages: stays.
        ("eve", ("text", "book-club"), (), ("vision", "level:user", "text", "book-club")),
        # Removed there, and declared: comes back.
        ("eve", (), ("vision", "level:user"), ("vision", "level:user")),
        # No longer declared: goes.
        ("eve", ("vision", "text"), ("vision", "text"), ("vision", "level:user")),
        # A level comes from the policy alone.
        ("eve", ("level:admin",), (), ("vision", "level:user")),
        ("eve", ("level:admin", "level:user"), ("level:user",), ("vision", "level:user")),
        ("eve", ("level:developer",), ("level:developer",), ("vision", "level:user")),
        ("eve", ("level:nosuch",), (), ("vision", "level:user")),
        # Dropped from the file: nothing declared is left, additions are.
        ("mallory", ("vision", "level:user"), ("vision", "level:user"), ()),
        ("mallory", ("vision", "text", "level:user"), ("vision", "level:user"), ("text",)),
        ("mallory", ("level:admin",), (), ()),
    ],
)
def test_memberships_are_settled(user, current, applied, expected):
    settled = settle_memberships(POLICY, user, frozenset(current), frozenset(applied))
    assert settled == frozenset(expected)


LEVELS = ("level:admin", "level:user", "level:developer", "level:x")
SETS = st.frozensets(st.sampled_from(["vision", "text", "book-club", *LEVELS]))


@given(st.sampled_from([*POLICY.people, "mallory"]), SETS, SETS)
def test_settling_keeps_its_rules(user, current, applied):
    settled = settle_memberships(POLICY, user, current, applied)
    declared = declared_memberships(POLICY, user)
    assert declared <= settled
    assert {group for group in settled if group.startswith("level:")} == {
        group for group in declared if group.startswith("level:")
    }
    by_others = {group for group in current - applied if not group.startswith("level:")}
    assert settled - declared == by_others - declared
    # Settled once is settled for good.
    assert settle_memberships(POLICY, user, settled, declared) == settled


@given(st.sampled_from([*POLICY.people, "mallory"]), SETS, SETS)
def test_levels_alone_can_be_settled(user, current, applied):
    settled = settle_memberships(POLICY, user, current, applied, levels_only=True)
    assert {group for group in settled if not is_level_group(group)} == {
        group for group in current if not is_level_group(group)
    }
    assert {group for group in settled if is_level_group(group)} == {
        group for group in declared_memberships(POLICY, user) if is_level_group(group)
    }


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({}, set()),
        ({"users": {**DOCUMENT["users"], "new": {}}}, {"new"}),
        ({"users": {**DOCUMENT["users"], "lone": {"level": "viewer"}}}, {"lone"}),
        ({"users": {**DOCUMENT["users"], "lone": {"title": "Lone"}}}, set()),
        ({"groups": {**DOCUMENT["groups"], "new": {"members": ["lone", "eve"]}}}, {"lone", "eve"}),
        (
            {"groups": {**DOCUMENT["groups"], "vision": {"members": ["dev", "lone"]}}},
            {"eve", "vic", "aud", "lone"},
        ),
    ],
)
def test_those_move_whose_level_or_groups_change(change, moved) -> None:
    after = make_policy({**DOCUMENT, **change})
    before = make_policy(DOCUMENT)
    assert list_moved(before, after) == moved == list_moved(after, before)


def test_groups_that_are_the_same_move_nobody() -> None:
    renamed = replace(POLICY, name="Renamed")
    assert POLICY.groups
    assert list_moved(POLICY, renamed) == frozenset()


GROUPS = {
    "vision": {"members": ["dev"], "from": ["org:vision", "/projects/vision", "vision"]},
    "text": {"from": ["org:text"]},
    "music": {},
}


def fed(**groups: dict[str, Any]) -> Policy:
    return compile_policy(
        {
            "version": 1,
            "users": {"root": {"level": "admin"}, "dev": {}},
            "groups": {**GROUPS, **groups},
            "images": {"lab": {"reference": "example/lab:1"}},
            "tiers": {"small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}},
        }
    )


def test_what_gives_each_membership_is_told():
    current = frozenset({"vision", "org:vision", "/projects/vision", "org:text", "music", "other"})
    found = {each.group: each for each in list_memberships(fed(), "dev", current)}
    assert found.keys() == {"vision", "text", "music"}
    assert found["vision"].path == "groups.vision.members"
    assert found["vision"].provided_by == ("org:vision", "/projects/vision")
    both = "groups.vision.members and the identity provider, by “org:vision”, “/projects/vision”"
    assert found["vision"].say() == both
    assert found["text"].say() == "the identity provider, by “org:text”"
    assert found["music"].say() == "added in the Hub"


def test_what_feeds_groups_otherwise_is_found():
    assert list_refed(fed(), fed()) == ({}, frozenset())
    lost, named = list_refed(fed(), fed(text={"from": ["org:new"]}, music={"from": ["org:text"]}))
    assert lost == {"text": {"org:text"}}
    assert named == {"org:text", "org:new"}
    lost, named = list_refed(fed(extra={"from": ["x:y"]}), fed())
    assert (lost, named) == ({"extra": frozenset({"x:y"})}, frozenset({"x:y"}))
    assert list_refed(fed(), fed(extra={"from": ["x:y"]})) == ({}, frozenset({"x:y"}))
