"""What an authenticator says, without what only the policy may say."""

import itertools
from typing import Any

import pytest
from tornado import web

from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.core.levels import Level, level_group
from jupyterhub_platform.hub.auth.provider_data import (
    MAX_DESCRIPTION_LENGTH,
    MAX_ENTRIES,
    read_groups,
    read_managed_roles,
    read_person,
    read_roles_of_person,
)
from jupyterhub_platform.hub.people.roles import UNSAFE, level_roles, list_safe

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
CUSTOM: dict[str, dict[str, object]] = {
    "custom:site:x": {"description": "x"},
    "custom:site:boss": {"description": "x", "subscopes": ["custom:platform"]},
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_name_that_a_database_takes_for_a_level_group_is_one(name: str) -> None:
    assert is_level_group(name)
    assert read_groups(["vision", name], "kim") == {"vision"}


@pytest.mark.parametrize("name", OTHERS)
def test_groups_of_other_names_are_the_providers(name: str) -> None:
    assert not is_level_group(name)
    assert read_groups((name,), "kim") == {name}


@pytest.mark.parametrize("said", ["level:admin", "vision", 5, True, object()])
def test_malformed_groups_of_a_provider_are_ignored(said: object) -> None:
    assert read_groups(said, "kim") == frozenset()


def test_malformed_group_name_of_a_provider_is_ignored() -> None:
    assert read_groups([None, 5, "", ["level:admin"], b"vision", "vision"], "kim") == {"vision"}


@pytest.mark.parametrize("scope", [*UNSAFE, "tokens!user=root", "groups!group=vision"])
def test_scopes_of_admins_are_not_a_providers_to_give(scope: str) -> None:
    assert list_safe([scope, "read:hub"], CUSTOM) == ["read:hub"]


@pytest.mark.parametrize(
    "scope",
    ["custom:platform:self", "custom:platform:read", "custom:platform:*", "custom:site:boss"],
)
def test_scopes_of_the_platform_are_not_a_providers_to_give(scope: str) -> None:
    assert list_safe([scope, "custom:site:x"], CUSTOM) == ["custom:site:x"]


def test_harmless_scopes_are() -> None:
    scopes = ["read:hub", "shares!user", "access:servers!group=course", "custom:site:x"]
    assert list_safe(scopes, CUSTOM) == scopes


def managed(*roles: Any, of_the_site: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    return read_managed_roles(
        roles,
        of_the_site=of_the_site,
        custom_scopes=CUSTOM,
        name_bearer=lambda kind, name: "" if name == "nowhere" else name.lower(),
    )


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
def test_malformed_managed_role_is_ignored(role: Any) -> None:
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


GOOD = {"name": "reader-too", "scopes": ["read:hub"]}
ODD = [
    5,
    None,
    "admin",
    [],
    [GOOD],
    {},
    {"scopes": ["read:hub"]},
    {"name": None, "scopes": ["read:hub"]},
    {"name": "", "scopes": ["read:hub"]},
    {"name": "x", "scopes": ["read:hub"]},
    {"name": "Big Name", "scopes": ["read:hub"]},
    {"name": "with-newline\n", "scopes": ["read:hub"]},
    {"name": "with-nul\0here", "scopes": ["read:hub"]},
    {"name": "with-half-\ud800", "scopes": ["read:hub"]},
    {"name": "l" + "o" * 300 + "ng", "scopes": ["read:hub"]},
    {"name": ["reader"], "scopes": ["read:hub"]},
    {"name": {"a": "b"}, "scopes": ["read:hub"]},
    {"name": "all-unknown", "scopes": ["no:such"]},
    {"name": "bad-filter", "scopes": ["read:users!nobody=x", "read:users!user=\0"]},
    {"name": "no-list", "scopes": 5},
    {"name": "mapped", "scopes": {"read:hub": True}},
    {"name": "nested", "scopes": [["read:hub"], {"read:hub": 1}, None, 5, b"read:hub"]},
]


@pytest.mark.parametrize("role", ODD, ids=repr)
def test_malformed_role_is_left_out_and_the_others_stay(role: Any) -> None:
    assert managed(role, GOOD) == [GOOD]
    assert of_person(role, GOOD) == ["user", "reader-too"]


@pytest.mark.parametrize("said", [5, None, "admin", b"x", {"name": "reader"}, True, object()])
def test_malformed_roles_of_a_user_are_ignored(said: Any) -> None:
    given = read_roles_of_person(
        said,
        is_admin=False,
        of_the_site=frozenset(),
        scopes_of=lambda _: [],
        custom_scopes=CUSTOM,
    )
    assert given == [{"name": "user"}]


@pytest.mark.parametrize("kind", ["users", "groups", "services"])
def test_bearers_of_any_shape_are_read(kind: str) -> None:
    odd = [5, None, ["kim"], {"a": 1}, "", "a\0", "a\ud800", "x" * 256, "kim"]
    assert managed({**GOOD, kind: odd}) == [{**GOOD, kind: ["kim"]}]
    assert managed({**GOOD, kind: ["nowhere", "Kim"]}) == [{**GOOD, kind: ["kim"]}]
    for none in (5, "kim", {"kim": 1}, True):
        assert managed({**GOOD, kind: none}) == [GOOD]


def test_unknown_keys_of_a_role_are_dropped() -> None:
    more = {"description": "d" * 2000, "managed_by_auth": object(), "x": object()}
    assert managed({**GOOD, **more}) == [{**GOOD, "description": "d" * MAX_DESCRIPTION_LENGTH}]
    assert managed({**GOOD, "description": 5}) == [GOOD]
    assert managed(GOOD, {**GOOD, "scopes": ["read:metrics"]}) == [GOOD]


def test_lists_without_end_are_cut_off() -> None:
    groups = [f"g{number:06}" for number in range(50_000)]
    assert read_groups(groups, "kim") == set(groups[:MAX_ENTRIES])
    assert read_groups(reversed(groups), "kim") == set(groups[:MAX_ENTRIES])
    assert len(read_groups((f"g{number}" for number in itertools.count()), "kim")) == MAX_ENTRIES
    roles = [{"name": f"role-{number}", "scopes": ["read:hub"]} for number in range(5000)]
    assert len(managed(*roles)) == MAX_ENTRIES
    assert managed({**GOOD, "scopes": ["read:hub"] * 5000}) == [
        {**GOOD, "scopes": ["read:hub"] * MAX_ENTRIES}
    ]


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 256, ""])
def test_groups_that_no_database_takes_are_left_out_in_one_line(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_groups([name, "vision", None, 5], "kim") == {"vision"}
    assert len(caplog.records) == 1
    assert "Of the groups of kim that the authenticator gives, 3 are passed over" in caplog.text


async def test_login_without_a_valid_name_is_refused() -> None:
    assert await read_person(None) is None
    assert await read_person("kim") == {"name": "kim"}
    odd: list[object] = [{}, {"name": None}, {"name": 5}, {"name": ["kim"]}, {"name": "\0"}]
    for said in (*odd, 5, [], True):
        with pytest.raises(web.HTTPError) as refused:
            await read_person(said)
        assert refused.value.status_code == 403
        assert "gave the Hub no name" in str(refused.value)


@pytest.mark.parametrize("key", ["auth_state", "user_info"])
async def test_auth_state_that_is_not_json_is_dropped(key: str) -> None:
    around: dict[str, Any] = {}
    around["a"] = around
    for odd in ({"a": {1, 2}}, {"a": b"x"}, around, 5, "x", ["x"]):
        assert await read_person({"name": "kim", key: odd}) == {"name": "kim", key: None}
    kept = {"name": "kim", key: {"a": [1]}}
    assert await read_person(kept) == kept


def test_every_level_has_a_reserved_role_and_group() -> None:
    for level in Level:
        assert is_level_group(level_group(level))
        assert of_person({"name": f"platform-{level}", "scopes": ["read:hub"]}) == ["user"]
