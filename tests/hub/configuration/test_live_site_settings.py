"""A Hub with groups, roles and forms of a site, and servers whose tier is gone since."""

import pytest

from tests.support.hub_fixtures import hub_of, token_of
from tests.support.live_hub import Api, LiveHub
from tests.support.store_readers import read_audit, read_decisions

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
defaults: {tier: small}
users:
  root: {level: admin}
  boss: {level: admin}
  kim: {level: user}
  lee: {level: developer}
groups:
  vision: {members: [kim, lee]}
  language: {}
images:
  lab: {reference: "quay.io/jupyter/base-notebook:latest"}
  old: {reference: "quay.io/jupyter/base-notebook:2024"}
tiers:
  small: {requests: {cpu: 100m, memory: 256Mi}, limits: {cpu: 2, memory: 2Gi}, images: [lab, old]}
  other: {requests: {cpu: 100m, memory: 256Mi}, limits: {cpu: 2, memory: 2Gi}, images: [old, lab]}
"""
WITHOUT = (
    POLICY.replace("  old: {reference", "  older: {reference")
    .replace("other:", "another:")
    .replace("[lab, old]", "[lab, older]")
    .replace("[old, lab]", "[older, lab]")
)
SCHEDULER = "0123456789abcdef0123456789abcdef"
SITE = f"""
c.JupyterHub.load_groups = {{
    "collab": {{"users": ["Kim"]}},
    "language": ["kim"],
    "level:admin": {{"users": ["kim"]}},
}}
c.JupyterHub.services = [{{"name": "scheduler", "api_token": "{SCHEDULER}"}}]
c.JupyterHub.load_roles = [
    {{"name": "full-access", "scopes": ["access:servers"], "users": ["Root"]}},
    {{"name": "scheduler", "scopes": ["servers", "read:users"], "services": ["scheduler"]}},
]
c.Authenticator.admin_users = {{"lee"}}
c.Spawner.options_form = "Which size? <input name='size'>"
c.Spawner.options_from_form = lambda form: {{"size": form["size"]}}
"""


hub = hub_of(POLICY, site=SITE)
root = token_of("root")


def put_into_force(hub: LiveHub, root: Api, policy: str) -> None:
    draft = hub.policy.with_suffix(".draft")
    draft.write_text(policy)
    draft.replace(hub.policy)
    assert root.post("platform/reload").status_code == 200


def groups_of(root: Api, name: str) -> set[str]:
    return set(root.get(f"users/{name}").json()["groups"])


def test_groups_of_the_configuration_stay_beside_the_declared_ones(hub: LiveHub, root: Api) -> None:
    assert groups_of(root, "kim") == {"collab", "language", "vision", "level:user"}
    kim = hub.token("kim")
    assert groups_of(root, "kim") == {"collab", "language", "vision", "level:user"}
    asked = {"user_options": {"tier": "small", "account": "language"}}
    assert kim.post("platform/decide", json=asked).json()["admitted"]


def test_the_configuration_gives_no_level_and_makes_no_admin(hub: LiveHub, root: Api) -> None:
    for name in ("kim", "lee"):
        known = root.get(f"users/{name}").json()
        assert not known["admin"]
        assert "level:admin" not in known["groups"]
        assert hub.token(name).get("users").status_code == 403
    assert "the Hub had kim, lee as an admin, the policy has not" in hub.log


def test_ineffective_setting_is_reported(hub: LiveHub) -> None:
    shown = hub.terminal.read_text()
    for trait in ("options_form", "options_from_form"):
        assert f"c.Spawner.{trait} has no effect. Lost is" in shown
    assert "images and groups of platform.yaml" in shown


def test_a_role_of_a_declared_admin_is_kept_as_long_as_they_are_one(
    hub: LiveHub, root: Api
) -> None:
    assert "full-access" in root.get("user").json()["roles"]
    boss = hub.token("boss")
    put_into_force(hub, boss, POLICY.replace("root: {level: admin}", "root: {level: user}"))
    known = boss.get("users/root").json()
    assert not known["admin"]
    assert not {"full-access", "admin"} & set(known["roles"])
    assert "access:servers" not in set(root.get("user").json()["scopes"])
    put_into_force(hub, boss, POLICY)
    assert root.get("user").json()["admin"]


def stored_choice(hub: LiveHub, name: str, server: str, **options: str) -> None:
    """Have a user start a server with options, and stop it."""
    api = hub.token(name)
    assert api.start(name, server, **options).status_code in {201, 202}
    api.wait_until_ready(name, server)
    api.stop(name, server)


def test_choices_of_before_do_not_keep_a_server_from_starting(hub: LiveHub, root: Api) -> None:
    stored_choice(hub, "lee", "", tier="other", account="vision", image="old")
    lee = hub.token("lee")
    chosen = {"tier": "other", "account": "vision", "image": "old"}
    for server, options in (("a", chosen), ("b", chosen), ("train", {"tier": "other"})):
        made = lee.put(f"users/lee/servers/{server}", json={"user_options": options})
        assert made.status_code == 201, made.text
    put_into_force(hub, root, WITHOUT)
    lee = hub.token("lee")
    with Api(hub.url, SCHEDULER) as scheduler:
        for api, path, said in (
            (lee, "users/lee/server", "tier other; image old"),
            (root, "users/lee/servers/a", "tier other; image old"),
            (scheduler, "users/lee/servers/b", "tier other; image old"),
            (lee, "users/lee/servers/train", "tier other"),
        ):
            server = path.partition("servers/")[2]
            named = api.post(path, json={"user_options": {"tier": "other"}})
            assert named.status_code == 400, named.text
            assert "There is no tier 'other'." in named.json()["message"]
            started = api.post(path)
            assert started.status_code in {201, 202}, started.text
            assert started.headers["X-Platform-Passed-Over"] == said
            lee.wait_until_ready("lee", server)
            # What is stored is what was meant, and so it is said once.
            shown = lee.servers("lee")[server]["user_options"]
            assert shown == ({} if server == "train" else {"account": "vision"})
            lee.stop("lee", server)
    again = lee.post("users/lee/server")
    assert again.status_code in {201, 202}, again.text
    assert "X-Platform-Passed-Over" not in again.headers
    lee.wait_until_ready("lee")
    lee.stop("lee")
    rows = [row for row in read_audit(hub) if row.action == "server.choice_passed_over"]
    assert [row.subject for row in rows] == ["lee/train", "lee/b", "lee/a", "lee/"]
    assert {row.actor for row in rows} == {"lee", "root", "scheduler"}
    assert "tier other and image old" in read_decisions(hub, admitted=True)[2].sentence
    form = hub.login("lee").start(tier="other", account="vision")
    assert form.status_code == 400
    form = hub.login("lee").start(tier="small", account="vision")
    assert form.status_code in {200, 302}
    lee.wait_until_ready("lee")
    lee.stop("lee")


def test_choices_that_were_stored_before_a_restart_do_not_either(hub: LiveHub, root: Api) -> None:
    put_into_force(hub, root, POLICY)
    lee = hub.token("lee")
    made = lee.put("users/lee/servers/kept", json={"user_options": {"tier": "other"}})
    assert made.status_code == 201, made.text
    put_into_force(hub, root, WITHOUT)
    hub.kill_hub()
    hub.start()
    started = lee.post("users/lee/servers/kept")
    assert started.status_code in {201, 202}, started.text
    assert started.headers["X-Platform-Passed-Over"] == "tier other"
    lee.wait_until_ready("lee", "kept")
    lee.stop("lee", "kept")
