"""Many people are changed at once on a real Hub: tried out, followed, interrupted and undone."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.hub.api.test_live_managed import join, refused
from tests.support.live_hub import Api, LiveHub, running, wait_for
from tests.support.store_readers import read_audit, reading

pytestmark = pytest.mark.hub

COUNT: Final = 400
PEOPLE: Final = [f"p{number:04}" for number in range(COUNT)]
POLICY: Final = """\
version: 1
name: Bulk
defaults: {tier: small, member_quota: {servers: 2}}
users:
  admin: {level: admin}
  second: {level: admin}
  boss: {level: manager}
  peer: {level: manager}
  outsider: {level: user}
groups:
  vision: {members: [boss], quota: {servers: 3}}
  text: {members: [outsider], managers: [peer]}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}
  big: {requests: {cpu: 100m, memory: 256Mi}, images: [lab], access: {groups: [vision]}}
""".replace("users:\n", "users:\n" + "".join(f"  {name}: {{level: user}}\n" for name in PEOPLE))


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


def begin(who: Api, act: str, names: list[str], *, query: str = "", **said: Any) -> httpx.Response:
    headers = {"Idempotency-Key": said.pop("key")} if "key" in said else {}
    body = {"act": act, "names": names, "reason": "a term begins"} | said
    return who.post(f"platform/bulk{query}", json=body, headers=headers)


def follow(who: Api, answer: httpx.Response, state: str = "done") -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    path = f"platform/bulk/{answer.json()['id']}"
    wait_for(lambda: who.get(path).json().get("state") == state, f"the bulk change to be {state}")
    found: dict[str, Any] = who.get(path).json()
    return found


def make(who: Api, path: str, document: dict[str, Any]) -> None:
    body = {"document": document, "reason": "a test"}
    made = who.put(f"platform/{path}", json=body, headers={"If-None-Match": "*"})
    assert made.status_code == 201, made.text


def read_members(who: Api, group: str) -> list[str]:
    members: list[str] = who.get(f"platform/groups/{group}").json()["document"].get("members", [])
    return members


def test_many_join_a_group_as_single_ones_would_and_leave_it_by_undo(
    hub: LiveHub, admin: Api
) -> None:
    make(admin, "groups/course", {"members": ["outsider"], "managers": ["boss"]})
    names = [*PEOPLE, "nobody", "outsider"]
    tried = begin(admin, "add-to-group", names, query="?dry_run=true", group="course").json()
    assert (tried["total"], tried["done"], tried["same"], tried["refused"]) == (402, 400, 1, 1)
    assert tried["refusals"][0]["name"] == "nobody"
    assert read_members(admin, "course") == ["outsider"]
    done = follow(admin, begin(admin, "add-to-group", names, group="course"))
    assert (done["done"], done["same"], done["refused"], done["left"]) == (400, 1, 1, 0)
    assert len(read_members(admin, "course")) == COUNT + 1
    wait_for(
        lambda: "course" in admin.get(f"users/{PEOPLE[7]}").json()["groups"], "the Hub's group"
    )
    undone = follow(admin, admin.post(f"platform/bulk/{done['id']}/undo", json={"reason": "no"}))
    assert (undone["act"], undone["done"]) == ("undo", done["revisions"])
    assert read_members(admin, "course") == ["outsider"]
    rows = [row for row in read_audit(hub) if row.subject == done["id"]]
    assert {row.action for row in rows} == {"bulk.started", "bulk.refused", "bulk.done"}
    changed = [row for row in read_audit(hub) if row.action == "group.changed"]
    assert {row.actor for row in changed} == {"admin"}
    assert json.loads(changed[0].detail_json)["reason"]


def test_it_goes_on_where_it_was_after_the_hub_was_killed(hub: LiveHub, admin: Api) -> None:
    make(admin, "groups/killed", {"members": ["outsider"]})
    begun = begin(admin, "suspend", PEOPLE, until="2035-01-01T00:00:00Z")
    path = f"platform/bulk/{begun.json()['id']}"
    wait_for(lambda: 0 < admin.get(path).json()["done"] < COUNT, "it to be on its way")
    hub.kill_hub()
    hub.start()
    done = follow(admin, begun)
    assert (done["done"], done["refused"]) == (COUNT, 0)
    query = text("SELECT subject FROM audit WHERE action = 'person.suspended' ORDER BY subject")
    with reading(hub) as transaction:
        assert [row.subject for row in transaction.execute(query)] == PEOPLE
    resumed = follow(admin, begin(admin, "resume", PEOPLE))
    assert resumed["done"] == COUNT
    refused(
        admin.post(f"platform/bulk/{resumed['id']}/undo", json={"reason": "x"}), 409, "bulk.nothing"
    )


def test_it_stops_once_its_maker_may_no_longer_do_it_and_its_rest_is_no_one_elses(
    hub: LiveHub, admin: Api, boss: Api
) -> None:
    second = hub.token("second")
    begun = begin(second, "suspend", PEOPLE)
    path = f"platform/bulk/{begun.json()['id']}"
    assert admin.post("platform/users/second/suspend", json={"reason": "left"}).status_code == 200
    stopped = follow(admin, begun, "stopped")
    assert stopped["why"] == "second began it, and is suspended."
    assert stopped["left"] > 0
    refused(admin.post(f"{path}/resume", json={}), 409, "bulk.authority", "Begin one of yours")
    for who, status in ((boss, 404), (second, 403)):
        assert who.get(path).status_code == status
    follow(admin, begin(admin, "resume", PEOPLE))
    assert admin.post("platform/users/second/resume", json={"reason": "back"}).status_code == 200


def test_a_manager_cannot_do_in_bulk_what_they_cannot_do_one_by_one(admin: Api, boss: Api) -> None:
    make(admin, "groups/theirs", {"members": ["outsider"], "managers": ["peer"]})
    for act in ("suspend", "resume"):
        refused(begin(boss, act, PEOPLE[:2]), 403, "request.forbidden")
    for act, said in (
        ("add-to-group", {"group": "theirs"}),
        ("remove-from-group", {"group": "theirs"}),
        ("set-level", {"level": "admin"}),
        ("retire", {}),
        ("grant", {"document": {"account": "text", "add": {"servers": 1}, "until": "2d"}}),
    ):
        done = follow(boss, begin(boss, act, ["outsider", "boss", "admin"], **said))
        assert (done["done"], done["refused"]) == (0, 3), (act, done)
    assert read_members(admin, "theirs") == ["outsider"]


def test_a_name_that_always_fails_stops_its_job_and_no_other(hub: LiveHub, admin: Api) -> None:
    writer = create_engine(hub.database_url)
    with writer.begin() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER poison BEFORE INSERT ON audit WHEN NEW.subject = 'p0070' "
                "BEGIN SELECT RAISE(ABORT, 'poisoned'); END"
            )
        )
    bad = begin(admin, "suspend", PEOPLE[:90])
    good = begin(admin, "suspend", PEOPLE[100:120])
    assert follow(admin, good)["done"] == 20
    stopped = follow(admin, bad, "stopped")
    assert (stopped["done"], stopped["left"]) == (70, 20)
    assert stopped["why"].startswith("It failed at p0070: ")
    assert "poisoned" in stopped["why"]
    assert "resume it once the cause is gone" in stopped["why"]
    with writer.begin() as connection:
        connection.execute(text("DROP TRIGGER poison"))
    writer.dispose()
    path = f"platform/bulk/{stopped['id']}/resume"
    assert follow(admin, admin.post(path, json={}))["done"] == 90
    follow(admin, begin(admin, "resume", PEOPLE[:120]))


def new_people(count: int, *groups: str) -> list[dict[str, Any]]:
    return [
        {"name": f"n{number:03}", "document": {"level": "user"}, "groups": list(groups)}
        for number in range(count)
    ]


def test_a_table_is_added_whole_although_the_hub_was_killed(hub: LiveHub, admin: Api) -> None:
    make(admin, "groups/table", {"members": ["outsider"]})
    people = new_people(300, "table")
    body = {"act": "add-people", "people": people, "reason": "a term"}
    begun = admin.post("platform/bulk", json=body)
    path = f"platform/bulk/{begun.json()['id']}"
    wait_for(lambda: admin.get(path).json()["done"] > 0, "it to be on its way")
    hub.kill_hub()
    hub.start()
    done = follow(admin, begun)
    assert (done["done"], done["refused"], done["left"]) == (300, 0, 0)
    assert read_members(admin, "table") == ["outsider", *(each["name"] for each in people)]
    query = text("SELECT subject FROM audit WHERE action = 'user.made' ORDER BY seq")
    with reading(hub) as transaction:
        made = [row.subject for row in transaction.execute(query)]
    assert made == [each["name"] for each in people]
    wait_for(lambda: "table" in admin.get("users/n299").json()["groups"], "the Hub's group")
    again = admin.post("platform/bulk?dry_run=true", json=body).json()
    assert (again["same"], again["done"]) == (300, 0)


def test_a_table_with_one_fault_adds_nobody(hub: LiveHub, admin: Api, boss: Api) -> None:
    make(admin, "groups/own", {"managers": ["boss"]})
    fine = [{**each, "name": f"x{each['name']}"} for each in new_people(3, "own")]
    for who, faulty, code in (
        (admin, {"name": "bad", "document": {"level": "emperor"}}, "policy.invalid"),
        (admin, {"name": "bad", "groups": ["nothing"]}, "managed.none"),
        (boss, {"name": "bad", "document": {"level": "admin"}, "groups": ["own"]}, None),
        (boss, {"name": "bad", "groups": []}, None),
    ):
        body = {"act": "add-people", "people": [*fine, faulty], "reason": "a term"}
        answer = who.post("platform/bulk", json=body)
        refused(answer, 422, "bulk.refused", "so nothing was changed")
        (one,) = answer.json()["refusals"]
        assert (one["name"], one["code"]) == ("bad", code or "managed.not_allowed")
    assert admin.get("platform/users/xn000").status_code == 404
    tried = [
        row for row in read_audit(hub) if (row.action, row.result) == ("bulk.started", "refused")
    ]
    assert {row.actor for row in tried} >= {"admin", "boss"}


def test_a_managed_suspension_is_enforced_within_five_seconds(hub: LiveHub, admin: Api) -> None:
    make(admin, "users/kim", {"level": "user"})
    make(admin, "groups/kims", {"members": ["kim"]})
    wait_for(lambda: admin.get("users/kim").status_code == 200, "the Hub to know kim")
    kim = join(hub, "kim", admin.post("platform/users/kim/invite", json={}).json()["url"])
    assert kim.start("kim", tier="small", account="kims").status_code in {201, 202}
    kim.wait_until_ready("kim")
    seen = admin.get("platform/users/kim")
    document = {"level": "user", "suspended": {"reason": "left"}}
    changed = admin.put(
        "platform/users/kim",
        json={"document": document, "reason": "left"},
        headers={"If-Match": seen.headers["ETag"]},
    )
    assert changed.status_code == 200, changed.text
    since = time.monotonic()
    wait_for(lambda: kim.get("user").status_code == 403, "the token to end")
    wait_for(lambda: not admin.servers("kim"), "the server to stop")
    assert time.monotonic() - since < 5


def test_the_same_key_begins_one_only(admin: Api) -> None:
    first, again = (begin(admin, "resume", ["admin"], key="k1") for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    other = begin(admin, "resume", ["admin"], key="k2")
    assert other.json()["id"] != first.json()["id"]
