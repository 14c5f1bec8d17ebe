"""What an authenticator says, without what only the policy may say."""

from typing import Any

import pytest

from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.core.levels import Level, level_group
from jupyterhub_platform.hub.provided import (
    read_groups,
    read_managed_roles,
    read_roles_of_person,
)
from jupyterhub_platform.hub.roles import UNSAFE, level_roles, list_safe

LOOK_ALIKES = [
    "level:admin",
    "LEVEL:ADMIN",
    "Level:admin",
    " level:admin",
    "\tlevel:admin\n",
    "level :admin",
    "level:\u200badmin",
    "\u200blevel:admin",
    "le\u00advel:admin",
    "\uff4c\uff45\uff56\uff45\uff4c:admin",
    "level\uff1aadmin",
    "l\u00e9vel:admin",
    "le\u0301vel:admin",
    "level:",
    "level:admins",
    "level:\u0430dmin",
]
OTHERS = ["levels:admin", "level", "levels", "a-level:admin", "/level:admin", "org-x:hub-staff"]
CUSTOM = {
    "custom:site:x": {"description": "x"},
    "custom:site:boss": {"description": "x", "subscopes": ["custom:platform"]},
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_whatever_a_database_takes_for_a_level_is_one(name: str) -> None:
    assert is_level_group(name)
    assert read_groups(["vision", name], "kim") == {"vision"}


@pytest.mark.parametrize("name", OTHERS)
def test_groups_of_other_names_are_the_providers(name: str) -> None:
    assert not is_level_group(name)
    assert read_groups((name,), "kim") == {name}


@pytest.mark.parametrize("said", ["level:admin", "vision", 5, True, object()])
def test_what_is_no_list_of_groups_is_none(said: object) -> None:
    assert read_groups(said, "kim") == frozenset()


def test_what_is_no_name_of_a_group_is_none() -> None:
    assert read_groups([None, 5, "", ["level:admin"], b"vision", "vision"], "kim") == {"vision"}


@pytest.mark.parametrize("scope", [*UNSAFE, "tokens!user=root", "groups!group=vision"])
def test_scopes_of_admins_are_not_a_providers_to_give(scope: str) -> None:
    assert list_safe([scope, "read:hub"], CUSTOM) == ["read:hub"]


@pytest.mark.parametrize(
    "scope",
    ["custom:platform:self", "custom:platform:read", "custom:platform:*", "custom:site:boss"],
)
def test_nor_are_those_of_the_platform(scope: str) -> None:
    assert list_safe([scope, "custom:site:x"], CUSTOM) == ["custom:site:x"]


def test_harmless_scopes_are() -> None:
    scopes = ["read:hub", "shares!user", "access:servers!group=course", "custom:site:x"]
    assert list_safe(scopes, CUSTOM) == scopes


def managed(*roles: Any, of_the_site: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    return read_managed_roles(roles, of_the_site=of_the_site, custom_scopes=CUSTOM)


@pytest.mark.parametrize("role", level_roles(), ids=lambda role: role["name"])
def test_roles_of_the_levels_are_ours(role: dict[str, Any]) -> None:
    assert managed(role, {**role, "scopes": ["read:hub"]}, {"name": role["name"]}) == []


@pytest.mark.parametrize("name", ["admin", "user", "server", "token", "platform-command-line"])
def test_roles_of_the_hub_are_left_as_they_are(name: str) -> None:
    assert managed({"name": name, "users": ["kim"], "scopes": ["read:hub"]}) == []


def test_roles_of_the_configuration_are_left_as_they_are() -> None:
    role = {"name": "cull", "scopes": ["read:hub"]}
    assert managed(role, of_the_site=frozenset({"cull"})) == []
    assert managed(role) == [role]


def test_a_role_keeps_what_is_safe_of_it_and_goes_where_nothing_is() -> None:
    boss = {"name": "boss", "scopes": ["tokens", "read:hub"], "groups": ["vision", "Level:user"]}
    lord = {"name": "lord", "scopes": ["custom:platform"]}
    assert managed(boss, lord) == [{"name": "boss", "scopes": ["read:hub"], "groups": ["vision"]}]


@pytest.mark.parametrize(
    "role", [None, "admin", {}, {"name": 5}, {"name": None}, {"name": "a", "scopes": "tokens"}]
)
def test_what_is_no_role_is_none(role: Any) -> None:
    assert managed(role) == []


def of_person(*roles: Any, is_admin: bool = False) -> list[str]:
    scopes = {"cull": ["admin:servers"], "reader": ["read:hub"], "old": ["tokens"]}
    given = read_roles_of_person(
        roles,
        is_admin=is_admin,
        of_the_site=frozenset({"cull", "reader"}),
        scopes_of=lambda name: scopes.get(name, []),
        custom_scopes=CUSTOM,
    )
    return [role["name"] for role in given]


def test_a_person_keeps_the_roles_of_the_hub_and_is_an_admin_by_the_policy() -> None:
    assert of_person() == ["user"]
    assert of_person({"name": "admin"}, {"name": "server"}, {"name": "token"}) == ["user"]
    assert of_person(is_admin=True) == ["user", "admin"]


def test_a_role_by_its_name_alone_is_given_where_what_it_has_is_safe() -> None:
    assert of_person({"name": "cull"}, {"name": "reader"}) == ["user", "reader"]
    assert of_person({"name": "old"}, {"name": "new"}) == ["user", "new"]
    # With scopes of its own it would rewrite the role that a service has.
    assert of_person({"name": "cull", "scopes": ["read:hub"]}) == ["user"]


def test_every_level_has_a_reserved_role_and_group() -> None:
    for level in Level:
        assert is_level_group(level_group(level))
        assert of_person({"name": f"platform-{level}", "scopes": ["read:hub"]}) == ["user"]
