"""What is managed in the Hub is checked as what the file says, and becomes one policy with it."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject, Sources
from jupyterhub_platform.core.policy import Policy
from tests.support.policies import DOCUMENT, NOW, make_policy

WHY = {"until": "2030-01-31T18:00:00Z", "by": "mia", "reason": "paper"}
AT = datetime(2026, 3, 1, tzinfo=UTC)
DECLARED: Mapping[str, Any] = {
    "version": 1,
    **DOCUMENT,
    "quota": {"cpu": 8},
    "defaults": {"tier": "small", "member_quota": {"servers": 2}},
}


def managed(kind: Kind, name: str, document: Mapping[str, Any]) -> ManagedObject:
    return ManagedObject(Key(kind, name), document, 1, "root", AT)


def united(sources: Sources) -> Policy:
    return sources.unite(NOW)


def put(sources: Sources, *objects: ManagedObject) -> tuple[Sources, Policy]:
    policy = united(sources)
    for each in objects:
        sources, policy = sources.put(policy, each, NOW)
    return sources, policy


def faults_of(sources: Sources, new: ManagedObject) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        sources.put(united(sources), new, NOW)
    return [str(each) for each in refused.value.faults]


SOURCES = Sources(DECLARED)


def test_the_file_alone_is_the_policy_when_nothing_else_is_said() -> None:
    assert united(SOURCES) == make_policy(DECLARED)


def test_a_managed_tier_is_as_one_of_the_file() -> None:
    tier = {
        "requests": {"cpu": 1, "memory": "1Gi"},
        "images": ["sci"],
        "access": {"groups": ["text"]},
    }
    _, policy = put(SOURCES, managed(Kind.TIER, "text-only", tier))
    declared = copy.deepcopy(dict(DECLARED))
    declared["tiers"] = {**declared["tiers"], "text-only": tier}
    assert policy == united(Sources(declared))


LEVEL: dict[str, Any] = {"user": "eve", "level": "admin", **WHY}


def test_a_grant_gives_a_level_and_takes_it_back() -> None:
    sources, policy = put(SOURCES, managed(Kind.GRANT, "g", LEVEL))
    eve = policy.people["eve"]
    assert (eve.level, eve.own_level) == ("admin", united(SOURCES).people["eve"].level)
    assert "eve" in policy.admins()
    assert "eve" not in (*policy.own_admins(), *policy.admins_let_in({}, NOW))
    assert policy == united(sources)
    assert policy.with_levels(NOW) is policy
    end = datetime(2030, 1, 31, 18, tzinfo=UTC)
    after = policy.with_levels(end)
    assert (after.people, after.admins()) == (united(SOURCES).people, united(SOURCES).admins())
    assert after.with_levels(end) is after
    again = after.with_levels(NOW)
    assert (again.people, again.admins()) == (policy.people, policy.admins())
    _, retired = sources.retire(policy, Key(Kind.GRANT, "g"), NOW)
    assert retired == united(SOURCES)


def test_a_change_of_a_user_keeps_the_level_that_a_grant_gives() -> None:
    new = managed(Kind.USER, "new", {"level": "user"})
    lent = managed(Kind.GRANT, "g", LEVEL | {"user": "new", "level": "operator"})
    sources, policy = put(SOURCES, new, lent)
    sources, policy = sources.put(
        policy, managed(Kind.USER, "new", {"level": "viewer", "title": "New"}), NOW
    )
    new_is = policy.people["new"]
    assert (new_is.level, new_is.own_level, new_is.title) == ("operator", "viewer", "New")
    _, policy = sources.put(policy, managed(Kind.USER, "new", {"level": "admin"}), NOW)
    assert (policy.people["new"].level, policy.people["new"].without_grant) == ("admin", None)


def test_of_two_levels_the_higher_one_counts_and_an_admin_stays_one() -> None:
    admin = united(SOURCES).admins()[0]
    _, policy = put(
        SOURCES,
        managed(Kind.GRANT, "a", LEVEL | {"level": "viewer"}),
        managed(Kind.GRANT, "b", LEVEL | {"level": "operator"}),
        managed(Kind.GRANT, "c", LEVEL | {"level": "viewer", "user": admin}),
    )
    assert (policy.people["eve"].level, policy.people[admin].level) == ("operator", "admin")


def test_what_a_grant_gives_is_not_a_level_that_lasts() -> None:
    lent = managed(Kind.GRANT, "g", LEVEL | {"level": "manager"})
    sources, policy = put(SOURCES, lent)
    with pytest.raises(PolicyError, match="only manager and admin may manage groups"):
        sources.put(policy, managed(Kind.GROUP, "new", {"managers": ["eve"]}), NOW)


@pytest.mark.parametrize("more", [{"account": "vision"}, {"user": None, "group": "text"}])
def test_a_level_is_given_to_one_user_on_the_whole_platform(more: Mapping[str, Any]) -> None:
    said = {key: value for key, value in {**LEVEL, **more}.items() if value}
    assert any(
        "is of one person" in each for each in faults_of(SOURCES, managed(Kind.GRANT, "g", said))
    )


def test_a_group_gives_its_members_what_the_file_would() -> None:
    group = {"members": ["Eve"], "managers": ["mia"], "users": {"eve": {"servers": 5}}}
    sources, policy = put(SOURCES, managed(Kind.GROUP, "new", group))
    assert policy.people["eve"].within["new"].quota == {"servers": 5}
    assert policy.declared_groups("eve") == {"vision", "new"}
    without = managed(Kind.GROUP, "new", {"members": ["eve"]})
    _, policy = sources.put(policy, without, NOW)
    assert policy.people["eve"].within == {}


def test_a_user_who_names_a_group_is_a_member_of_it() -> None:
    limits = managed(Kind.GROUP, "new", {"users": {"kim": {"servers": 5}}})
    sources, policy = put(SOURCES, managed(Kind.USER, "kim", {"groups": ["text", "vision"]}))
    assert policy.declared_groups("kim") == {"text", "vision"}
    assert policy.groups["text"].membership_path("kim") == "users.kim.groups"
    assert policy.groups["text"].membership_path("dev") == "groups.text.members"
    assert policy.groups["vision"].membership_path("mia") == "groups.vision.managers"
    assert faults_of(sources, limits)[0].startswith("groups.new.users.kim: “kim” is not in the")
    other = managed(Kind.USER, "kim", {"groups": ["text"], "title": "Kim"})
    sources, policy = sources.put(policy, other, NOW)
    assert policy.declared_groups("kim") == {"text"}
    sources, policy = sources.retire(policy, other.key, NOW)
    assert policy == united(SOURCES)


def test_a_membership_on_which_something_rests_stays() -> None:
    kim = managed(Kind.USER, "kim", {"groups": ["new"]})
    group = managed(Kind.GROUP, "new", {})
    limited = replace(group, document={"users": {"kim": {"servers": 5}}})
    grant = managed(Kind.GRANT, "g1", {"user": "kim", "account": "new", "tier": "gpu", **WHY})
    for resting, fault in (
        (limited, "groups.new.users.kim: “kim” is not in the group new"),
        (grant, "grants.g1.account: “kim” is not in the group new"),
    ):
        sources, policy = put(SOURCES, group, kim, resting)
        assert policy.declared_groups("kim") == {"new"}
        assert fault in faults_of(sources, replace(kim, document={}))[0]
    sources, policy = put(SOURCES, group, kim)
    with pytest.raises(PolicyError) as refused:
        sources.retire(policy, group.key, NOW)
    assert "groups.new: is still named by users.kim" in str(refused.value)


@pytest.mark.parametrize(
    ("new", "fault"),
    [
        (
            managed(Kind.GROUP, "new", {"members": ["stranger"]}),
            "groups.new.members.0: “stranger” is not declared under users",
        ),
        (
            managed(Kind.GROUP, "new", {"managers": ["stranger"]}),
            "groups.new.managers.0: “stranger” is not declared under users",
        ),
        (
            managed(Kind.GROUP, "new", {"managers": ["eve"]}),
            "groups.new.managers.0: “eve” has the level user",
        ),
        (
            managed(
                Kind.TIER, "huge", {"requests": {"cpu": 64, "memory": "1Gi"}, "images": ["lab"]}
            ),
            "tiers.huge.requests.cpu: no user can ever start it: it asks for 64",
        ),
        (
            managed(Kind.GRANT, "g1", {"user": "eve", "account": "text", "tier": "gpu"}),
            "grants.g1.account: “eve” is not in the group text",
        ),
        (
            managed(Kind.USER, "mia", {"level": "user"}),
            "groups.vision.managers.0: “mia” has the level user",
        ),
        (
            managed(Kind.GROUP, "level:admin", {"members": ["eve"]}),
            "groups.level:admin: groups that begin with “level:” belong to the platform",
        ),
        (managed(Kind.IMAGE, "new", {}), "images.new.reference"),
        (
            managed(Kind.USER, "kim", {"groups": ["txt"]}),
            "users.kim.groups.0: “txt” is not declared under groups; did you mean “text”?",
        ),
        (
            managed(Kind.USER, "root", {"level": "admin", "groups": ["text"]}),
            "users.root.groups.0: groups.text.members names “root” too; remove one of the two",
        ),
        (
            managed(Kind.USER, "kim", {"groups": ["text", "text"]}),
            "users.kim.groups.1: “text” is named twice; remove one of the two",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else f"{value.key.kind} {value.key.name}",
)
def test_a_managed_object_is_checked_as_the_file_is(new: ManagedObject, fault: str) -> None:
    if new.key.kind is Kind.GRANT:
        new = replace(new, document={**new.document, **WHY})
    assert any(fault in each for each in faults_of(SOURCES, new)), faults_of(SOURCES, new)


def test_a_name_is_either_declared_or_managed() -> None:
    sources = Sources(DECLARED, {Key(Kind.TIER, "gpu"): managed(Kind.TIER, "gpu", {})})
    with pytest.raises(PolicyError) as refused:
        united(sources)
    assert [str(each) for each in refused.value.faults] == [
        (
            "tiers.gpu: “gpu” is managed in the Hub, where root changed it 01 Mar 2026 00:00 UTC; "
            "remove it here, or move it into the file with jhp adopt tier gpu"
        )
    ]


def test_object_that_is_still_named_is_not_retired() -> None:
    image = managed(Kind.IMAGE, "new", {"reference": "example/new:1"})
    tier = managed(Kind.TIER, "t", {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["new"]})
    sources, policy = put(SOURCES, image, tier)
    with pytest.raises(PolicyError) as refused:
        sources.retire(policy, image.key, NOW)
    assert str(refused.value.faults[0]) == (
        "images.new: is still named by tiers.t; change those first"
    )
    sources, policy = sources.retire(policy, tier.key, NOW)
    sources, policy = sources.retire(policy, image.key, NOW)
    assert policy == united(SOURCES)


def test_the_last_admin_is_not_retired() -> None:
    declared = copy.deepcopy(dict(DECLARED))
    del declared["users"]["root"]
    declared["groups"]["text"] = {"members": ["dev"]}
    sources = Sources(declared, {Key(Kind.USER, "boss"): managed(Kind.USER, "boss", ADMIN)})
    with pytest.raises(PolicyError) as refused:
        sources.retire(united(sources), Key(Kind.USER, "boss"), NOW)
    assert "could govern the platform" in str(refused.value)


def test_the_last_admin_stays_one() -> None:
    assert any("could govern the platform" in each for each in faults_of(SOURCES, PLAIN_ROOT))


def test_volumes_of_two_groups_do_not_meet() -> None:
    volume = {"volumes": [{"claim": "data", "mount": "/data"}]}
    sources, _ = put(SOURCES, managed(Kind.GROUP, "one", volume))
    (fault,) = faults_of(sources, managed(Kind.GROUP, "two", volume))
    assert "“/data” is where groups.one.volumes.0.mount is" in fault


def test_the_default_tier_is_compared_with_every_rule() -> None:
    small = {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}
    declared = copy.deepcopy(dict(DECLARED))
    del declared["tiers"]["small"]
    declared["groups"]["text"]["member_quota"] = {"cpu": 2}
    sources = Sources(declared, {Key(Kind.TIER, "small"): managed(Kind.TIER, "small", small)})
    large = managed(Kind.TIER, "small", {**small, "requests": {"cpu": 4, "memory": "1Gi"}})
    (fault,) = faults_of(sources, large)
    assert fault.startswith(
        "groups.text.member_quota.cpu: 2 is less than one server of the default"
    )


def test_a_change_counts_versions() -> None:
    key, policy = Key(Kind.GROUP, "new"), united(SOURCES)
    assert SOURCES.is_declared(Key(Kind.GROUP, "vision"))
    sources, policy = SOURCES.change(policy, key, {"title": "One"}, "root", NOW)
    sources, policy = sources.change(policy, key, {"title": "Two"}, "mia", NOW)
    assert sources.managed[key] == ManagedObject(key, {"title": "Two"}, 2, "mia", NOW)
    assert not sources.is_declared(key)
    sources, policy = sources.change(policy, key, None, "mia", NOW)
    assert policy == united(SOURCES)


def test_each_kind_is_made_and_retired() -> None:
    group = {"members": ["kim"], "users": {"kim": {"servers": 1}}}
    objects = (
        managed(Kind.USER, "kim", {}),
        managed(Kind.GROUP, "new", group),
        managed(Kind.IMAGE, "new", {"reference": "example/new:1"}),
        managed(Kind.TIER, "new", {"images": ["new"], "requests": {"cpu": 1, "memory": "1Gi"}}),
        managed(Kind.GRANT, "g1", {"user": "kim", "account": "new", "tier": "new", **WHY}),
    )
    sources, policy = put(SOURCES, *objects)
    assert policy.grants[-1].path == "grants.g1"
    for each in reversed(objects):
        sources, policy = sources.retire(policy, each.key, NOW)
    assert policy == united(SOURCES)


ADMIN = {"level": "admin"}
PLAIN_ROOT = managed(Kind.USER, "root", {"level": "user"})
NAMES = {
    Kind.USER: ["kim", "lee"],
    Kind.GROUP: ["audio", "video"],
    Kind.IMAGE: ["new", "newer"],
    Kind.TIER: ["a", "b"],
    Kind.GRANT: ["g1", "g2"],
}
USERS = st.lists(st.sampled_from(["eve", "mia", "kim", "lee"]), unique=True, max_size=3)
GROUPS = st.sampled_from(["vision", "text", "audio", "video"])
AMOUNTS = st.dictionaries(st.sampled_from(["cpu", "servers"]), st.sampled_from([0, 1, 9]))
DOCUMENTS = {
    Kind.USER: st.fixed_dictionaries(
        {},
        optional={
            "level": st.sampled_from(["user", "manager"]),
            "quota": AMOUNTS,
            "groups": st.lists(GROUPS, unique=True, max_size=2),
        },
    ),
    Kind.GROUP: st.fixed_dictionaries(
        {},
        optional={
            "members": USERS,
            "managers": USERS,
            "member_quota": AMOUNTS,
            "users": st.dictionaries(st.sampled_from(["eve", "kim"]), AMOUNTS, max_size=2),
        },
    ),
    Kind.IMAGE: st.fixed_dictionaries({"reference": st.just("example/new:1")}),
    Kind.TIER: st.fixed_dictionaries(
        {
            "images": st.lists(st.sampled_from(["lab", "new"]), unique=True, min_size=1),
            "requests": st.sampled_from([{"cpu": 1, "memory": "1Gi"}, {"cpu": 9, "memory": "1Gi"}]),
        },
        optional={
            "access": st.fixed_dictionaries(
                {}, optional={"users": USERS, "groups": st.lists(GROUPS, unique=True, max_size=2)}
            )
        },
    ),
    Kind.GRANT: st.one_of(
        st.fixed_dictionaries(
            {"user": st.sampled_from(["eve", "kim"])}, optional={"account": GROUPS}
        ),
        st.fixed_dictionaries({"group": GROUPS}),
    ).flatmap(
        lambda whom: st.sampled_from(["gpu", "a"]).map(lambda tier: {**whom, "tier": tier, **WHY})
    ),
}


def changes() -> st.SearchStrategy[tuple[Key, Mapping[str, Any] | None]]:
    """Objects to put, and objects to retire: those without a document."""
    return st.sampled_from(list(Kind)).flatmap(
        lambda kind: st.tuples(
            st.sampled_from(NAMES[kind]).map(lambda name: Key(kind, name)),
            st.none() | DOCUMENTS[kind],
        )
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(changes(), max_size=12))
@example([(Key(Kind.USER, "kim"), ADMIN), (Key(Kind.USER, "kim"), None)])
def test_a_change_alone_is_judged_as_the_whole_would_be(
    changes: list[tuple[Key, Mapping[str, Any] | None]],
) -> None:
    sources, policy = SOURCES, united(SOURCES)
    for key, document in changes:
        if document is None and key not in sources.managed:
            continue
        left = {other: each for other, each in sources.managed.items() if other != key}
        if document is not None:
            left[key] = managed(key.kind, key.name, document)
        try:
            expected = united(Sources(DECLARED, left))
        except PolicyError:
            with pytest.raises(PolicyError):
                _change(sources, policy, key, document)
            continue
        sources, policy = _change(sources, policy, key, document)
        event(f"{key.kind} {'retired' if document is None else 'put'}")
        assert _in_order(policy) == _in_order(expected)
        # The index follows each change: it equals one that is made from the whole policy.
        assert policy._index == replace(policy)._index


def _change(
    sources: Sources, policy: Policy, key: Key, document: Mapping[str, Any] | None
) -> tuple[Sources, Policy]:
    if document is None:
        return sources.retire(policy, key, NOW)
    return sources.put(policy, managed(key.kind, key.name, document), NOW)


def _in_order(policy: Policy) -> Policy:
    return replace(policy, grants=tuple(sorted(policy.grants, key=lambda grant: grant.path)))


def test_an_object_is_found_declared_or_managed() -> None:
    group = managed(Kind.GROUP, "new", {"members": ["eve"]})
    sources, _ = put(SOURCES, group)
    assert sources.find(group.key) == group.document
    assert sources.find(Key(Kind.GROUP, "vision")) == DECLARED["groups"]["vision"]
    assert sources.find(Key(Kind.USER, "none")) is None
    empty = Sources({**DECLARED, "users": {**DECLARED["users"], "new": None}})
    assert empty.find(Key(Kind.USER, "new")) == {}


def test_who_is_named_by_a_size_an_image_or_a_rule_is_not_retired() -> None:
    sizes = {"big": {"requests": {"cpu": 2}, "access": {"users": ["kim"]}}}
    tier = {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"], "sizes": sizes}
    rule = {"rules": [{"groups": ["new"], "users": ["kim"], "levels": ["user"]}]}
    image = {"pattern": "quay.io/acme/*", "access": rule}
    group, kim = managed(Kind.GROUP, "new", {}), managed(Kind.USER, "kim", {"groups": ["text"]})
    sources, policy = put(
        SOURCES, group, kim, managed(Kind.TIER, "t", tier), managed(Kind.IMAGE, "own", image)
    )
    assert policy == united(sources)
    for key, naming in ((kim.key, "images.own and tiers.t"), (group.key, "images.own")):
        with pytest.raises(PolicyError) as refused:
            sources.retire(policy, key, NOW)
        assert f"is still named by {naming}" in str(refused.value).replace(", ", " and ")


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"reference": "x:1", "access": {"users": ["root"]}}, "none of the images of “t” is for"),
        ({"pattern": "quay.io/acme/*"}, "names patterns alone"),
    ],
)
def test_an_image_is_judged_with_the_tiers_that_start_it(
    document: Mapping[str, Any], fault: str
) -> None:
    tier = {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["own"]}
    declared = {**DECLARED, "tiers": {"t": tier}, "defaults": {"tier": "t"}}
    own = managed(Kind.IMAGE, "own", {"reference": "x:1"})
    sources = Sources(declared, {own.key: own})
    assert any(fault in each for each in faults_of(sources, replace(own, document=document)))


def test_an_image_of_an_init_container_stays_one_image() -> None:
    own = managed(Kind.IMAGE, "own", {"reference": "x:1"})
    initial = [{"name": "first", "image": "own", "command": ["ls"]}]
    tier = managed(
        Kind.TIER,
        "t",
        {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"], "init_containers": initial},
    )
    sources, policy = put(SOURCES, own, tier)
    assert policy == united(sources)
    pattern = replace(own, document={"pattern": "quay.io/acme/*"})
    assert "is a pattern, and this is one image" in faults_of(sources, pattern)[0]


def test_volumes_of_a_managed_tier_meet_no_other() -> None:
    volume = {"claim": "x", "mount": "/data"}
    tier = {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"], "volumes": [volume]}
    made = managed(Kind.TIER, "t", tier)
    sources, policy = put(SOURCES, made)
    assert policy == united(sources)
    group = managed(Kind.GROUP, "new", {"volumes": [volume]})
    assert "“/data” is where tiers.t.volumes.0.mount is" in faults_of(sources, group)[0]
