"""A provider that hands out groups, roles and admins: levels come from the policy alone."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from jupyterhub_platform.cli.main import main
from tests.support.fake_provider import running_provider
from tests.support.live_hub import Api, LiveHub, Session, running, wait_for

pytestmark = [pytest.mark.hub, pytest.mark.full]

PASSWORD = "the same for all here"
POLICY = """\
version: 1
defaults: {tier: small}
users:
  root: {level: admin}
  kim: {level: user}
  lee: {level: developer}
groups:
  vision: {members: [kim, root, lee]}
  language: {}
  research: {from: ["org:team", "/projects/vision"]}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}}
"""
SITE = """
import json
from pathlib import Path

from jupyterhub.auth import DummyAuthenticator

SAID = Path({said!r})


class Provider(DummyAuthenticator):
    "Says of people what a file says."

    def said(self, name):
        return json.loads(SAID.read_text()).get(name, {{}})

    async def authenticate(self, handler, data):
        name = await super().authenticate(handler, data)
        name = name["name"] if isinstance(name, dict) else name
        return name and {{"name": name, **self.said(name).get("login", {{}})}}

    async def refresh_user(self, user, handler=None):
        return self.said(user.name).get("refresh", True)

    async def load_managed_roles(self):
        return self.said("").get("roles", [])


def after_login(authenticator, handler, model):
    return {{**model, **authenticator.said(model["name"]).get("hook", {{}})}}


