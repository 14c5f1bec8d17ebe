"""A manager changes what is theirs, and gives nobody more than they and their group hold."""

from collections.abc import Mapping
from typing import Any

import pytest

from jupyterhub_platform.core.delegation import (
    why_not_member,
    why_not_put,
    why_not_retire,
    why_not_touch,
)
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject, Sources
from tests.support.policies import NOW

FILE: Mapping[str, Any] = {
    "version": 1,
    "quota": {"cpu": 100},
    "defaults": {"tier": "small", "member_quota": {"servers": 2}},
    "users": {
        "root": {"level": "admin"},
        "boss": {"level": "manager"},
        "peer": {"level": "manager"},
        "ops": {"level": "operator"},
        "dev": {"level": "developer", "quota": {"servers": 3}},
        "both": {"level": "developer"},
        "heir": {"level": "developer"},
        "once": {"level": "developer"},
        "free": {"level": "user"},
    },
    "groups": {
        "vision": {
            "members": ["dev", "both", "ops", "heir", "once"],
            "managers": ["boss"],
            "quota": {"servers": 4, "cpu": 8},
        },
        "text": {"members": ["both"], "managers": ["peer"], "quota": {"servers": 4}},
    },
    "images": {"lab": {"reference": "lab:1"}},
    "tiers": {
        "small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]},
        "gpu": {
            "requests": {"cpu": 1, "memory": "1Gi", "nvidia.com/gpu": 1},
            "images": ["lab"],
            "access": {"levels": ["manager"]},
        },
        "secret": {
            "requests": {"cpu": 1, "memory": "1Gi"},
            "images": ["lab"],
            "access": {"groups": ["text"]},
        },
    },
    "grants": [
        {
            "user": "boss",
            "account": "vision",
            "tier": "secret",
            "until": "2026-06-01T00:00:00Z",
            "by": "root",
            "reason": "a trial",
        },
        {
            "user": "heir",
            "level": "operator",
            "from": "2026-06-01T00:00:00Z",
            "until": "2026-07-01T00:00:00Z",
            "by": "root",
            "reason": "a holiday",
        },
        {
            "user": "once",
            "level": "operator",
            "until": "2020-07-01T00:00:00Z",
            "by": "root",
            "reason": "a holiday that is over",
        },
    ],
}
SOURCES = Sources(FILE)
POLICY = SOURCES.unite(NOW)
GIFT = {
    "user": "dev",
    "account": "vision",
    "until": "2026-05-01T00:00:00Z",
    "by": "boss",
    "reason": "paper",
}
PERSON = {"level": "developer"}


def put(
    kind: Kind,
    name: str,
    document: Mapping[str, Any],
    *,
    before: Mapping[str, Any] | None = None,
    groups: tuple[str, ...] = (),
    by: str = "boss",
) -> str:
    """Say why ``by`` may not have it so."""
    key, sources = Key(kind, name), SOURCES
    if before is not None:
        sources = Sources(FILE, {key: ManagedObject(key, before, 1, "root", NOW)})
    policy = sources.unite(NOW)
    new = ManagedObject(key, document, 2, by, NOW)
    _, after = sources.put(policy, new, NOW)
    return why_not_put(policy, after, by, key, (before, document), groups, NOW)


def touch(kind: Kind, name: str, *memberships: str) -> str:
    return why_not_touch(POLICY, "boss", Key(kind, name), frozenset(memberships), NOW)


def assert_says(said: str, why_not: str) -> None:
    """Hold a sentence to begin as expected, and to be empty where nothing is refused."""
    assert said.startswith(why_not)
    assert bool(said) is bool(why_not), said


@pytest.mark.parametrize(
    ("kind", "name", "memberships", "why_not"),
    [
        (Kind.TIER, "small", (), "Only admins make, change and retire tiers."),
        (Kind.IMAGE, "new", (), "Only admins make, change and retire images."),
        (Kind.GROUP, "vision", (), ""),
        (Kind.GROUP, "text", (), "You are not in charge of a group text"),
        (Kind.GROUP, "new", (), "You are not in charge of a group new"),
        (Kind.USER, "dev", (), ""),
        (Kind.USER, "new", (), ""),
        (Kind.USER, "boss", (), "You cannot change your own level"),
        (Kind.USER, "free", (), "You are not in charge of a user free"),
        (Kind.USER, "peer", (), "You are not in charge of a user peer"),
        (Kind.USER, "ops", (), "ops is operator on this platform"),
        (Kind.USER, "heir", (), "heir is to be operator on this platform"),
        (Kind.USER, "once", (), ""),
        (Kind.USER, "both", (), "both is also in groups that are not yours"),
        (Kind.USER, "dev", ("text",), "dev is also in groups that are not yours"),
        (Kind.USER, "dev", ("level:developer",), ""),
        (Kind.GRANT, "none", (), ""),
        (Kind.GRANT, "0", (), ""),
    ],
)
def test_a_manager_touches_what_is_in_their_groups_alone(kind, name, memberships, why_not) -> None:
    said = touch(kind, name, *memberships)
    assert_says(said, why_not)


