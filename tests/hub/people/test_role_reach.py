"""Power over other people's servers: held to whom its bearer is not below, at each use."""

from collections.abc import Iterator
from typing import Any

import pytest
from jupyterhub import orm, roles, scopes

from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.hub.people.refused_roles import OF_SERVERS, find_refused, take_away
from jupyterhub_platform.hub.people.role_reach import POWER_OVER_SERVERS, narrow_scopes
from jupyterhub_platform.hub.upstream import scope_narrowing
from tests.support.policies import make_policy

POLICY = make_policy({"users": {"shared": {"level": "developer"}, "op": {"level": "operator"}}})
COURSE = {"course": ["eve", "vic", "dev"], "mixed": ["eve", "root", "mia", "stranger"]}


def reach(bearer: str, *given: str, policy: Policy = POLICY) -> set[str]:
    return set(narrow_scopes(given, bearer, policy, lambda group: COURSE[group]))


@pytest.mark.parametrize("scope", sorted(POWER_OVER_SERVERS))
@pytest.mark.parametrize(
    ("bearer", "target", "kept"),
    [
        ("dev", "shared", True),
        ("dev", "eve", True),
        ("dev", "unknown", True),
        ("eve", "shared", False),
        ("dev", "mia", False),
        ("dev", "root", False),
        ("mia", "shared", True),
        ("mia", "op", False),
        ("op", "mia", False),
        ("mia", "root", False),
        ("root", "root", True),
        ("root", "mia", True),
        ("eve", "eve", True),
        ("stranger", "vic", False),
        ("stranger", "stranger", True),
    ],
)
def test_a_bearer_reaches_whom_they_are_not_below(
    scope: str, bearer: str, target: str, kept: bool
) -> None:
    for filtered in (f"{scope}!user={target}", f"{scope}!server={target}/lab"):
        assert reach(bearer, filtered, "read:hub") == {"read:hub", *([filtered] * kept)}


def test_of_a_course_those_above_its_staff_are_left_out() -> None:
    assert reach("dev", "admin:servers!group=course") == {"admin:servers!group=course"}
    assert reach("dev", "admin:servers!group=mixed") == {
        "admin:servers!user=eve",
        "admin:servers!user=stranger",
    }
    assert reach("root", "admin:servers!group=mixed") == {"admin:servers!group=mixed"}
    assert reach("dev", "read:servers!group=mixed") == {"read:servers!group=mixed"}


def test_a_level_that_changes_counts_from_the_next_use_on() -> None:
    raised = make_policy({"users": {"shared": {"level": "manager"}}})
    filtered = "access:servers!user=shared"
    assert reach("dev", filtered) == {filtered}
    assert reach("dev", filtered, policy=raised) == set()


@pytest.fixture
def database() -> Iterator[Any]:
    session = orm.new_session_factory("sqlite:///:memory:")()
    roles.create_role(session, {"name": "user", "scopes": ["self"]})
    yield session
    session.close()


def test_a_hub_asks_the_limit_for_the_scopes_of_users_and_of_their_tokens(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "roles_to_expanded_scopes", roles.roles_to_expanded_scopes)
    monkeypatch.setattr(scope_narrowing, "_narrow", None)
    spec = {"name": "collab", "scopes": ["access:servers!user=shared"], "groups": ["vision"]}
    roles.create_role(database, spec)
    user, group = orm.User(name="eve"), orm.Group(name="vision")
    database.add_all([user, group, orm.OAuthClient(identifier="jupyterhub")])
    database.commit()
    roles.grant_role(database, group, "collab")
    user.groups.append(group)
    roles.grant_role(database, user, "user")
    token = orm.APIToken.find(database, user.new_api_token(scopes=["inherit"]))
    assert "access:servers!user=shared" in scopes.get_scopes_for(user)

    level = Level.USER

    def narrowed(row: Any, found: frozenset[str]) -> frozenset[str]:
        policy = make_policy({"users": {"shared": {"level": str(level)}}})
        return narrow_scopes(found, row.name, policy, lambda name: [])

    for _ in range(2):
        scope_narrowing.narrow_scopes_of_users(narrowed)
    assert "access:servers!user=shared" in scopes.get_scopes_for(user)
    level = Level.DEVELOPER
    assert "access:servers!user=shared" not in scopes.get_scopes_for(user)
    assert "access:servers!user=shared" not in scopes.get_scopes_for(token)
    assert "access:servers!user=eve" in scopes.get_scopes_for(user)


def test_what_is_refused_of_a_role_is_taken_and_the_rest_is_left(database: Any) -> None:
    specs: list[dict[str, Any]] = [
        {"name": "instructor", "scopes": ["admin:users", "admin-ui"], "groups": ["staff"]},
        {"name": "server", "scopes": ["inherit"]},
        {"name": "fine", "scopes": ["read:hub"], "groups": ["staff"]},
        {"name": "platform-viewer", "scopes": ["read:hub"], "groups": ["staff"]},
        {"name": "admin", "scopes": ["read:hub"], "groups": ["staff", "level:admin"]},
    ]
    groups = {name: orm.Group(name=name) for name in ("staff", "level:admin")}
    database.add_all(groups.values())
    for spec in specs:
        # What comes with JupyterHub's own roles is not changed by that.
        database.add(orm.Role(name=spec["name"], scopes=list(spec["scopes"])))
        database.commit()
        for group in spec.get("groups", ()):
            roles.grant_role(database, groups[group], spec["name"])
    refused = find_refused(specs)
    assert [each.name for each in refused] == ["instructor", "server", "platform-viewer", "admin"]
    take_away(database, [*refused])
    left = {role.name: list(role.scopes) for role in database.query(orm.Role)}
    assert left["instructor"] == ["admin-ui"]
    assert left["server"] == list(OF_SERVERS)
    assert left["fine"] == ["read:hub"]
    assert sorted(each.name for each in groups["staff"].roles) == ["fine", "instructor"]
    assert [each.name for each in groups["level:admin"].roles] == ["admin"]


def test_the_roles_that_nbgrader_documents_work_but_for_what_makes_admins() -> None:
    course = [
        {"name": "formgrade", "groups": ["staff"], "scopes": ["access:services!service=course"]},
        {
            "name": "nbgrader",
            "groups": ["students"],
            "scopes": ["list:services", "read:services!service=course"],
        },
        {"name": "staff", "groups": ["staff"], "scopes": ["admin:servers!group=students"]},
        {"name": "server", "scopes": ["inherit"]},
        {
            "name": "instructor",
            "groups": ["instructors"],
            "scopes": ["admin-ui", "admin:users", "admin:servers"],
        },
    ]
    server, instructor = find_refused(course)
    assert {"list:services", "read:services", "access:services"} <= set(OF_SERVERS)
    assert server.scopes == ("inherit",)
    assert instructor.scopes == ("admin:users", "admin:servers")
    assert "name whose servers: admin:servers!group=COURSE" in instructor.sentence