c.JupyterHub.authenticator_class = Provider
c.Provider.password = {password!r}
c.Authenticator.allow_all = True
c.Authenticator.auth_refresh_age = 1
c.Authenticator.post_auth_hook = after_login
c.Authenticator.admin_users = {{"lee"}}
"""
RESERVED = [
    "level:admin",
    "Level:Admin",
    " level:admin",
    "level:admin\n",
    "LEVEL:operator",
    "\uff4cevel:admin",
    "level\uff1aadmin",
    "l\u0301evel:admin",
    "le\u200bvel:admin",
    "level:",
    "level:nosuch",
]
EVERYTHING = {"custom:platform", "custom:platform:admin", "admin:users", "list:users", "tokens"}


class Provided:
    """A platform behind a provider, and what that says of people."""

    def __init__(self, directory: Path, site: str, policy: str = POLICY) -> None:
        self.file = directory / "said.json"
        self.say({})
        said = SITE.format(said=str(self.file), password=PASSWORD)
        self.hub = LiveHub(directory, policy, site=said + site)
        self.hub.passwords = dict.fromkeys(("root", "kim", "lee"), PASSWORD)

    def say(self, said: dict[str, Any]) -> None:
        """Change what the provider says of people; of the empty name, which roles there are."""
        draft = self.file.with_suffix(".draft")
        draft.write_text(json.dumps(said))
        draft.replace(self.file)

    def token(self, name: str) -> Api:
        """Log a user in, and return the API with a token of theirs."""
        self.hub.passwords.setdefault(name, PASSWORD)
        return self.hub.token(name)

    def restart(self) -> None:
        """Have a Hub killed, and start it again."""
        self.hub.kill_hub()
        self.hub.start()
        self.hub.passwords = dict.fromkeys(("root", "kim", "lee"), PASSWORD)


def me(api: Api) -> dict[str, Any]:
    """Return what the Hub knows of the caller."""
    answer = api.get("user")
    assert answer.status_code == 200, answer.text
    known: dict[str, Any] = answer.json()
    return known


def groups_of(api: Api) -> set[str]:
    return set(me(api)["groups"])


def assert_is_a_user(api: Api, *groups: str) -> None:
    """Assert that the caller is a user of the platform, with no power beyond that."""
    known = me(api)
    assert set(known["groups"]) == {"vision", "level:user", *groups}
    assert not known["admin"]
    assert "admin" not in known["roles"]
    assert not set(known["scopes"]) & EVERYTHING
    assert api.get("platform/usage").status_code == 200
    assert api.get("users").status_code == 403
    assert api.post("platform/users/lee/suspend", json={"reason": "x"}).status_code == 403


@pytest.fixture(scope="module")
def groups(make_directory: Callable[[], Path]) -> Iterator[Provided]:
    site = Provided(make_directory(), "c.Authenticator.manage_groups = True\n")
    with running(site.hub):
        site.hub.passwords = dict.fromkeys(("root", "kim", "lee"), PASSWORD)
        yield site


@pytest.mark.parametrize(
    "said",
    [
        {"login": {"groups": RESERVED}},
        {"login": {"groups": ["level:admin"], "admin": True}},
        {"login": {"groups": [], "admin": True}},
        {"login": {"groups": []}, "hook": {"groups": RESERVED, "admin": True}},
        {"login": {"groups": None}},
        {"login": {}},
        {"login": {"groups": "level:admin"}},
        {"login": {"groups": 5}},
        {"login": {"groups": {"vision": {}}}},
        {"login": {"groups": []}, "refresh": {"groups": 5}},
        {"login": {"groups": [5, None, ["level:admin"]]}},
        {"login": {"groups": [], "roles": [{"name": "admin"}, {"name": "platform-admin"}]}},
        {"login": {"groups": []}, "refresh": {"groups": RESERVED, "admin": True}},
        {"login": {"groups": []}, "refresh": {"admin": True}},
        {"login": {"groups": []}, "refresh": {"groups": None}},
        {"login": {"groups": []}, "refresh": {"groups": []}},
        {"login": {"groups": []}, "refresh": {"auth_state": None}},
    ],
    ids=repr,
)
def test_provider_gives_no_level_and_takes_none(groups: Provided, said: dict[str, Any]) -> None:
    groups.say({"kim": said})
    kim = groups.token("kim")
    assert_is_a_user(kim)
    if "refresh" in said:
        time.sleep(1.1)  # by then the Hub asks the authenticator again
        assert_is_a_user(kim)


def test_groups_of_the_provider_are_there_beside_the_declared_ones(groups: Provided) -> None:
    theirs = ["org-x:hub-staff", "/projects/vision", "language", "Course::123"]
    groups.say({name: {"login": {"groups": theirs}} for name in ("kim", "root")})
    kim, root = groups.token("kim"), groups.token("root")
    assert_is_a_user(kim, *theirs, "research")
    assert groups_of(root) == {"vision", "level:admin", *theirs, "research"}
    assert me(root)["admin"]
    assert root.post("platform/reload").status_code == 200
    for account in ("language", "research"):
        asked = {"user_options": {"tier": "small", "account": account}}
        assert kim.post("platform/decide", json=asked).json()["admitted"]
    used = root.get("platform/usage", params={"user": "kim"}).json()["memberships"]
    by = ["/projects/vision"]
    assert {"group": "research", "path": "", "provided_by": by} in used
    assert {"group": "vision", "path": "groups.vision.members", "provided_by": []} in used
    told = CliRunner(catch_exceptions=False).invoke(
        main, ["explain", "kim", "--state", str(groups.hub.state)]
    )
    assert "the identity provider, by “/projects/vision”" in told.stdout, told.output
    groups.say({"kim": {"refresh": {"groups": ["Course::124"]}}})
    wait_for(lambda: "Course::124" in groups_of(kim), "a refresh")
    assert_is_a_user(kim, "Course::124")
    assert not kim.post("platform/decide", json=asked).json()["admitted"]
    groups.restart()
    assert_is_a_user(kim, "Course::124")
    assert groups_of(root) == {"vision", "level:admin", *theirs, "research"}
    # A login that says nothing of groups leaves them as they are.
    assert_is_a_user(groups.token("kim"), "Course::124")


def test_a_managed_group_is_fed_from_the_next_refresh_until_it_is_not(groups: Provided) -> None:
    theirs = {"groups": ["Special Users"]}
    groups.say({"kim": {"login": theirs, "refresh": theirs}})
    kim, root = groups.token("kim"), groups.token("root")
    reason = {"reason": "a test"}
    new = {"document": {"from": ["Special Users"]}, **reason}
    made = root.put("platform/groups/special", json=new, headers={"If-None-Match": "*"})
    assert made.status_code == 201, made.text
    wait_for(lambda: "special" in groups_of(kim), "a refresh")
    asked = {"user_options": {"tier": "small", "account": "special"}}
    assert kim.post("platform/decide", json=asked).json()["admitted"]
    changed = {"document": {"from": ["Other Users"]}, **reason}
    put = root.put("platform/groups/special", json=changed, headers={"If-Match": "*"})
    assert put.status_code == 200, put.text
    wait_for(lambda: "special" not in groups_of(kim), "a refresh")
    assert not kim.post("platform/decide", json=asked).json()["admitted"]
    for level in ("level:admin", "LEVEL:admin"):
        fed = {"document": {"from": [level]}, **reason}
        refused = root.put("platform/groups/special", json=fed, headers={"If-Match": "*"})
        assert refused.status_code == 422, refused.text


def test_membership_added_in_the_hub_stays_beside_groups_of_the_provider(groups: Provided) -> None:
    groups.say({"kim": {"login": {"groups": ["theirs"]}, "refresh": {"groups": ["theirs"]}}})
    kim, root = groups.token("kim"), groups.token("root")
    assert root.post("groups/language/users", json={"users": ["kim"]}).status_code == 200
    for _ in range(2):
        assert_is_a_user(groups.token("kim"), "theirs", "language")
        groups.restart()
        assert_is_a_user(kim, "theirs", "language")
    groups.say({"kim": {"login": {"groups": []}, "refresh": {"groups": []}}})
    assert_is_a_user(groups.token("kim"), "language")
    left = root.request("DELETE", "groups/language/users", json={"users": ["kim"]})
    assert left.status_code == 200
    assert_is_a_user(groups.token("kim"))


def test_admins_are_those_of_the_policy_alone(groups: Provided) -> None:
    assert "the Hub had lee as an admin, the policy has not" in groups.hub.log
    groups.say({"lee": {"login": {"groups": [], "admin": True}}})
    lee = groups.token("lee")
    assert not me(lee)["admin"]
    assert groups_of(lee) == {"vision", "level:developer"}
    assert lee.get("users").status_code == 403


def test_a_deleted_user_comes_back_with_what_is_declared(groups: Provided) -> None:
    groups.say({"lee": {"login": {}}})
    root = groups.token("root")
    assert root.delete("users/lee").status_code == 204
    assert groups_of(groups.token("lee")) == {"vision", "level:developer"}


def test_a_hook_that_renames_a_user_lets_in_no_undeclared_name(groups: Provided) -> None:
    groups.say({"kim": {"login": {"groups": []}, "hook": {"name": "mallory"}}})
    with pytest.raises(AssertionError, match="kim was answered 403"):
        groups.token("kim")


ROLES = [
    {"name": "reader", "scopes": ["read:hub"], "groups": ["vision"]},
    {"name": "platform-admin", "scopes": ["custom:platform"], "users": ["kim"]},
    {"name": "admin", "users": ["kim"]},
    {"name": "user", "scopes": ["self", "admin:users"]},
    {"name": "boss", "scopes": ["custom:platform:admin", "tokens", "read:metrics"]},
    {"name": "lord", "scopes": ["custom:platform:*"], "groups": ["level:user"]},
    {"name": "site", "scopes": ["admin:users"]},
]


@pytest.fixture(scope="module", params=[False, True], ids=["kept", "reset"])
def roles(request: pytest.FixtureRequest, make_directory: Callable[[], Path]) -> Iterator[Provided]:
    site = Provided(
        make_directory(),
        f"""