def test_a_grant_of_another_group_is_not_theirs_to_end() -> None:
    key = Key(Kind.GRANT, "0")
    assert why_not_touch(POLICY, "peer", key, frozenset(), NOW).startswith("You may grant")


@pytest.mark.parametrize(
    ("document", "groups", "why_not"),
    [
        (PERSON, ("vision",), ""),
        ({"level": "viewer", "title": "New"}, ("vision",), ""),
        ({"level": "manager"}, ("vision",), "You may give the levels viewer, user, developer."),
        ({"level": "auditor"}, ("vision",), "You may give the levels viewer, user, developer."),
        (PERSON, (), "Say which of your groups the new user joins."),
        (PERSON, ("vision", "text"), "You are not in charge of a group text"),
        ({**PERSON, "groups": ["vision"]}, (), ""),
        ({**PERSON, "groups": ["vision", "text"]}, (), "You are not in charge of a group text"),
        ({**PERSON, "groups": ["text"]}, ("vision",), "You are not in charge of a group text"),
        ({**PERSON, "account": "vision"}, ("vision",), ""),
        ({**PERSON, "account": "text"}, ("vision",), "You are not in charge of a group text"),
        ({**PERSON, "quota": {"cpu": 64}}, ("vision",), "You may change the title and the level"),
        (
            {**PERSON, "suspended": {"reason": "x"}},
            ("vision",),
            "You may change the title and the level",
        ),
    ],
)
def test_a_new_user_has_a_low_level_and_joins_a_group_of_the_manager(
    document, groups, why_not
) -> None:
    said = put(Kind.USER, "new", document, groups=groups)
    assert_says(said, why_not)


def test_a_user_of_theirs_gets_another_level_and_keeps_their_quota() -> None:
    before = {"level": "user", "quota": {"servers": 3}}
    assert put(Kind.USER, "new", {**before, "level": "developer"}, before=before) == ""
    assert put(Kind.USER, "new", {"level": "developer"}, before=before).startswith("You may change")


def test_a_manager_changes_nothing_of_a_group_but_its_members() -> None:
    before = {"members": ["dev"], "managers": ["boss"], "quota": {"servers": 2}}
    assert put(Kind.GROUP, "new", {**before, "members": ["dev", "free"]}, before=before) == ""
    assert (
        put(Kind.GROUP, "new", {k: before[k] for k in ("managers", "quota")}, before=before) == ""
    )
    more_of_it = ({"quota": {"servers": 9}}, {"managers": ["boss", "peer"]}, {"title": "Mine"})
    for more in (*more_of_it, {"from": ["org:team"]}, {"default": True}):
        said = put(Kind.GROUP, "new", {**before, **more}, before=before)
        assert said.startswith("You may change the members of your group.")


@pytest.mark.parametrize(
    ("changes", "why_not"),
    [
        ({"add": {"servers": 2}}, ""),
        ({"add": {"servers": 3}}, "With this grant dev alone could hold 5 servers, and vision as"),
        ({"add": {"memory": "1Ti"}}, ""),
        ({"add": {"nvidia.com/gpu": 1}}, "With this grant dev alone could hold 1 GPU"),
        ({"tier": "gpu"}, ""),
        ({"tier": "secret"}, ""),
        ({"tier": "secret", "until": "2026-06-01T00:00:01Z"}, "You may not start secret in vision"),
        ({"tier": "gpu", "user": "boss"}, "You cannot grant something to yourself"),
        ({"tier": "gpu", "by": "root"}, "A grant names who made it: write by: boss"),
        ({"tier": "gpu", "account": None}, "You may grant something to one member"),
        ({"tier": "gpu", "user": "both", "account": "text"}, "You may grant something to one"),
        (
            {"tier": "gpu", "user": None, "account": None, "group": "vision"},
            "You may grant something to one member",
        ),
    ],
)
def test_a_grant_stays_within_what_the_manager_and_the_group_hold(changes, why_not) -> None:
    document = {k: v for k, v in {**GIFT, **changes}.items() if v is not None}
    said = put(Kind.GRANT, "new", document)
    assert_says(said, why_not)


