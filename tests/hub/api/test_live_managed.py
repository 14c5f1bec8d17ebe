"""What is managed in the Hub, over REST on a real Hub: made, used within seconds, retired."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.live_hub import Api, LiveHub, Session, hidden_xsrf, running
from tests.support.store_readers import read_audit

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
name: Managed
defaults: {tier: small, member_quota: {servers: 2}}
users:
  admin: {level: admin}
  boss: {level: manager}
  peer: {level: manager}
  dev1: {level: developer}
groups:
  vision: {members: [dev1], managers: [boss], quota: {servers: 3}}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}
"""
NEW: dict[str, str] = {"If-None-Match": "*"}
PASSWORD: Final = "correct horse battery staple 7"
ANY: dict[str, str] = {"If-Match": "*"}


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), POLICY)) as hub:
        yield hub


@pytest.fixture(scope="module")
def admin(hub: LiveHub) -> Api:
    return hub.token("admin")


@pytest.fixture(scope="module")
def boss(hub: LiveHub) -> Api:
    return hub.token("boss")


def put(
    who: Api,
    path: str,
    document: dict[str, Any],
    headers: dict[str, str] = NEW,
    *,
    reason: str = "a test",
    query: str = "",
    **more: Any,
) -> httpx.Response:
    body = {"document": document, "reason": reason, **more}
    return who.request("PUT", f"platform/{path}{query}", json=body, headers=headers)


def retire(who: Api, path: str, headers: dict[str, str] = ANY) -> httpx.Response:
    body = {"reason": "done with it"}
    return who.request("DELETE", f"platform/{path}", json=body, headers=headers)


def refused(answer: httpx.Response, status: int, code: str, *words: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"] == body["message"]
    for word in words:
        assert word in body["detail"]
    return body


def join(hub: LiveHub, name: str, url: str) -> Api:
    """Set a password by an invite, and log in with it."""
    visitor = Session(hub.url, name)
    page = visitor.get(url)
    form = {
        "token": parse_qs(urlsplit(url).query)["token"][0],
        "password": PASSWORD,
        "again": PASSWORD,
        "_xsrf": hidden_xsrf(page.text),
    }
    assert visitor.post("/hub/invite/", data=form).status_code == 200
    visitor.close()
    hub.passwords = {**hub.passwords, name: PASSWORD}
    return hub.token(name)


def test_a_tier_and_a_group_serve_a_member_until_they_are_retired(hub: LiveHub, admin: Api) -> None:
    group = {"members": ["dev1"], "quota": {"servers": 1}}
    made = put(admin, "groups/video", group)
    assert (made.status_code, made.json()["version"], made.headers["ETag"]) == (201, 1, '"1"')
    tier = {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "images": ["lab"],
        "access": {"groups": ["video"]},
    }
    good = put(admin, "tiers/video", tier).json()["revision"]
    dev1 = hub.token("dev1")
    assert dev1.start("dev1", "a", tier="video", account="video").status_code in {201, 202}
    dev1.wait_until_ready("dev1", "a")
    denied = dev1.start("dev1", "b", tier="video", account="video")
    assert (denied.status_code, "1 of 1 server" in denied.text) == (409, True)
    gone = retire(admin, "tiers/video", {"If-Match": '"1"'})
    assert (gone.status_code, gone.json()["after"]) == (200, None)
    assert dev1.get("users/dev1").json()["servers"]["a"]["ready"]
    denied = dev1.start("dev1", "b", tier="video", account="video")
    assert denied.status_code == 400
    back = admin.request(
        "POST",
        "platform/policy/rollback",
        json={"to": good, "reason": "too early"},
        headers={"If-Match": f'"{gone.json()["revision"]}"'},
    )
    assert back.json() == {"revision": good + 2, "undone": 1, "dry_run": False}
    assert admin.get("platform/tiers/video").json()["document"] == tier
    dev1.stop("dev1", "a")
    rows = [json.loads(row.detail_json) for row in read_audit(hub) if row.subject == "video"]
    assert [row["reason"] for row in rows] == ["too early", "done with it", "a test", "a test"]


def test_each_fault_is_told_and_nothing_changes(admin: Api) -> None:
    answer = put(admin, "groups/faulty", {"members": ["nobody"], "quota": {"cpu": "lots"}})
    body = refused(answer, 422, "policy.invalid")
    assert len(body["faults"]) == 2
    assert admin.get("platform/groups/faulty").status_code == 404


def test_a_declared_object_is_read_and_not_changed(admin: Api) -> None:
    body = admin.get("platform/groups/vision").json()
    assert body["source"] == "declared"
    assert body["declared_at"].endswith("platform.yaml:10")
    refused(put(admin, "groups/vision", {}, ANY), 409, "managed.declared", "platform.yaml:10")
    refused(retire(admin, "groups/vision"), 409, "managed.declared", "jhp release group vision")


def test_the_second_of_two_admins_is_told_and_sees_both(hub: LiveHub, admin: Api) -> None:
    assert put(admin, "groups/shared", {"title": "One"}).status_code == 201
    assert put(admin, "groups/shared", {"title": "Two"}, {"If-Match": '"1"'}).status_code == 200
    late = put(admin, "groups/shared", {"title": "Late"}, {"If-Match": '"1"'})
    body = refused(late, 412, "managed.changed", "admin changed the group shared")
    assert body["current"]["document"] == {"title": "Two"}
    again = put(admin, "groups/shared", {"title": "New"})
    refused(again, 412, "managed.changed")
    refused(put(admin, "groups/shared", {}, {}), 428, "request.precondition", "If-Match")
    refused(put(admin, "groups/shared", {}, {"If-Match": "2"}), 400, "request.invalid")
    refused(put(admin, "groups/shared", {}, NEW | ANY), 400, "request.invalid")
    assert admin.get("platform/groups/shared").headers["ETag"] == '"2"'


def test_a_dry_run_says_what_would_be_and_changes_nothing(hub: LiveHub, admin: Api) -> None:
    before = len(read_audit(hub))
    answer = put(admin, "groups/tried", {"title": "Tried"}, query="?dry_run=true")
    assert (answer.status_code, answer.json()["dry_run"]) == (200, True)
    assert admin.get("platform/groups/tried").status_code == 404
    assert len(read_audit(hub)) == before
    refused(put(admin, "groups/tried", {}, query="?dry_run=yes"), 400, "request.invalid")


def test_a_manager_makes_a_user_of_their_group_who_starts_and_is_retired(
    hub: LiveHub, admin: Api, boss: Api
) -> None:
    team = {"members": [], "managers": ["boss"], "quota": {"servers": 2}}
    assert put(admin, "groups/team", team).status_code == 201
    assert put(boss, "users/kim", {"level": "user"}, groups=["team"]).status_code == 201
    assert put(boss, "users/max", {"level": "manager"}, groups=["team"]).status_code == 403
    assert put(boss, "users/max", {"level": "user"}).status_code == 403
    groups = set(admin.get("users/kim").json()["groups"])
    assert groups == {"team", "level:user"}
    invite = boss.post("platform/users/kim/invite", json={})
    assert invite.status_code == 201, invite.text
    kim = join(hub, "kim", invite.json()["url"])
    assert kim.start("kim", tier="small", account="team").status_code in {201, 202}
    kim.wait_until_ready("kim")
    kim.stop("kim")
    assert put(boss, "users/kim", {"level": "viewer"}, {"If-Match": '"1"'}).status_code == 200
    assert "level:viewer" in admin.get("users/kim").json()["groups"]
    assert retire(boss, "users/kim").status_code == 200
    assert admin.get("users/kim").json()["groups"] == []
    assert admin.get("platform/groups/team").json()["document"]["members"] == []


def test_a_grant_is_made_once_and_ends(hub: LiveHub, admin: Api, boss: Api) -> None:
    document = {
        "user": "dev1",
        "account": "vision",
        "add": {"servers": 1},
        "until": "2030-01-01T00:00:00Z",
        "reason": "paper",
    }
    body = {"document": document, "reason": "a paper"}
    key = {"Idempotency-Key": "one"}
    made = boss.request("POST", "platform/grants", json=body, headers=key)
    assert made.status_code == 201, made.text
    again = boss.request("POST", "platform/grants", json=body, headers=key)
    assert (again.status_code, again.json()["name"]) == (200, made.json()["name"])
    other = {**body, "document": {**document, "add": {"servers": 2}}}
    refused(
        boss.request("POST", "platform/grants", json=other, headers=key), 412, "managed.changed"
    )
    assert made.json()["after"]["by"] == "boss"
    assert retire(boss, f"grants/{made.json()['name']}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("PUT", f"{kind}/x") for kind in ("users", "groups", "images", "tiers", "grants")),
        *(("DELETE", f"{kind}/x") for kind in ("users", "groups", "images", "tiers", "grants")),
        *(("GET", f"{kind}/x") for kind in ("users", "groups", "images", "tiers", "grants")),
        ("POST", "grants"),
        ("POST", "policy/rollback"),
    ],
)
def test_others_change_and_read_nothing(hub: LiveHub, method: str, path: str) -> None:
    answer = hub.token("dev1").request(method, f"platform/{path}", json={}, headers=ANY)
    refused(answer, 403, "request.forbidden")


