"""Roles of the levels, and the lint of those that a site adds."""

from typing import Any

import pytest
from jupyterhub.scopes import expand_scopes, scope_definitions

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.levels import LEVELS, Level, level_group
from jupyterhub_platform.hub.people.roles import (
    CUSTOM_SCOPES,
    LEVEL_SCOPES,
    UNSAFE,
    UNSAFE_WITHIN_GROUPS,
    check_roles,
    find_unsafe,
    level_roles,
)

POWERFUL = sorted(UNSAFE)


def role(*scopes: str, **bearers: Any) -> dict[str, Any]:
    return {"name": "site", "scopes": list(scopes), **(bearers or {"groups": ["vision"]})}


@pytest.mark.parametrize("scope", POWERFUL)
@pytest.mark.parametrize(
    "bearers",
    [
        {"groups": ["vision"]},
        {"users": ["dev1"]},
        {"groups": ["vision"], "services": ["cull"]},
        {"groups": ["level:admin", "vision"]},
        {"groups": ["level:admin"], "users": ["bob"]},
        {"groups": ["level:operator"]},
        {"groups": []},
    ],
    ids=str,
)
def test_scope_that_leads_to_everything_is_refused(scope: str, bearers: dict[str, Any]) -> None:
    with pytest.raises(PlatformError) as refused:
        check_roles([role(scope, **bearers)])
    assert f"the role site has {scope}, whose bearer {UNSAFE[scope]}" in str(refused.value)
    assert "Bind each scope to its owner (!user, !server)" in str(refused.value)


@pytest.mark.parametrize("scope", POWERFUL)
def test_scope_bound_to_its_owner_is_fine(scope: str) -> None:
    check_roles([role(f"{scope}!user"), role(f"{scope}!server"), role(f"{scope}!service")])


@pytest.mark.parametrize("scope", sorted(UNSAFE_WITHIN_GROUPS))
@pytest.mark.parametrize("condition", ["group", "group=vision"])
def test_filter_by_group_does_not_help_where_any_user_can_be_pulled_into_it(
    scope: str, condition: str
) -> None:
    assert find_unsafe([role(f"{scope}!{condition}")])


@pytest.mark.parametrize("scope", sorted(set(UNSAFE) - UNSAFE_WITHIN_GROUPS))
def test_filter_by_group_helps_otherwise(scope: str) -> None:
    assert not find_unsafe([role(f"{scope}!group=vision")])


@pytest.mark.parametrize("scope", POWERFUL)
@pytest.mark.parametrize("condition", ["user=root", "server=root/", "server=root/train"])
def test_filter_that_names_another_user_does_not_help(scope: str, condition: str) -> None:
    (found,) = find_unsafe([role(f"{scope}!{condition}", users=["dev1"])])
    assert found == f"the role site has {scope}!{condition}, whose bearer has power over root"
    assert find_unsafe([role(f"{scope}!{condition}", users=["root", "dev1"])])
    assert find_unsafe([role(f"{scope}!{condition}", users=["root"], groups=["vision"])])
    assert find_unsafe([{"name": "user", "scopes": [f"{scope}!{condition}"], "users": ["root"]}])
    check_roles([role(f"{scope}!{condition}", users=["root"])])


@pytest.mark.parametrize("scope", POWERFUL)
def test_filter_by_the_group_of_the_admins_does_not_help(scope: str) -> None:
    assert find_unsafe([role(f"{scope}!group=level:admin")])


@pytest.mark.parametrize(
    "scope", ["custom:platform:*", "custom:platform:a*", "custom:site:boss", "custom:site:indirect"]
)
def test_scope_of_a_site_that_leads_to_everything_here_is_refused(scope: str) -> None:
    site = {
        "custom:site:boss": {"description": "…", "subscopes": ["custom:platform"]},
        "custom:site:indirect": {"description": "…", "subscopes": ["custom:site:boss"]},
        "custom:site:harmless": {"description": "…", "subscopes": ["custom:platform:self"]},
    }
    with pytest.raises(PlatformError, match="can invite an admin and take their place"):
        check_roles([role(scope)], custom_scopes=site)
    check_roles([role("custom:site:harmless", "custom:platform:read")], custom_scopes=site)