c.Authenticator.manage_roles = True
c.Authenticator.reset_managed_roles_on_startup = {request.param}
c.JupyterHub.services = [{{"name": "reader", "api_token": "0123456789abcdef0123456789abcdef"}}]
c.JupyterHub.load_roles = [
    {{"name": "site", "services": ["reader"], "scopes": ["admin:users"]}}
]
""",
    )
    site.say({"": {"roles": ROLES}})
    with running(site.hub):
        site.hub.passwords = dict.fromkeys(("root", "kim", "lee"), PASSWORD)
        yield site


def scopes_of(api: Api) -> set[str]:
    return set(me(api)["scopes"])


def test_levels_are_there_where_a_provider_manages_roles(roles: Provided) -> None:
    kim, root = roles.token("kim"), roles.token("root")
    assert_is_a_user(kim)
    assert "read:hub" in scopes_of(kim)
    assert {"custom:platform:admin", "admin:users"} <= scopes_of(root)
    given = [{"name": "boss"}, {"name": "extra", "scopes": ["read:metrics"]}, {"name": "site"}]
    given += [{"name": "admin"}, {"name": "platform-operator"}, {"name": "token"}]
    given += [{"name": "own", "scopes": ["tokens", "custom:platform:manage"]}, {"name": "reader"}]
    roles.say({"": {"roles": ROLES}, "kim": {"login": {"roles": given}}})
    kim = roles.token("kim")
    assert_is_a_user(kim)
    assert {"boss", "extra", "reader", "user"} <= set(me(kim)["roles"])
    assert "read:metrics" in scopes_of(kim)
    roles.say({"": {"roles": ROLES}, "root": {"login": {"roles": []}}})
    root = roles.token("root")
    assert me(root)["admin"]
    assert root.post("platform/reload").status_code == 200
    for _ in range(2):
        roles.restart()
        assert_is_a_user(kim)
        assert root.post("platform/reload").status_code == 200
        assert {"custom:platform:admin", "admin:users"} <= scopes_of(root)
        assert_is_a_user(roles.token("kim"))


ODD_ROLES: list[Any] = [
    5,
    "admin",
    {"name": "reader"},
    [None, 5, "admin", [], {}, {"name": None}, {"name": "A B"}, {"name": "x\0y"}],
    [{"name": "odd-bearers", "scopes": ["read:hub"], "users": 5, "groups": "vision"}],
    [{"name": "odd-names", "users": ["\ud800", "a\0", None, ["kim"]], "groups": [{}]}],
    [{"name": "odd-scopes", "scopes": ["no:such", "read:users!user=\0", None, {}]}],
    [{"name": "odd-words", "scopes": ["read:hub"], "description": {"a": 1}}],
    [{"name": f"role-{number}", "scopes": ["read:hub"]} for number in range(3000)],
]


@pytest.mark.parametrize("said", ODD_ROLES, ids=lambda said: repr(said)[:60])
def test_roles_of_any_shape_end_no_login(roles: Provided, said: Any) -> None:
    for when in ("login", "refresh"):
        roles.say({"": {"roles": ROLES}, "kim": {when: {"groups": ["x"], "roles": said}}})
        kim = roles.token("kim")
        time.sleep(1.1 if when == "refresh" else 0)
        assert_is_a_user(kim)
    roles.say({"": {"roles": ROLES}})


def test_roles_of_any_shape_keep_no_hub_from_starting(roles: Provided) -> None:
    for said in (5, [*ODD_ROLES[3], *ODD_ROLES[4], *ODD_ROLES[5], *ODD_ROLES[6], *ROLES, *ROLES]):
        roles.say({"": {"roles": said}})
        roles.restart()
        assert_is_a_user(roles.token("kim"))
    undefined = {"name": "odd-service", "scopes": ["read:hub"], "services": ["nowhere"]}
    invalid = {"name": "odd-user", "scopes": ["read:hub"], "users": ["a b", "Kim"]}
    roles.say({"": {"roles": [undefined, invalid]}})
    roles.restart()
    kim = roles.token("kim")
    assert_is_a_user(kim)
    assert "odd-user" in me(kim)["roles"]


ODD_PERSONS: list[dict[str, Any]] = [
    {"groups": "vision"},
    {"groups": [5, {"vision": {}}]},
    {"groups": [{"name": "x"}, [["y"]], "a\0b", "\ud800", "x" * 256]},
    {"groups": ["theirs"] * 100_000},
    {"groups": [f"g{number:05}\0" for number in range(20_000)]},
    {"auth_state": 5},
    {"auth_state": ["x"]},
    {"user_info": "kim"},
    {"user_info": [1]},
    {"user_info": {"name": "\ud800\0"}},
    {"admin": "yes"},
    {"admin": {"a": 1}},
]


@pytest.mark.parametrize("said", ODD_PERSONS, ids=lambda said: repr(said)[:60])
def test_malformed_data_of_a_provider_ends_no_login(groups: Provided, said: dict[str, Any]) -> None:
    theirs = {"theirs"} if said.get("groups", [])[:1] == ["theirs"] else set()
    for when in ("login", "hook", "refresh"):
        groups.say({"kim": {"login": {"groups": []}}} | {"kim": {when: {"groups": [], **said}}})
        kim = groups.token("kim")
        time.sleep(1.1 if when == "refresh" else 0)
        assert_is_a_user(kim, *theirs)


@pytest.mark.parametrize("name", [None, 5, ["kim"], {"a": 1}, "kim\0", "\ud800"], ids=repr)
def test_a_person_without_a_name_is_refused_and_told(groups: Provided, name: Any) -> None:
    for when in ("login", "hook"):
        groups.say({"kim": {when: {"name": name}}})
        with Session(groups.hub.url, "kim") as session:
            page = session.submit_login(PASSWORD)
            assert page.status_code == 403
            assert "gave the Hub no name" in page.text
    groups.say({})
    kim = groups.token("kim")
    groups.say({"kim": {"refresh": {"name": name}}})
    time.sleep(1.1)
    assert kim.get("user").status_code == 403


def test_a_refresh_that_names_another_person_is_none_of_theirs(groups: Provided) -> None:
    groups.say({})
    kim = groups.token("kim")
    groups.say({"kim": {"refresh": {"name": "Kim", "groups": []}}})
    time.sleep(1.1)
    assert_is_a_user(kim)
    groups.say({"kim": {"refresh": {"name": "root", "groups": []}}})
    time.sleep(1.1)
    answer = kim.get("user")
    assert answer.status_code in {200, 403}, answer.text
    assert "admin" not in answer.json().get("roles", ())


def test_an_authenticator_that_fails_is_told_in_a_sentence(groups: Provided) -> None:
    groups.say({})
    kim = groups.token("kim")
    groups.say({"kim": 5})  # which Provider cannot read
    time.sleep(1.1)
    assert kim.get("user").status_code == 403  # not known to be who they are
    begun = kim.start("kim", tier="small")
    assert begun.status_code < 500, begun.text
    with Session(groups.hub.url, "kim") as session:
        page = session.submit_login(PASSWORD)
        assert page.status_code == 502
        assert "cannot read what your identity provider says" in page.text
    groups.say({})


OAUTH = """
c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.authorize_url = "{url}/authorize"
c.GenericOAuthenticator.token_url = "{url}/token"
c.GenericOAuthenticator.userdata_url = "{url}/userdata"
c.GenericOAuthenticator.client_id = "hub"
c.GenericOAuthenticator.client_secret = "not a secret of a user"
c.GenericOAuthenticator.username_claim = "login"
c.GenericOAuthenticator.allow_all = True
c.GenericOAuthenticator.manage_groups = True
c.GenericOAuthenticator.auth_state_groups_key = "oauth_user.teams"
c.GenericOAuthenticator.admin_groups = {{"level:admin", "org:owners"}}
"""


def test_teams_of_an_oauth_provider_give_no_level(make_directory: Callable[[], Path]) -> None:
    with running_provider() as provider:
        site = OAUTH.format(url=provider.url)
        with running(LiveHub(make_directory(), POLICY, site=site)) as hub:
            for name, expected in (
                ("kim", {"vision", "level:user"}),
                ("root", {"vision", "level:admin"}),
            ):
                provider.person = {"login": name, "teams": ["org:owners", *RESERVED]}
                with Session(hub.url, name) as session:
                    page = session.get("/hub/oauth_login", follow_redirects=True)
                    assert page.status_code == 200, page.text
                    path = f"/hub/api/users/{name}/tokens"
                    made = session.post_json(path, {"note": "test"}).json()
                with Api(hub.url, made["token"]) as api:
                    assert groups_of(api) == {*expected, "org:owners"}
                    assert me(api)["admin"] is (name == "root")
                    assert api.get("platform/usage").status_code == 200