@pytest.mark.parametrize(
    ("path", "document", "more"),
    [
        ("users/boss", {"level": "admin"}, {}),
        ("users/max", {"level": "admin"}, {"groups": ["vision"]}),
        ("groups/mine", {"managers": ["boss"], "quota": {"servers": 99}}, {}),
        ("groups/vision", {"managers": ["boss"], "quota": {"servers": 99}}, {}),
        ("tiers/huge", {"requests": {"cpu": 64, "memory": "1Ti"}, "images": ["lab"]}, {}),
        ("images/own", {"reference": "evil/image:1"}, {}),
        ("grants/a", {"user": "boss", "account": "vision", "add": {"servers": 1}}, {}),
        ("grants/b", {"user": "dev1", "account": "vision", "add": {"servers": 9}}, {}),
        ("grants/c", {"group": "vision", "add": {"servers": 9}}, {}),
        ("grants/d", {"user": "dev1", "add": {"servers": 1}}, {}),
    ],
)
def test_a_manager_gets_no_more_than_they_hold(
    boss: Api, path: str, document: dict[str, Any], more: dict[str, Any]
) -> None:
    said = {"until": "2030-01-01T00:00:00Z", "reason": "mine"} if "grants" in path else {}
    assert put(boss, path, {**document, **said}, **more).status_code in {403, 409}


def test_a_restarted_hub_has_what_was_managed(hub: LiveHub, admin: Api) -> None:
    assert put(admin, "groups/kept", {"members": ["dev1"]}).status_code == 201
    hub.kill_everything()
    hub.start()
    assert hub.token("admin").get("platform/groups/kept").json()["version"] == 1
    assert "kept" in hub.token("admin").get("users/dev1").json()["groups"]
