"""A suspended user is out everywhere within seconds, and comes back with nothing lost."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from jupyterhub_platform.core.suspensions import RevokedShare
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.store.suspensions import forget_shares, keep_shares
from tests.support.canaries import Watched
from tests.support.hub_fixtures import hub_of, token_of
from tests.support.live_hub import Api, LiveHub, Session, wait_for
from tests.support.store_readers import read_audit, read_open

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
defaults: {tier: small}
users:
  admin: {level: admin}
  second: {level: admin}
  boss: {level: manager}
  operator: {level: operator}
  auditor: {level: auditor}
  kim: {level: developer}
  host: {level: developer}
  guest: {level: developer}
groups:
  vision: {members: [kim, host, guest, operator, auditor, admin, second], managers: [boss]}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 100m, memory: 256Mi}, limits: {cpu: 2, memory: 1Gi}, images: [lab]}}
"""
WITHIN_SECONDS = 5.0
BUSY_SECONDS = 5.0
"""What the tests allow on top, for a machine that does much else."""


hub = hub_of(POLICY, lab=True)
admin = token_of("admin")


def suspend(api: Api, name: str, **body: Any) -> httpx.Response:
    return api.post(f"platform/users/{name}/suspend", json={"reason": "a reason", **body})


def resume(api: Api, name: str) -> httpx.Response:
    return api.post(f"platform/users/{name}/resume", json={"reason": "a reason"})


def within(check: Callable[[], object], what: str) -> None:
    """Wait until ``check`` is true, no longer than a suspension may take."""
    wait_for(check, what, seconds=WITHIN_SECONDS + BUSY_SECONDS)


