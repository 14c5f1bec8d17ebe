"""Each change on JupyterHub's own routes, and each refused attempt on any, leaves its row."""

import json
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jupyterhub_platform.store.audit import AuditRow
from jupyterhub_platform.usecases.recorded_requests import MAX_BURST
from tests.support.live_hub import LiveHub, Session, hidden_xsrf, running, wait_for
from tests.support.store_readers import read_audit

pytestmark = pytest.mark.hub

POLICY = (
    """\
version: 1
name: Record
defaults: {tier: small}
users:
  admin: {level: admin}
  auditor: {level: auditor}
  dev1: {level: developer}
  dev2: {level: developer}
  user1: {level: user}
"""
    + "".join(f"  u{number}: {{level: user}}\n" for number in range(20))
    + """\
groups:
  vision: {members: [dev1, dev2, user1, admin]}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small:
    title: Small
    requests: {cpu: 100m, memory: 256Mi}
    limits: {cpu: 1, memory: 1Gi}
    images: [lab]
"""
)


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    site = "import jupyterhub_platform.hub.platform as platform\nplatform.LOOK_SECONDS = 1.0"
    with running(LiveHub(make_directory(), POLICY, site=site)) as hub:
        yield hub


class Rows:
    """Rows that were added since the last look."""

    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub
        self._seen = read_audit(hub)[0].seq

    def new(self) -> list[AuditRow]:
        rows = [row for row in read_audit(self._hub) if row.seq > self._seen]
        self._seen = rows[0].seq if rows else self._seen
        return rows[::-1]

    def is_any_new(self) -> bool:
        return read_audit(self._hub)[0].seq > self._seen

    def one(self) -> AuditRow:
        (row,) = self.new()
        return row


def detail(row: AuditRow) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(row.detail_json)
    return read


def say(row: AuditRow) -> tuple[str, str, str, str | None, Any, Any]:
    told = detail(row)
    who = (row.actor, row.action, row.subject, row.result)
    return (*who, told.get("before"), told.get("after"))


def test_each_change_of_people_and_groups_has_one_row(hub: LiveHub) -> None:
    admin, rows = hub.token("admin"), Rows(hub)
    rows.new()
    assert admin.post("users/kim").status_code == 201
    who = {"name": "kim", "admin": False, "groups": []}
    assert say(rows.one()) == ("admin", "person.added", "kim", "done", None, who)
    assert admin.post("users", json={"usernames": ["lee", "max"]}).status_code == 201
    assert [(row.action, row.subject) for row in rows.new()] == [
        ("person.added", "lee"),
        ("person.added", "max"),
    ]
    assert admin.request("PATCH", "users/kim", json={"name": "kimi"}).status_code == 200
    change = ({"name": "kim"}, {"name": "kimi"})
    assert say(rows.one()) == ("admin", "person.changed", "kim", "done", *change)
    assert admin.post("groups/team", json={"users": ["lee"]}).status_code == 201
    group = {"members": ["lee"], "properties": {}}
    assert say(rows.one()) == ("admin", "group.added", "team", "done", None, group)
    assert admin.post("groups/team/users", json={"users": ["lee", "max"]}).status_code == 200
    members: Any = ({}, {"max": "member"})
    assert say(rows.one()) == ("admin", "group.members_added", "team", "done", *members)
    assert admin.post("groups/team/users", json={"users": ["max"]}).status_code == 200
    assert rows.new() == []
    removed = admin.request("DELETE", "groups/team/users", json={"users": ["max"]})
    assert removed.status_code == 200
    gone: Any = ({"max": "member"}, {})
    assert say(rows.one()) == ("admin", "group.members_removed", "team", "done", *gone)
    assert admin.request("PUT", "groups/team/properties", json={"x": 1}).status_code == 200
    properties: Any = ({}, {"x": 1})
    assert say(rows.one()) == ("admin", "group.properties_set", "team", "done", *properties)
    assert admin.delete("groups/team").status_code == 204
    before = {"members": ["lee"], "properties": {"x": 1}}
    assert say(rows.one()) == ("admin", "group.removed", "team", "done", before, None)
    assert admin.delete("users/kimi").status_code == 204
    row = rows.one()
    assert (row.action, row.subject, detail(row)["after"]) == ("person.removed", "kimi", None)
    assert (row.via, row.address) == ("api", "127.0.0.1")