@pytest.mark.parametrize("name", ["user", "server", "token"])
@pytest.mark.parametrize("bearers", [{"services": ["cull"]}, {"groups": ["level:admin"]}], ids=str)
def test_role_that_everybody_has_is_not_for_those_alone_whom_it_names(
    name: str, bearers: dict[str, Any]
) -> None:
    assert find_unsafe([{"name": name, "scopes": ["admin:users"], **bearers}])


def test_role_of_the_hubs_admins_goes_to_people_by_name_or_by_level() -> None:
    check_roles([{"name": "admin", "users": ["root"]}])
    check_roles([{"name": "admin", "services": ["cull"], "groups": ["level:admin"]}])
    (found,) = find_unsafe([{"name": "admin", "users": ["root"], "groups": ["vision"]}])
    assert found == (
        "the role admin goes to the group vision, and adding a user to that group makes an admin"
    )


@pytest.mark.parametrize("scope", POWERFUL)
def test_admins_and_services_may_bear_anything(scope: str) -> None:
    check_roles([role(scope, services=["cull"]), role(scope, groups=["level:admin"])])
    check_roles([{"name": "admin", "scopes": [scope], "users": ["root"]}])


def test_scopes_for_everybody_are_looked_at_too() -> None:
    with pytest.raises(PlatformError, match="the role user has access:servers"):
        check_roles([], {"access:servers"})
    with pytest.raises(PlatformError, match="the role user has tokens"):
        check_roles([{"name": "user", "scopes": ["self", "tokens"]}])
    check_roles([], {"shares!user", "read:users:name"})


def test_tokens_go_on_having_what_their_owner_has() -> None:
    check_roles([{"name": "token", "scopes": ["inherit"]}])
    with pytest.raises(PlatformError, match="the role server has inherit"):
        check_roles([{"name": "server", "scopes": ["inherit"]}])


def test_every_unsafe_scope_is_named_at_once() -> None:
    with pytest.raises(PlatformError) as refused:
        check_roles([role("tokens", "groups!group=vision"), role("shares")])
    assert str(refused.value).count("the role site has") == 3


@pytest.mark.parametrize("level", Level)
def test_roles_of_the_levels_pass_their_own_lint(level: Level) -> None:
    check_roles(level_roles())
    (ours,) = [each for each in level_roles() if each["groups"] == [level_group(level)]]
    assert ours["name"] == f"platform-{level}"
    assert len(ours["scopes"]) == len(set(ours["scopes"]))


@pytest.mark.parametrize("level", [each for each in Level if each is not Level.ADMIN])
def test_no_level_but_admin_reaches_an_unsafe_scope_however_it_is_spelt(level: Level) -> None:
    bound = {scope for scope in LEVEL_SCOPES[level] if scope.endswith("!user")}
    ours = {scope for scope in LEVEL_SCOPES[level] if not scope.startswith("custom:")}
    reached = expand_scopes(ours - bound) | bound | set(LEVEL_SCOPES[level])
    unsafe = {scope for scope in reached if find_unsafe([role(scope)])}
    assert unsafe == set()


def test_unsafe_scopes_are_scopes_that_the_hub_knows() -> None:
    assert {name for name in UNSAFE if not name.startswith("custom:")} <= set(scope_definitions)


def test_reading_and_managing_go_with_the_level() -> None:
    for level, rule in LEVELS.items():
        scopes = set(LEVEL_SCOPES[level])
        everything = "custom:platform" in scopes
        assert ("custom:platform:read" in scopes or everything) == rule.reads_everything
        assert ("custom:platform:manage" in scopes or everything) == rule.manages_groups
        assert everything == (level is Level.ADMIN)
    assert set(CUSTOM_SCOPES["custom:platform"]["subscopes"]) == set(CUSTOM_SCOPES) - {
        "custom:platform"
    }
