"""Roles of the levels, and the lint of those that a site adds."""

from typing import Any

import pytest
from jupyterhub.scopes import expand_scopes, scope_definitions

from jupyterhub_platform.core.levels import LEVELS, Level, level_group
from jupyterhub_platform.hub.people.refused_roles import find_refused
from jupyterhub_platform.hub.people.role_reach import POWER_OVER_SERVERS
from jupyterhub_platform.hub.people.roles import (
    CUSTOM_SCOPES,
    LEVEL_SCOPES,
    UNSAFE,
    UNSAFE_WITHIN_GROUPS,
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
    (refused,) = find_refused([role(scope, **bearers)])
    assert f"it has {scope}, whose bearer {UNSAFE[scope]}" in refused.sentence
    assert (refused.name, refused.scopes, refused.bearers) == ("site", (scope,), ())
    assert refused.sentence.endswith(".")
    assert scope in refused.sentence.rpartition(UNSAFE[scope])[2]


@pytest.mark.parametrize("scope", POWERFUL)
def test_scope_bound_to_its_owner_is_fine(scope: str) -> None:
    bound = [role(f"{scope}!user"), role(f"{scope}!server"), role(f"{scope}!service")]
    assert find_refused(bound) == []


@pytest.mark.parametrize("scope", sorted(UNSAFE_WITHIN_GROUPS))
@pytest.mark.parametrize("condition", ["group", "group=vision"])
def test_filter_by_group_does_not_help_where_any_user_can_be_pulled_into_it(
    scope: str, condition: str
) -> None:
    assert find_unsafe([role(f"{scope}!{condition}")])


@pytest.mark.parametrize("scope", sorted(set(UNSAFE) - UNSAFE_WITHIN_GROUPS))
def test_filter_by_group_helps_otherwise(scope: str) -> None:
    assert not find_unsafe([role(f"{scope}!group=vision")])


@pytest.mark.parametrize("scope", sorted(set(UNSAFE) - POWER_OVER_SERVERS))
@pytest.mark.parametrize("condition", ["user=root", "server=root/", "server=root/train"])
def test_filter_that_names_another_user_does_not_help(scope: str, condition: str) -> None:
    (found,) = find_unsafe([role(f"{scope}!{condition}", users=["dev1"])])
    assert found == f"the role site has {scope}!{condition}, whose bearer has power over root"
    assert find_unsafe([role(f"{scope}!{condition}", users=["root", "dev1"])])
    assert find_unsafe([role(f"{scope}!{condition}", users=["root"], groups=["vision"])])
    assert find_unsafe([{"name": "user", "scopes": [f"{scope}!{condition}"], "users": ["root"]}])
    assert find_refused([role(f"{scope}!{condition}", users=["root"])]) == []


@pytest.mark.parametrize("scope", sorted(set(UNSAFE) & POWER_OVER_SERVERS))
@pytest.mark.parametrize("condition", ["user=shared", "server=shared/", "server=shared/train"])
def test_servers_of_an_account_that_several_use_are_left_to_each_use(
    scope: str, condition: str
) -> None:
    assert find_refused([role(f"{scope}!{condition}")]) == []
    site = {"custom:site:boss": {"description": "…", "subscopes": [scope]}}
    assert find_refused([role(f"custom:site:boss!{condition}")], custom_scopes=site)


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
    (refused,) = find_refused([role(scope)], custom_scopes=site)
    assert "can invite an admin and take their place" in refused.sentence
    harmless = role("custom:site:harmless", "custom:platform:read")
    assert find_refused([harmless], custom_scopes=site) == []


@pytest.mark.parametrize("name", ["user", "server", "token"])
@pytest.mark.parametrize("bearers", [{"services": ["cull"]}, {"groups": ["level:admin"]}], ids=str)
def test_role_that_everybody_has_is_not_for_those_alone_whom_it_names(
    name: str, bearers: dict[str, Any]
) -> None:
    assert find_unsafe([{"name": name, "scopes": ["admin:users"], **bearers}])


def test_role_of_the_hubs_admins_goes_to_people_by_name_or_by_level() -> None:
    fine: list[dict[str, Any]] = [{"name": "admin", "users": ["root"]}]
    fine += [{"name": "admin", "services": ["cull"], "groups": ["level:admin"]}]
    assert find_refused(fine) == []
    (found,) = find_unsafe([{"name": "admin", "users": ["root"], "groups": ["vision"]}])
    assert found == (
        "the role admin goes to the group vision, and adding a user to that group makes an admin"
    )


@pytest.mark.parametrize("scope", POWERFUL)
def test_admins_and_services_may_bear_anything(scope: str) -> None:
    fine = [role(scope, services=["cull"]), role(scope, groups=["level:admin"])]
    assert find_refused([*fine, {"name": "admin", "scopes": [scope], "users": ["root"]}]) == []


def test_scopes_for_everybody_are_looked_at_too() -> None:
    (refused,) = find_refused([], {"access:servers"})
    assert (refused.name, refused.scopes) == ("user", ("access:servers",))
    (refused,) = find_refused([{"name": "user", "scopes": ["self", "tokens"]}])
    assert (refused.name, refused.scopes) == ("user", ("tokens",))
    assert find_refused([], {"shares!user", "read:users:name"}) == []


def test_tokens_go_on_having_what_their_owner_has() -> None:
    assert find_refused([{"name": "token", "scopes": ["inherit"]}]) == []
    (refused,) = find_refused([{"name": "server", "scopes": ["inherit"]}])
    assert refused.scopes == ("inherit",)
    assert "Its servers have access:servers!server, access:services" in refused.sentence


def test_each_role_is_refused_by_itself_with_all_of_its_unsafe_scopes() -> None:
    first, second = find_refused(
        [role("tokens", "groups!group=vision", "read:hub"), {**role("shares"), "name": "other"}]
    )
    assert first.scopes == ("tokens", "groups!group=vision")
    assert (second.name, second.scopes) == ("other", ("shares",))
    assert "In place of tokens, give these people the level manager" in first.sentence
    assert "Bind shares to its owner (shares!user)" in second.sentence


@pytest.mark.parametrize("level", Level)
def test_roles_of_the_levels_pass_their_own_lint(level: Level) -> None:
    assert find_refused(level_roles()) == []
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


def test_the_role_of_a_level_goes_to_its_group_alone() -> None:
    bearers = {"users": ["kim"], "services": ["cull"], "groups": ["level:operator", "vision"]}
    (refused,) = find_refused([{"name": "platform-operator", **bearers}])
    assert refused.bearers == ("the group vision", "the service cull", "the user kim")
    assert "it goes to the user kim, and levels come from the policy alone" in refused.sentence