def test_a_grant_that_begins_later_is_measured_by_what_holds_then() -> None:
    late = {
        **GIFT,
        "tier": "secret",
        "from": "2026-06-02T00:00:00Z",
        "until": "2026-07-01T00:00:00Z",
    }
    assert put(Kind.GRANT, "new", late).startswith("You may not start secret in vision yourself")


def test_members_are_added_by_those_in_charge() -> None:
    assert why_not_member(POLICY, "boss", "vision") == ""
    assert why_not_member(POLICY, "boss", "text") == why_not_member(POLICY, "boss", "none").replace(
        "none", "text"
    )


def grants_of(*grants: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the file with more grants of an admin."""
    made = [{**GIFT, "by": "root", **each} for each in grants]
    return {**FILE, "grants": [*FILE["grants"], *made]}


def give(file: Mapping[str, Any], **changes: Any) -> str:
    """Say why boss may not grant something beside what that file grants."""
    sources, key, document = Sources(file), Key(Kind.GRANT, "new"), {**GIFT, **changes}
    policy = sources.unite(NOW)
    _, after = sources.put(policy, ManagedObject(key, document, 1, "boss", NOW), NOW)
    return why_not_put(policy, after, "boss", key, (None, document), (), NOW)


def test_a_grant_is_measured_at_each_time_at_which_another_begins_or_ends() -> None:
    middle = {"from": "2026-04-10T00:00:00Z", "until": "2026-04-12T00:00:00Z"}
    assert give(grants_of(middle | {"add": {"servers": 1}}), add={"servers": 1}) == ""
    said = give(grants_of(middle | {"add": {"servers": 1}}), add={"servers": 2})
    assert said.startswith("With this grant dev alone could hold 5 servers")
    # The group has more for a while, and the member would have it for longer.
    group = {"user": None, "account": None, "group": "vision", "add": {"servers": 2}}
    for_while = {k: v for k, v in (GIFT | group).items() if v is not None}
    while_it_lasts = {"from": "2026-04-02T00:00:00Z", "until": "2026-04-20T00:00:00Z"}
    ends = {"until": "2026-04-03T00:00:00Z", "from": "2026-04-02T12:00:00Z"}
    file = {**FILE, "grants": [*FILE["grants"], for_while | while_it_lasts | {"by": "root"}]}
    assert give(file, add={"servers": 4}, **ends) == ""
    assert "alone could hold 6 servers" in give(
        file, add={"servers": 4}, **(ends | {"until": "2026-04-25T00:00:00Z"})
    )


def test_a_tier_that_the_manager_may_not_start_for_a_while_is_not_granted_across_it() -> None:
    own = {"user": "boss", "tier": "secret"}
    later = {"from": "2026-06-10T00:00:00Z", "until": "2026-07-01T00:00:00Z"}
    gap = give(grants_of(own | later), tier="secret", until="2026-06-20T00:00:00Z")
    assert gap.startswith("You may not start secret in vision")
    whole = later | {"from": "2026-06-01T00:00:00Z"}
    assert give(grants_of(own | whole), tier="secret", until="2026-06-20T00:00:00Z") == ""


@pytest.mark.parametrize(
    ("name", "said", "is_suspended", "why_not"),
    [
        ("both", {}, False, ""),
        ("new", {}, False, ""),
        ("both", {}, True, "both is suspended."),
        ("both", {"suspended": {"reason": "lost"}}, False, "both is suspended."),
        ("both", {"quota": {"servers": 0}}, False, "both has limits that an admin set."),
    ],
)
def test_a_manager_retires_no_user_of_whom_an_admin_said_something(
    name: str, said: Mapping[str, Any], is_suspended: bool, why_not: str
) -> None:
    users = {**FILE["users"], "both": {"level": "developer", **said}}
    policy = Sources({**FILE, "users": users}).unite(NOW)
    key = Key(Kind.USER, name)
    assert_says(why_not_retire(policy, key, is_suspended=is_suspended), why_not)


def test_a_manager_retires_no_user_with_a_limit_in_a_group_and_no_group() -> None:
    vision = {**FILE["groups"]["vision"], "users": {"both": {"servers": 1}}}
    policy = Sources({**FILE, "groups": {**FILE["groups"], "vision": vision}}).unite(NOW)
    limited, group = Key(Kind.USER, "both"), Key(Kind.GROUP, "vision")
    assert why_not_retire(policy, limited, is_suspended=False).startswith("both has limits")
    assert why_not_retire(policy, group, is_suspended=False).startswith("Only admins make and")
    assert why_not_retire(policy, Key(Kind.GRANT, "0"), is_suspended=False) == ""