def test_tokens_and_shares_have_rows_without_their_secrets(hub: LiveHub) -> None:
    dev1, rows = hub.token("dev1"), Rows(hub)
    rows.new()
    made = dev1.post("users/dev1/tokens", json={"note": "backup", "expires_in": 60}).json()
    row = rows.one()
    assert (row.actor, row.action, row.subject) == ("dev1", "token.made", "dev1")
    assert detail(row)["after"][made["id"]]["note"] == "backup"
    assert made["token"] not in row.detail_json
    assert dev1.delete(f"users/dev1/tokens/{made['id']}").status_code == 204
    row = rows.one()
    assert (row.action, list(detail(row)["before"]), detail(row)["after"]) == (
        "token.revoked",
        [made["id"]],
        {},
    )
    assert dev1.start("dev1", "s", tier="small").status_code in {201, 202}
    assert rows.new() == []  # the ledger has it
    shared = dev1.post("shares/dev1/s", json={"user": "dev2"})
    assert shared.status_code == 200, shared.text
    row = rows.one()
    assert (row.action, row.subject, list(detail(row)["after"])) == (
        "share.made",
        "dev1/s",
        ["dev2"],
    )
    code = dev1.post("share-codes/dev1/s", json={}).json()
    row = rows.one()
    assert (row.action, list(detail(row)["after"])) == ("share_code.made", [code["id"]])
    assert code["code"] not in row.detail_json
    assert dev1.delete("share-codes/dev1/s").status_code == 204
    assert rows.one().action == "share_code.revoked"
    ended = dev1.request("PATCH", "shares/dev1/s", json={"user": "dev2"})
    assert ended.status_code == 200
    row = rows.one()
    assert (row.action, list(detail(row)["before"])) == ("share.revoked", ["dev2"])
    admin = hub.token("admin")
    rows.new()
    assert admin.delete("users/dev1/servers/s").status_code in {202, 204}
    row = rows.one()
    assert (row.actor, row.action, row.subject) == ("admin", "server.stopped", "dev1/s")


ATTEMPTS: list[tuple[str, str, Any, str, str]] = [
    ("POST", "users/eve", None, "person.added", "eve"),
    ("POST", "users", {"usernames": ["eve", "eva"]}, "person.added", "eve, eva"),
    ("PATCH", "users/user1", {"admin": True}, "person.changed", "user1"),
    ("DELETE", "users/admin", None, "person.removed", "admin"),
    ("POST", "groups/vision/users", {"users": ["x"]}, "group.members_added", "vision"),
    ("POST", "groups/level:admin/users", {"users": ["x"]}, "group.members_added", "level:admin"),
    ("PUT", "groups/vision/properties", {}, "group.properties_set", "vision"),
    ("POST", "users/admin/tokens", {}, "token.made", "admin"),
    ("POST", "shares/admin/", {"user": "dev1"}, "share.made", "admin/"),
    ("POST", "services/mine", {}, "service.added", "mine"),
    ("POST", "shutdown", {}, "hub.shut_down", "the Hub"),
    ("POST", "platform/users/admin/suspend", {"reason": "x"}, "person.suspended", "admin"),
    ("POST", "platform/users/dev1/invite", {}, "person.invited", "dev1"),
    ("POST", "platform/reload", {}, "policy.published", ""),
    ("DELETE", "users/dev1/servers/s", None, "server.stopped", "dev1/s"),
    ("POST", "users/dev1/servers/s", None, "server.started", "dev1/s"),
]


