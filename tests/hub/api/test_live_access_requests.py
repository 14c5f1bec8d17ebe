"""A user asks for a tier, the manager approves for a while, and it ends, on a real Hub."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.hub.api.test_live_managed import refused
from tests.support.live_hub import Api, LiveHub, running, wait_for
from tests.support.store_readers import read_audit

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
name: Requests
defaults: {tier: small, member_quota: {servers: 2}}
users:
  admin: {level: admin}
  boss: {level: manager}
  peer: {level: manager}
  dev1: {level: developer}
  dev2: {level: developer}
groups:
  vision: {members: [dev1, dev2], managers: [boss], quota: {servers: 3}}
  text: {members: [dev2], managers: [peer]}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}
  big:
    requests: {cpu: 100m, memory: 256Mi}
    images: [lab]
    requestable: true
    access: {levels: [manager]}
"""


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), POLICY)) as hub:
        yield hub


def ask(who: Api, **wish: Any) -> httpx.Response:
    body = {"account": "vision", "reason": "training", "for": "2d"} | wish
    return who.post("platform/requests", json={k: v for k, v in body.items() if v is not None})


def answer(who: Api, id_: str, verb: str, **more: Any) -> httpx.Response:
    return who.post(f"platform/requests/{id_}/{verb}", json={"reason": "fine"} | more)


def test_a_tier_is_asked_for_approved_used_and_ends(hub: LiveHub) -> None:
    dev1, boss = hub.token("dev1"), hub.token("boss")
    denied = dev1.start("dev1", tier="big", account="vision")
    assert denied.status_code == 403
    asked = ask(dev1, tier="big")
    assert (asked.status_code, asked.json()["state"]) == (201, "open")
    id_ = asked.json()["id"]
    assert [each["id"] for each in boss.get("platform/requests?state=open").json()["items"]] == [
        id_
    ]
    approved = answer(boss, id_, "approve", **{"for": "20s"})
    assert (approved.status_code, approved.json()["state"]) == (200, "approved"), approved.text
    assert dev1.start("dev1", tier="big", account="vision").status_code in {201, 202}
    dev1.wait_until_ready("dev1")
    dev1.stop("dev1")
    options = {"user_options": {"tier": "big", "account": "vision"}}
    wait_for(
        lambda: not dev1.post("platform/decide", json=options).json()["admitted"],
        "the grant to end",
    )
    trail = [row for row in read_audit(hub) if id_ in row.detail_json or row.subject == id_]
    assert [row.action for row in trail] == ["grant.made", "request.approved", "request.made"]
    assert json.loads(trail[0].detail_json)["after"]["by"] == "boss"


def test_a_request_that_is_sent_twice_with_one_key_is_made_once(hub: LiveHub) -> None:
    dev1, boss = hub.token("dev1"), hub.token("boss")
    body = {"account": "vision", "reason": "training", "for": "2d", "add": {"servers": 1}}
    key = {"Idempotency-Key": "one"}
    first, again = (dev1.post("platform/requests", json=body, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201), again.text
    assert first.json() == again.json()
    assert answer(boss, first.json()["id"], "refuse").status_code == 200
    # Nothing is asked for anew by what was sent before; what others send with this key is theirs.
    answered = dev1.post("platform/requests", json=body, headers=key).json()
    assert (answered["id"], answered["state"]) == (first.json()["id"], "refused")
    theirs = boss.post("platform/requests", json=body, headers=key)
    assert theirs.json()["id"] != first.json()["id"]
    assert answer(boss, theirs.json()["id"], "withdraw").status_code == 200
    assert (
        dev1.post("platform/requests", json=body, headers={"Idempotency-Key": ""}).status_code
        == 400
    )


def test_others_neither_see_nor_answer_it(hub: LiveHub) -> None:
    dev1, dev2, peer = hub.token("dev1"), hub.token("dev2"), hub.token("peer")
    id_ = ask(dev1, add={"servers": 1}).json()["id"]
    for other in (dev2, peer):
        assert other.get("platform/requests?state=open").json()["items"] == []
        for verb in ("approve", "refuse", "withdraw"):
            refused(answer(other, id_, verb), 404, "platform.not_found")
    refused(answer(dev1, id_, "approve"), 403, "managed.not_allowed")
    refused(answer(hub.token("boss"), id_, "withdraw"), 403, "request.forbidden")
    said = answer(hub.token("boss"), id_, "refuse", reason="no GPU is free").json()
    assert (said["state"], said["answer"]) == ("refused", "no GPU is free")
    refused(answer(hub.token("admin"), id_, "approve"), 409, "request.decided")


def test_a_manager_does_not_answer_themselves(hub: LiveHub) -> None:
    boss = hub.token("boss")
    id_ = ask(boss, add={"servers": 1}).json()["id"]
    refused(answer(boss, id_, "approve"), 403, "managed.not_allowed", "your own request")
    assert answer(hub.token("admin"), id_, "approve", add={"servers": 1}).status_code == 200


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"tier": "small"}, 409, "request.tier"),
        ({"tier": "big", "account": "text"}, 409, "request.account"),
        ({"tier": "big", "add": {"servers": 1}}, 400, "request.invalid"),
        ({}, 400, "request.invalid"),
        ({"tier": "big", "for": None}, 400, "request.invalid"),
        ({"tier": "big", "for": "400d"}, 400, "request.invalid"),
        ({"level": "root", "for": None}, 400, "request.invalid"),
        ({"add": {"servers": "many"}}, 422, "policy.invalid"),
    ],
)
def test_what_makes_no_sense_is_refused_with_why(
    hub: LiveHub, wish: dict[str, Any], status: int, code: str
) -> None:
    refused(ask(hub.token("dev1"), **wish), status, code)


def test_a_suspended_users_requests_are_void(hub: LiveHub) -> None:
    dev2, admin = hub.token("dev2"), hub.token("admin")
    id_ = ask(dev2, tier="big").json()["id"]
    assert admin.post("platform/users/dev2/suspend", json={"reason": "left"}).status_code == 200
    refused(answer(admin, id_, "approve"), 409, "request.suspended")

    def state() -> str:
        items = admin.get("platform/requests").json()["items"]
        return next(str(each["state"]) for each in items if each["id"] == id_)

    wait_for(lambda: state() == "void", "the request to end", 40)
