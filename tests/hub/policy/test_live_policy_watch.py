"""The policy file of a running Hub: edited, broken, repaired; people dropped and taken back."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.hub_fixtures import SMALL_TIER
from tests.support.live_hub import Api, LiveHub, Session, running, wait_for
from tests.support.store_readers import read_open

pytestmark = pytest.mark.hub

POLICY = (
    """\
version: 1
name: Reload
defaults: {tier: small}
users:
  admin: {level: admin}
  dev1: {level: developer}
  dev2: {level: developer}
groups:
  vision:
    members: [dev1, dev2, admin]
    member_quota: {servers: 2}
  language: {members: [dev2]}
"""
    + SMALL_TIER
)
WITHOUT_DEV1 = POLICY.replace("  dev1: {level: developer}\n", "").replace("[dev1, ", "[")
SOON = 5.0


@pytest.fixture(scope="module")
def started(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), POLICY)) as hub:
        yield hub


@pytest.fixture(scope="module")
def admin(started: LiveHub) -> Api:
    return started.token("admin")


@pytest.fixture(scope="module")
def dev1(started: LiveHub) -> Api:
    return started.token("dev1")


@pytest.fixture(scope="module")
def dev1_browser(started: LiveHub) -> Session:
    return started.login("dev1")


@pytest.fixture
def hub(started: LiveHub, admin: Api, dev1: Api, dev1_browser: Session) -> Iterator[LiveHub]:
    yield started
    put_into_force(started, admin, POLICY)


def edit(hub: LiveHub, text: str) -> None:
    """Replace the file as an editor does."""
    draft = hub.policy.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(hub.policy)


def put_into_force(hub: LiveHub, admin: Api, text: str) -> None:
    edit(hub, text)
    answer = admin.post("platform/reload")
    assert answer.status_code == 200, answer.text


def limit_of(api: Api, path: str) -> int | None:
    usage = api.get("platform/usage").json()
    limits = [limit for account in usage["accounts"] for limit in account["limits"]]
    return next((limit["limit"] for limit in limits if limit["path"] == path), None)


def groups_of(admin: Api, name: str) -> set[str]:
    return set(admin.get(f"users/{name}").json()["groups"])


def accounts_of(api: Api) -> list[str]:
    return [each["account"] for each in api.get("platform/usage").json()["accounts"]]


def test_edit_takes_effect_by_itself_and_a_broken_one_does_not(hub: LiveHub, dev1: Api) -> None:
    path = "groups.vision.member_quota.servers"
    assert limit_of(dev1, path) == 2
    edit(hub, POLICY.replace("servers: 2", "servers: 1"))
    wait_for(lambda: limit_of(dev1, path) == 1, "the new quota", SOON)
    seen = len(hub.terminal.read_text())
    edit(hub, POLICY.replace("servers: 2", "servers: banana"))

    def said() -> str:
        return hub.terminal.read_text()[seen:]

    wait_for(lambda: f"{hub.policy}:11" in said(), "the line that is wrong", SOON)
    assert "The last good policy stays in force." in said()
    assert said().count(":11") == 1, "it is said once for each edit"
    assert "Traceback" not in said()
    assert limit_of(dev1, path) == 1
    hub.policy.unlink()
    wait_for(lambda: "cannot be read" in said(), "the missing file", SOON)
    assert limit_of(dev1, path) == 1
    edit(hub, POLICY.replace("servers: 2", "servers: 3"))
    wait_for(lambda: limit_of(dev1, path) == 3, "the repaired file", SOON)


def test_reload_on_request_answers_with_every_fault_of_the_file(hub: LiveHub, admin: Api) -> None:
    broken = POLICY.replace("servers: 2", "servers: -2").replace("tier: small", "tier: tiny")
    edit(hub, broken)
    answer = admin.post("platform/reload")
    assert answer.status_code == 422
    faults = answer.json()["faults"]
    assert [str(hub.policy) in fault for fault in faults] == [True, True]
    assert answer.json()["message"] == "The last good policy stays in force."
    edit(hub, POLICY)
    mended = admin.post("platform/reload").json()
    assert admin.post("platform/reload").json() == {**mended, "changed": False}


@pytest.mark.parametrize(
    "admin_is", ["{level: manager}", "{level: admin, suspended: {reason: left}}"]
)
def test_file_that_leaves_no_admin_is_a_fault_and_the_admin_stays(
    hub: LiveHub, admin: Api, admin_is: str
) -> None:
    seen = len(hub.terminal.read_text())
    edit(hub, POLICY.replace("admin: {level: admin}", f"admin: {admin_is}"))
    wait_for(lambda: "could govern" in hub.terminal.read_text()[seen:], "the fault", SOON)
    answer = admin.post("platform/reload")
    assert answer.status_code == 422
    (fault,) = answer.json()["faults"]
    assert f"{hub.policy}:" in fault
    assert admin.get("platform/health").json()["policy"]["faults"] == [fault]


def test_dropped_person_starts_nothing_but_keeps_what_runs(
    hub: LiveHub, admin: Api, dev1: Api, dev1_browser: Session
) -> None:
    assert dev1.start("dev1", "kept", tier="small").status_code in {201, 202}
    dev1.wait_until_ready("dev1", "kept")
    pids = hub.list_lasting()
    assert pids
    put_into_force(hub, admin, WITHOUT_DEV1)
    refused = dev1.start("dev1", "more", tier="small")
    assert refused.status_code == 403, refused.text
    assert "You are not declared on this platform." in refused.json()["message"]
    form = dev1_browser.post_json("/hub/api/users/dev1/servers/more", {})
    assert form.status_code == 403
    asked_for = admin.start("dev1", "more", tier="small")
    assert asked_for.status_code == 403
    login = Session(hub.url, "dev1")
    answer = login.submit_login(hub.passwords["dev1"])
    assert answer.status_code == 403
    assert "dev1 is not declared on this platform. Ask an admin to add them." in answer.text
    assert groups_of(admin, "dev1") == set()
    assert admin.servers("dev1")["kept"]["ready"]
    assert set(pids) <= set(hub.list_marked())
    assert [each.user for each in read_open(hub)] == ["dev1"]
    put_into_force(hub, admin, POLICY)
    assert groups_of(admin, "dev1") == {"vision", "level:developer"}
    assert login.submit_login(hub.passwords["dev1"]).status_code == 302
    login.close()
    assert dev1.start("dev1", "more", tier="small").status_code in {201, 202}
    dev1.wait_until_ready("dev1", "more")
    for server in ("kept", "more"):
        dev1.stop("dev1", server)
    assert dev1_browser.get("/hub/token").status_code == 200


def test_membership_made_in_the_hub_is_kept_and_counts(hub: LiveHub, admin: Api, dev1: Api) -> None:
    assert admin.post("groups/language/users", json={"users": ["dev1"]}).status_code == 200
    assert accounts_of(dev1) == ["language", "vision"]
    hub.login("dev1")
    put_into_force(hub, admin, POLICY.replace("servers: 2", "servers: 3"))
    assert groups_of(admin, "dev1") == {"vision", "language", "level:developer"}
    asked = {"user_options": {"tier": "small", "account": "language"}}
    assert dev1.post("platform/decide", json=asked).json()["admitted"]
    assert dev1.start("dev1", tier="small", account="language").status_code in {201, 202}
    dev1.wait_until_ready("dev1")
    assert [each.account for each in read_open(hub)] == ["language"]
    dev1.stop("dev1")
    left = admin.request("DELETE", "groups/language/users", json={"users": ["dev1"]})
    assert left.status_code == 200
    hub.login("dev1")
    assert accounts_of(dev1) == ["vision"]


def test_membership_goes_when_the_file_no_longer_declares_it(hub: LiveHub, admin: Api) -> None:
    declared = {"vision", "language", "level:developer"}
    assert groups_of(admin, "dev2") == declared
    put_into_force(hub, admin, POLICY.replace("{members: [dev2]}", "{members: []}"))
    assert groups_of(admin, "dev2") == declared - {"language"}
    put_into_force(hub, admin, POLICY)
    assert groups_of(admin, "dev2") == declared


@pytest.mark.parametrize("name", ["dev1", "stray"])
def test_no_level_is_given_by_hand(hub: LiveHub, admin: Api, name: str) -> None:
    if name == "stray":
        assert admin.post("users/stray").status_code == 201
    made = admin.post(f"users/{name}/tokens", json={"note": "test"}).json()
    joined = admin.post("groups/level:admin/users", json={"users": [name]})
    assert joined.status_code == 403, joined.text
    assert "only the policy gives levels" in joined.json()["message"]
    assert "level:admin" not in groups_of(admin, name)
    put_into_force(hub, admin, POLICY.replace("servers: 2", "servers: 4"))
    assert "level:admin" not in groups_of(admin, name)
    with Api(hub.url, made["token"]) as theirs:
        assert theirs.get("users").status_code == 403
    assert not admin.get(f"users/{name}").json()["admin"]


def test_no_admin_is_made_by_hand(hub: LiveHub, admin: Api) -> None:
    for made in (
        admin.patch("users/dev2", json={"admin": True}),
        admin.patch("users/admin", json={"admin": False}),
        admin.post("users/new", json={"admin": True}),
        admin.post("users", json={"usernames": ["new"], "admin": True}),
    ):
        assert made.status_code == 403, made.text
        assert "Only the policy makes users admins" in made.json()["message"]
    assert not admin.get("users/dev2").json()["admin"]
    assert admin.get("users/admin").json()["admin"]
    assert admin.get("users/new").status_code == 404
    assert admin.patch("users/dev2", json={"groups": ["level:admin"]}).status_code == 400
    assert admin.patch("users/dev2", json={"roles": ["admin"]}).status_code == 400


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    "group", ["level:admin", "level%3Aadmin", "LEVEL:admin", "%20level:user", "level:new"]
)
def test_groups_of_levels_are_the_policys(
    hub: LiveHub, admin: Api, group: str, method: str
) -> None:
    people = {"users": ["dev2"]}
    for path in (f"groups/{group}", f"groups/{group}/users"):
        answer = admin.request(method, path, json=people)
        assert answer.status_code == 403, (path, answer.text)
    assert admin.post("groups", json={"groups": ["ok", "level:admin "]}).status_code == 403
    assert admin.get("groups/ok").status_code == 404
    assert groups_of(admin, "dev2") == {"vision", "language", "level:developer"}


def test_a_renamed_user_has_the_level_of_the_new_name(hub: LiveHub, admin: Api) -> None:
    assert admin.patch("users/dev2", json={"name": "other"}).status_code == 200
    try:
        assert groups_of(admin, "other") == {"vision", "language"}
    finally:
        assert admin.patch("users/other", json={"name": "dev2"}).status_code == 200
    assert groups_of(admin, "dev2") == {"vision", "language", "level:developer"}


def test_file_that_others_may_not_see_is_said_to_be_unreadable(hub: LiveHub, admin: Api) -> None:
    hub.policy.unlink()
    hub.policy.mkdir()
    answer = admin.post("platform/reload")
    assert answer.status_code == 422
    assert "cannot be read" in answer.json()["faults"][0]
    os.rmdir(hub.policy)  # noqa: PTH106 - reads as what it undoes