@pytest.mark.parametrize("number", range(len(ATTEMPTS)), ids=lambda n: " ".join(ATTEMPTS[n][:2]))
def test_each_refused_attempt_has_a_row_with_its_reason(hub: LiveHub, number: int) -> None:
    method, path, body, action, subject = ATTEMPTS[number]
    caller, rows = hub.token(f"u{number}"), Rows(hub)
    answer = caller.request(method, path, json=body)
    assert answer.status_code in {403, 404}, answer.text
    row = rows.one()
    told = detail(row)
    assert (row.action, row.subject, row.result) == (action, subject, "refused")
    assert (row.actor, row.via) == (f"u{number}", "api")
    assert told["reason"]
    assert told["status"] == answer.status_code


def test_what_an_admin_may_not_do_either_has_its_row(hub: LiveHub) -> None:
    admin, rows = hub.token("admin"), Rows(hub)
    refused = admin.post("platform/users/admin/suspend", json={"reason": "try"})
    assert refused.status_code == 409
    row = rows.one()
    assert (row.action, row.subject, row.result) == ("person.suspended", "admin", "refused")
    assert detail(row)["reason"] == refused.json()["message"]


def test_wrong_passwords_are_counted_and_never_recorded(hub: LiveHub) -> None:
    rows = Rows(hub)
    for name, password in (("dev2", "guess one of many"), ("my secret password", "x")):
        for _ in range(3):
            with Session(hub.url, name) as session:
                assert session.submit_login(password).status_code == 403
    found: list[AuditRow] = []

    def tried() -> int:
        found.extend(rows.new())
        return sum(detail(row).get("times", 1) for row in found)

    wait_for(lambda: tried() == 6, "a count of all")
    first = found[0]
    assert (first.actor, first.action, first.subject) == ("(anonymous)", "person.logged_in", "dev2")
    assert (first.result, first.via, first.address) == ("refused", "page", "127.0.0.1")
    assert not [row for row in found if "secret" in str(row) or "guess" in str(row)]


def test_a_flood_of_anonymous_requests_costs_a_few_rows(hub: LiveHub) -> None:
    rows = Rows(hub)
    with httpx.Client(base_url=f"{hub.url}/hub/api/") as stranger:
        for number in range(150):
            assert stranger.post(f"users/n{number}").status_code == 403
            assert stranger.delete(f"groups/g{number}").status_code == 403
    wait_for(lambda: rows.new(), "a count")
    time.sleep(2.5)
    assert len(rows.new()) <= 2 * MAX_BURST


