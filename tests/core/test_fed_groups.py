"""Names that identity providers give to groups, and the groups of the policy that these feed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.document.compile import EARLIEST, compile_policy
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.core.fed_groups import FedGroups
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject, Sources
from jupyterhub_platform.core.memberships import settle_memberships
from jupyterhub_platform.core.people import Group
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question import subject_of
from jupyterhub_platform.core.quotas import NO_RULE

NOBODY: frozenset[str] = frozenset()
PROVIDED = ("org:team", "/projects/vision", "course::1535590", "Special Users", "김")


def document(**groups: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": 1,
        "users": {"root": {"level": "admin"}},
        "groups": groups,
        "images": {"lab": {"reference": "example/lab:1"}},
        "tiers": {"small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}},
    }


def policy(**groups: dict[str, Any]) -> Policy:
    return compile_policy(document(**groups))


def faults_of(*provided: Any) -> list[Fault]:
    with pytest.raises(PolicyError) as caught:
        policy(vision={"from": list(provided)})
    return list(caught.value.faults)


def group(name: str, provided: tuple[str, ...]) -> Group:
    return Group(name, name, NOBODY, NOBODY, NO_RULE, NO_RULE, provided_by=provided)


def test_a_providers_group_feeds_the_group_that_names_it():
    found = policy(vision={"from": ["/projects/vision", "org:team"]}, other={})
    assert found.groups_fed_by(["org:team"]) == {"vision"}
    assert found.groups_fed_by(["/projects/vision", "org:team", "else"]) == {"vision"}
    assert found.groups_fed_by(["vision", "Org:Team", "/projects/vision/"]) == NOBODY
    assert found.groups_fed_by([]) == NOBODY


def test_a_providers_group_may_feed_several():
    found = policy(vision={"from": ["staff"]}, language={"from": ["staff", "linguists"]})
    assert found.groups_fed_by(["staff"]) == {"vision", "language"}


def test_a_fed_group_declares_no_member():
    found = policy(vision={"from": ["staff"]})
    assert found.groups["vision"].members == NOBODY
    assert found.groups["vision"].provided_by == ("staff",)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("", "is empty"),
        (" staff", "begins or ends with a space"),
        ("st\u200baff", "has characters that cannot be seen"),
        ("st\naff", "has characters that cannot be seen"),
        ("level:admin", "“level:admin” would be a level, which the policy alone gives"),
        ("LEVEL:admin", "“LEVEL:admin” would be a level, which the policy alone gives"),
        ("\uff4cevel:x", "“\uff4cevel:x” would be a level, which the policy alone gives"),
        ("x" * 256, "is too long"),
    ],
)
def test_what_no_provider_may_feed_is_refused(name: str, what: str):
    (fault,) = faults_of("staff", name)
    assert (fault.path, fault.what) == (("groups", "vision", "from", 1), what)


def test_no_group_feeds_another_of_the_policy():
    with pytest.raises(PolicyError) as caught:
        policy(vision={"from": ["vision", "staff"]}, staff={})
    (fault,) = caught.value.faults
    assert fault.path == ("groups", "vision", "from", 1)
    assert fault.what == "“staff” is a group of the policy, not one of an identity provider"


def test_a_managed_group_is_not_called_as_one_that_feeds_another():
    sources = Sources(document(vision={"from": ["staff"]}))
    new = ManagedObject(Key(Kind.GROUP, "staff"), {}, 1, "root", EARLIEST)
    with pytest.raises(PolicyError) as caught:
        sources.put(sources.unite(), new, EARLIEST)
    assert [fault.path for fault in caught.value.faults] == [("groups", "vision", "from", 0)]


def test_a_managed_group_is_fed_and_no_longer():
    sources = Sources(document(vision={"from": ["staff"]}))
    key, before = Key(Kind.GROUP, "language"), sources.unite()
    sources, after = sources.change(before, key, {"from": ["staff", "x:y"]}, "root", EARLIEST)
    assert after.groups_fed_by(["staff"]) == {"vision", "language"}
    sources, after = sources.change(after, key, {"from": ["x:y"]}, "root", EARLIEST)
    assert after.groups_fed_by(["staff"]) == {"vision"}
    assert after.groups_fed_by(["x:y"]) == {"language"}
    assert sources.retire(after, key, EARLIEST)[1].groups_fed_by(["x:y"]) == NOBODY


def test_whom_the_hub_has_in_a_group_that_feeds_another_may_charge_to_that():
    found = policy(vision={"from": ["/projects/vision"]}, language={})
    theirs = frozenset({"/projects/vision", "level:user"})
    assert subject_of(found, "kim", theirs, None).accounts == ("vision",)
    assert settle_memberships(found, "kim", theirs, NOBODY) == {"/projects/vision", "vision"}
    settled = settle_memberships(found, "kim", theirs, NOBODY, levels_only=True)
    assert settled == {"/projects/vision"}


def test_a_name_that_comes_twice_is_refused():
    (fault,) = faults_of("staff", "Staff", "staff")
    assert (fault.path, fault.what) == (("groups", "vision", "from", 2), "“staff” is named twice")


GROUPS = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.sampled_from(PROVIDED), unique=True).map(tuple)
)


@given(GROUPS, GROUPS)
def test_a_change_ends_where_a_new_index_begins(
    before: dict[str, tuple[str, ...]], after: dict[str, tuple[str, ...]]
):
    was = {name: group(name, provided) for name, provided in before.items()}
    now = {name: group(name, provided) for name, provided in after.items()}
    followed = FedGroups.of(before.items()).follow(was, now, was.keys() | now.keys())
    assert dict(followed.fed_by) == dict(FedGroups.of(after.items()).fed_by)