class At(Watched):
    """A visitor of single-user servers, with a token and no browser."""

    def __init__(self, hub: LiveHub, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        super().__init__(hub.url, headers=headers)


def test_suspended_user_is_out_everywhere_and_comes_back_with_nothing_lost(
    hub: LiveHub, admin: Api
) -> None:
    kim, host, guest = (hub.token(name) for name in ("kim", "host", "guest"))
    browser = hub.login("kim")
    for api, name, server in ((kim, "kim", ""), (kim, "kim", "train"), (host, "host", "")):
        assert api.start(name, server, tier="small").status_code in {201, 202}
        api.wait_until_ready(name, server)
    assert host.post("shares/host/", json={"user": "kim"}).status_code == 200
    assert kim.post("shares/kim/train", json={"user": "guest"}).status_code == 200
    assert kim.post("shares/kim/train", json={"group": "vision"}).status_code == 200
    assert kim.post("share-codes/kim/train", json={}).status_code == 200
    assert len(admin.get("share-codes/kim/train").json()["items"]) == 1
    (hub.state.parent / "homes" / "kim" / "kept.txt").write_text("kept")
    assert browser.visit("/user/host/lab").url.path == "/user/host/lab"
    leave_an_oauth_code(browser, "host")
    assert count_oauth_codes(hub, "kim") == 1
    with At(hub, kim.token) as visitor, At(hub, guest.token) as shared:
        assert visitor.get("/user/host/api/contents").status_code == 200
        assert shared.get("/user/kim/train/api/contents").status_code == 200

        began = time.monotonic()
        answer = suspend(admin, "kim")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["suspended"] is True
        assert body["ended"]["servers"] == ["", "train"]
        assert body["ended"]["shares"] == 3
        assert body["ended"]["tokens"] >= 4
        assert "tokens" in body["not_given_back"]
        assert "that kim has open at host/ is not cut" in body["not_ended"]

        made_for_kim = admin.post("users/kim/tokens", json={"note": "made by an admin"}).json()
        with Api(hub.url, made_for_kim["token"]) as late:
            assert late.get("user").status_code == 403, "looked at anew, however lately that was"
        assert count_oauth_codes(hub, "kim") == 0
        assert admin.get("share-codes/kim/train").json()["items"] == []
        assert kim.get("user").status_code == 403
        assert kim.start("kim", "more", tier="small").status_code == 403
        assert browser.get("/hub/token").status_code == 302
        refused = Session(hub.url, "kim")
        with refused:
            page = refused.submit_login(hub.passwords["kim"])
            assert page.status_code == 403
            assert "kim is suspended. Ask an admin." in page.text
        within(lambda: visitor.get("/user/host/api/contents").status_code == 403, "host's server")
        within(
            lambda: browser.get("/user/host/api/contents").status_code in {302, 403},
            "host's server in the browser",
        )
        within(lambda: not admin.servers("kim"), "the servers to stop")
        assert time.monotonic() - began < WITHIN_SECONDS + BUSY_SECONDS
        assert [held.user for held in read_open(hub)] == ["host"]
        for shared_server in ("kim/train", "host/"):
            assert admin.get(f"shares/{shared_server}").json()["items"] == []

        denied = admin.start("kim", tier="small")
        assert denied.status_code == 403
        assert denied.json()["message"] == "kim is suspended. Ask an admin."

        answer = resume(admin, "kim")
        assert answer.status_code == 200, answer.text
        assert answer.json()["shares"] == 3
        assert kim.get("user").status_code == 403, "tokens are not restored"
        assert browser.get("/hub/token").status_code == 302, "sessions are not restored"

    back = hub.token("kim")
    me = admin.get("users/kim").json()
    assert {"level:developer", "vision"} <= set(me["groups"])
    assert (hub.state.parent / "homes" / "kim" / "kept.txt").read_text() == "kept"
    assert back.start("kim", "train", tier="small").status_code in {201, 202}
    back.wait_until_ready("kim", "train")
    with At(hub, guest.token) as shared, At(hub, back.token) as visitor:
        assert shared.get("/user/kim/train/api/contents").status_code == 200
        assert visitor.get("/user/host/api/contents").status_code == 200
    shared_with = back.get("shares/kim/train").json()["items"]
    assert {(s["kind"], (s["user"] or s["group"])["name"]) for s in shared_with} == {
        ("user", "guest"),
        ("group", "vision"),
    }
    actions = [row.action for row in read_audit(hub) if row.subject == "kim"]
    assert {"person.suspended", "person.resumed"} <= set(actions)


def leave_an_oauth_code(browser: Session, owner: str) -> None:
    """Be on the way to a server once more, with a code that was not exchanged for a token."""
    query = {
        "client_id": f"jupyterhub-user-{owner}",
        "redirect_uri": f"/user/{owner}/oauth_callback",
        "response_type": "code",
    }
    answer = browser.get("/hub/api/oauth2/authorize", params=query)
    assert "code=" in answer.headers["location"]


def count_oauth_codes(hub: LiveHub, name: str) -> int:
    query = "SELECT count(*) FROM oauth_codes JOIN users ON user_id = users.id WHERE name = ?"
    return ask_hub_database(hub, query, name)


def ask_hub_database(hub: LiveHub, query: str, *values: object) -> int:
    with closing(sqlite3.connect(hub.state / "jupyterhub.sqlite")) as database:
        found: int = database.execute(query, values).fetchone()[0]
    return found


def find_user_id(hub: LiveHub, name: str) -> int:
    return ask_hub_database(hub, "SELECT id FROM users WHERE name = ?", name)


def test_no_door_offers_anything_to_a_suspended_user(hub: LiveHub, admin: Api) -> None:
    """Each door of the Hub and of the service, as an admin looks through it."""
    browser = hub.login("admin")

    def look() -> tuple[str, str, list[Any], bool]:
        spawn = browser.visit("/hub/spawn/guest?opt-tier=small").text
        person = browser.visit("/services/platform/people/guest").text
        usage = admin.get("platform/usage", params={"user": "guest"}).json()
        asked = {"user": "guest", "user_options": {"tier": "small"}}
        decision = admin.post("platform/decide", json=asked).json()
        return spawn, person, [each["fits"] for each in usage["accounts"]], decision["admitted"]

    spawn, person, fits, admitted = look()
    assert "fits now" in spawn
    assert "fits now" in person
    assert (fits, admitted) == ([["small"]], True)
    assert suspend(admin, "guest").status_code == 200
    try:
        spawn, person, fits, admitted = look()
        assert "guest is suspended." in spawn
        assert 'name="tier"' not in spawn
        assert "fits now" not in spawn
        assert "small fits" not in person
        assert (fits, admitted) == ([[]], False)
    finally:
        assert resume(admin, "guest").status_code == 200


def test_a_start_that_is_under_way_is_broken_off(hub: LiveHub, admin: Api) -> None:
    guest = hub.token("guest")
    with ThreadPoolExecutor(1) as pool:
        start = pool.submit(guest.start, "guest", "late", tier="small")
        wait_for(lambda: [h for h in read_open(hub) if h.user == "guest"], "the start to begin")
        assert suspend(admin, "guest").status_code == 200
        answer = start.result()
    # 201 or 202 if it was answered before.
    assert answer.status_code in {201, 202, 409}, answer.text
    assert answer.status_code != 409 or "was cancelled" in answer.json()["message"]
    within(lambda: not admin.servers("guest"), "the start to end")
    wait_for(lambda: not [h for h in read_open(hub) if h.user == "guest"], "the release")
    assert not [pid for pid in hub.list_marked() if _is_of(pid, "guest/late")]
    assert resume(admin, "guest").status_code == 200


def _is_of(pid: int, server: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"JUPYTERHUB_PLATFORM_SERVER={server}".encode() in environment.split(b"\0")


def test_survives_a_killed_hub_and_ends_by_itself(hub: LiveHub, admin: Api) -> None:
    guest = hub.token("guest")
    assert guest.start("guest", tier="small").status_code in {201, 202}
    guest.wait_until_ready("guest")
    assert guest.post("shares/guest/", json={"user": "host"}).status_code == 200
    end = datetime.now(UTC) + timedelta(seconds=45)
    assert suspend(admin, "guest", until=end.isoformat()).status_code == 200
    hub.kill_hub()
    hub.start()
    assert guest.get("user").status_code == 403
    assert hub_login_status(hub, "guest") == 403
    wait_for(lambda: not admin.servers("guest"), "the server to stop", seconds=40)
    wait_for(lambda: hub_login_status(hub, "guest") == 302, "the end", seconds=90)
    wait_for(lambda: admin.get("shares/guest/").json()["items"], "the share", seconds=40)


def test_an_end_that_comes_lifts_nothing_that_the_file_says(hub: LiveHub, admin: Api) -> None:
    guest, text = hub.token("guest"), hub.policy.read_text()
    end = datetime.now(UTC) + timedelta(seconds=3)
    assert suspend(admin, "kim", until=end.isoformat()).status_code == 200
    declare_suspended(hub, text, "kim")
    assert admin.post("platform/reload").status_code == 200
    wait_for(lambda: _was_resumed(hub, "kim", "its end has come"), "the end", seconds=30)

    declare_suspended(hub, text, "kim", "guest")
    assert admin.post("platform/reload").status_code == 200
    assert guest.get("user").status_code == 403
    assert hub_login_status(hub, "kim") == 403, "the file keeps kim out still"
    hub.policy.write_text(text)
    assert admin.post("platform/reload").status_code == 200
    assert hub_login_status(hub, "kim") == 302


def declare_suspended(hub: LiveHub, text: str, *names: str) -> None:
    for name in names:
        suspended = f"{name}: {{level: developer, suspended: {{reason: left}}}}"
        text = text.replace(f"{name}: {{level: developer}}", suspended)
    hub.policy.write_text(text)


def _was_resumed(hub: LiveHub, name: str, reason: str) -> bool:
    lifted = [r for r in read_audit(hub) if (r.action, r.subject) == ("person.resumed", name)]
    return any(reason in row.detail_json for row in lifted)


def test_failure_to_settle_one_user_delays_no_other(hub: LiveHub, admin: Api) -> None:
    boss, host = hub.token("boss"), hub.token("host")
    if "" not in admin.servers("host"):
        assert host.start("host", tier="small").status_code in {201, 202}
    ids = {name: find_user_id(hub, name) for name in ("host", "auditor")}
    query = "SELECT id FROM spawners WHERE name = '' AND user_id = ?"
    spawner = ask_hub_database(hub, query, ids["host"])
    names = ("auditor", "host", "", "user", "auditor", "no:such!scope")
    odd = RevokedShare(*names, ids["host"], spawner, ids["auditor"], datetime.now(UTC))
    store = Store.open(hub.database_url)
    try:
        with store.begin() as transaction:
            keep_shares(transaction, [odd])
        wait_for(lambda: "a suspension of auditor" in hub.log, "the failure")
        text = hub.policy.read_text()
        suspended = "boss: {level: manager, suspended: {reason: left}}"
        hub.policy.write_text(text.replace("boss: {level: manager}", suspended))
        assert admin.post("platform/reload").status_code == 200
        assert boss.get("user").status_code == 403
        hub.policy.write_text(text)
        assert admin.post("platform/reload").status_code == 200
        with store.begin() as transaction:
            forget_shares(transaction, [odd])
    finally:
        store.close()


@pytest.mark.parametrize(("first", "second"), [("kim", "host"), ("host", "kim")])
def test_a_share_comes_back_with_the_last_of_the_two(
    hub: LiveHub, admin: Api, first: str, second: str
) -> None:
    host = hub.token("host")
    share_default_server(host, "host", "kim")
    for name in (first, second):
        assert suspend(admin, name).status_code == 200
    assert resume(admin, first).status_code == 200
    assert shared_with(admin, "host") == []
    assert resume(admin, second).status_code == 200
    assert shared_with(admin, "host") == ["kim"]


def test_a_namesake_gets_no_share(hub: LiveHub, admin: Api) -> None:
    ids = []
    for _ in range(2):
        share_default_server(hub.token("kim"), "kim", "second")
        assert suspend(admin, "kim").status_code == 200
        assert admin.delete("users/second").status_code == 204
        assert admin.post("users/second").status_code == 201
        ids.append(find_user_id(hub, "second"))
        assert resume(admin, "kim").status_code == 200
        assert shared_with(admin, "kim") == []
    assert ids[0] == ids[1], "the last id is given again: only the time tells them apart"


def test_a_group_of_the_same_name_is_a_namesake(hub: LiveHub, admin: Api) -> None:
    assert admin.post("groups/extra").status_code == 201
    share_default_server(hub.token("kim"), "kim", "extra", kind="group")
    assert suspend(admin, "kim").status_code == 200
    assert admin.delete("groups/extra").status_code == 204
    for name in ("takes-the-id", "extra"):
        assert admin.post(f"groups/{name}").status_code == 201
    assert resume(admin, "kim").status_code == 200
    assert admin.get("shares/kim/").json()["items"] == []


def share_default_server(api: Api, owner: str, name: str, *, kind: str = "user") -> None:
    """Share a server, which exists once it was started, whether or not it runs."""
    if api.post(f"shares/{owner}/", json={kind: name}).status_code == 404:
        assert api.start(owner, tier="small").status_code in {201, 202}
        assert api.post(f"shares/{owner}/", json={kind: name}).status_code == 200


def shared_with(api: Api, owner: str) -> list[str]:
    return [share["user"]["name"] for share in api.get(f"shares/{owner}/").json()["items"]]


def test_names_where_a_connection_may_still_be_open(hub: LiveHub, admin: Api) -> None:
    guest = hub.token("guest")
    assert guest.start("guest", "open", tier="small").status_code in {201, 202}
    guest.wait_until_ready("guest", "open")
    assert guest.post("shares/guest/open", json={"group": "vision"}).status_code == 200
    command = [sys.executable, "-m", "jupyterhub_platform", "suspend", "operator"]
    command += ["--reason", "a reason", "--state", str(hub.state)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Not ended: A kernel's connection that operator has open at guest/open" in done.stderr
    assert resume(admin, "operator").status_code == 200
    guest.stop("guest", "open")
    assert "guest/open" not in suspend(admin, "operator").json().get("not_ended", "")
    assert resume(admin, "operator").status_code == 200


def hub_login_status(hub: LiveHub, name: str) -> int:
    with Session(hub.url, name) as session:
        return session.submit_login(hub.passwords[name]).status_code


def test_suspension_that_the_policy_declares_is_lifted_only_there(hub: LiveHub, admin: Api) -> None:
    host = hub.token("host")
    text = hub.policy.read_text()
    suspended = "  host: {level: developer, suspended: {reason: left the project}}"
    hub.policy.write_text(text.replace("  host: {level: developer}", suspended))
    line = hub.policy.read_text().splitlines().index(suspended) + 1
    assert admin.post("platform/reload").status_code == 200
    assert host.get("user").status_code == 403
    answer = resume(admin, "host")
    assert answer.status_code == 409
    said = f"host is suspended in the policy, at {hub.policy}:{line}. Remove it there."
    assert answer.json() == {
        "title": "Conflict",
        "status": 409,
        "code": "suspension.declared",
        "detail": said,
        "message": said,
    }
    hub.policy.write_text(text)
    assert admin.post("platform/reload").status_code == 200
    assert hub_login_status(hub, "host") == 302


@pytest.mark.parametrize(
    ("name", "body", "status", "words"),
    [
        ("nobody", {}, 404, "There is no user"),
        ("admin", {}, 409, "You cannot suspend yourself"),
        ("kim", {"reason": ""}, 400, "Say why"),
        ("kim", {"reason": 5}, 400, "Say why"),
        ("kim", {"reason": "a\nb"}, 400, "Say why"),
        ("kim", {"reason": "x" * 501}, 400, "500 characters"),
        ("kim", {"until": "tomorrow"}, 400, "a time with its zone"),
        ("kim", {"until": "2030-01-01"}, 400, "a time with its zone"),
        ("kim", {"until": "0001-01-01T00:00:00+14:00"}, 400, "too far away"),
        ("kim", {"until": "2020-01-01T00:00:00Z"}, 409, "is past"),
        ("kim", {"forever": True}, 400, "Unknown keys"),
    ],
)
def test_invalid_suspension_is_refused(
    admin: Api, name: str, body: dict[str, Any], status: int, words: str
) -> None:
    answer = suspend(admin, name, **body)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["message"]


def test_a_user_who_is_not_suspended_cannot_be_resumed(admin: Api) -> None:
    answer = resume(admin, "second")
    assert (answer.status_code, answer.json()["code"]) == (409, "suspension.none")


@pytest.mark.parametrize("level", ["kim", "boss", "operator", "auditor"])
def test_only_an_admin_may(hub: LiveHub, level: str) -> None:
    api = hub.token(level)
    assert suspend(api, "guest").status_code == 403
    assert resume(api, "guest").status_code == 403


def test_the_command_line_suspends_and_resumes(hub: LiveHub) -> None:
    def jhp(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "jupyterhub_platform", *words, "--state", str(hub.state)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = jhp("suspend", "second", "--reason", "on leave", "--until", "14d")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("second is suspended until ")
    assert "jhp resume second" in done.stderr
    assert hub_login_status(hub, "second") == 403
    last = jhp("suspend", "admin", "--reason", "takes over")
    assert (last.returncode, "last admin" in last.stderr) == (1, True)
    done = jhp("resume", "second", "--reason", "back", "--json")
    assert json.loads(done.stdout)["suspended"] is False
    assert hub_login_status(hub, "second") == 302
    assert jhp("suspend", "second", "--reason", "x", "--until", "soon").returncode == 2