def test_who_uses_the_command_line_is_the_actor_and_not_jhp(hub: LiveHub) -> None:
    rows = Rows(hub)
    for words in (("suspend", "dev2", "--reason", "left"), ("resume", "dev2", "--reason", "back")):
        done = subprocess.run(
            [sys.executable, "-m", "jupyterhub_platform", *words, "--state", str(hub.state)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    suspended, resumed = rows.new()
    user = pwd.getpwuid(os.geteuid()).pw_name
    for row in (suspended, resumed):
        assert (row.actor, row.via, row.address) == (
            f"unix:{user}",
            "cli",
            f"user id {os.geteuid()}",
        )
    after = {"reason": "left", "until": None}
    assert (detail(suspended)["before"], detail(suspended)["after"]) == (None, after)
    assert (detail(resumed)["before"], detail(resumed)["after"]) == (after, None)


def test_an_invite_of_the_command_line_is_good(hub: LiveHub) -> None:
    words = ("invite", "user1", "--json", "--state", str(hub.state))
    done = subprocess.run(
        [sys.executable, "-m", "jupyterhub_platform", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = httpx.get(json.loads(done.stdout)["url"])
    assert (page.status_code, "user1" in page.text) == (200, True)


def test_a_stop_on_a_page_of_the_service_comes_from_the_browser(hub: LiveHub) -> None:
    dev1 = hub.token("dev1")
    assert dev1.start("dev1", "stop", tier="small").status_code in {201, 202}
    dev1.wait_until_ready("dev1", "stop")
    admin = hub.login("admin")
    page = admin.visit("/services/platform/servers/stop?user=dev1&server=stop")
    rows = Rows(hub)
    form = {"user": "dev1", "server": "stop", "confirmed": "yes", "_xsrf": hidden_xsrf(page.text)}
    stopped = admin.post("/services/platform/servers/stop", data=form)
    assert stopped.status_code == 303, stopped.text
    row = rows.one()
    assert (row.actor, row.action, row.subject) == ("admin", "server.stopped", "dev1/stop")
    assert (row.via, row.address) == ("page", "127.0.0.1")


def test_what_the_service_refuses_itself_has_its_row(hub: LiveHub) -> None:
    """The Hub hears nothing of these; what it refuses itself still has one row."""
    prefix = "/services/platform"
    dev1, admin = hub.login("dev1"), hub.login("admin")
    xsrf = {"_xsrf": hidden_xsrf(dev1.visit(f"{prefix}/new/request").text)}
    rows = Rows(hub)
    attempts = [
        ("new/tier", xsrf | {"name": "mine"}, {}, 403, "Only admins change tiers"),
        ("people/dev2/suspend", xsrf | {"why": "x"}, {}, 403, "Only admins"),
        ("new/request", xsrf, {"Origin": "https://evil.example"}, 403, "from another site"),
        ("servers/stop", xsrf | {"user": ".."}, {}, 400, "Name the user and the server"),
    ]
    for path, form, headers, status, reason in attempts:
        sent = dev1.post(f"{prefix}/{path}", data=form, headers=headers)
        assert sent.status_code == status, (path, sent.text)
        wait_for(rows.is_any_new, f"the row of {path}")
        row = rows.one()
        request = f"POST {prefix}/{path}"
        assert (row.actor, row.action, row.subject) == ("dev1", "call.refused", request)
        assert (row.result, row.via, row.address) == ("refused", "page", "127.0.0.1")
        assert (detail(row)["status"], detail(row)["request"]) == (status, request)
        assert reason in detail(row)["reason"]
    expired = dev1.post(f"{prefix}/new/tier", data={"name": "mine"})
    assert expired.status_code == 403, "without the token of a form, a cookie says nothing"
    wait_for(rows.is_any_new, "the row of a stranger")
    row = rows.one()
    assert (row.actor, row.action, row.subject) == ("(anonymous)", "call.refused", "")
    assert detail(row)["request"] == f"POST {prefix}/new/tier"
    page = admin.visit(f"{prefix}/new/user").text
    form = {"_xsrf": hidden_xsrf(page), "name": "new/one", "why": "hired", "step": "save"}
    sent = admin.post(f"{prefix}/new/user", data=form)
    assert sent.status_code == 422, sent.text
    wait_for(rows.is_any_new, "the row of the Hub")
    time.sleep(1)
    row = rows.one()
    assert (row.actor, row.action, row.via, row.address) == (
        "admin",
        "user.changed",
        "page",
        "127.0.0.1",
    )


def test_nobody_notes_a_refused_attempt_of_others(hub: LiveHub) -> None:
    body = {"method": "POST", "path": "/x", "status": 403, "reason": "no"}
    dev1 = hub.token("dev1")
    rows = Rows(hub)
    assert dev1.post("platform/refused", json=body).status_code == 200
    assert rows.one().actor == "dev1"
    stranger = httpx.post(f"{hub.url}/hub/api/platform/refused", json=body)
    assert stranger.status_code == 403
    more = dev1.post("platform/refused", json=body | {"actor": "admin"})
    assert more.status_code == 400


def test_a_policy_file_with_faults_is_a_refused_attempt(hub: LiveHub) -> None:
    rows, good = Rows(hub), hub.policy.read_text()
    hub.policy.write_text(good + "nonsense: 1\n")
    try:
        (row,) = wait_for(lambda: rows.new(), "the file to be refused")
    finally:
        hub.policy.write_text(good)
    assert (row.actor, row.action, row.result) == ("platform.yaml", "policy.published", "refused")
    assert "nonsense" in detail(row)["reason"]
    assert row.via == "platform"
