"""The in-Hub REST API on a real Hub: what it answers, what it refuses, and what it never does."""

import json
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from jupyterhub_platform.core.decision import decide
from jupyterhub_platform.core.question_json import question_from_json
from jupyterhub_platform.rest.hub_calls import HUB_CALLS
from jupyterhub_platform.rest.index import render_index
from tests.support.hub_fixtures import SMALL_TIER, hub_of, token_of
from tests.support.live_hub import Api, LiveHub, wait_for
from tests.support.store_readers import read_audit, read_decisions, read_open

pytestmark = pytest.mark.hub

POLICY = (
    """\
version: 1
name: API
quota: {servers: 2, cpu: 2}
defaults: {tier: small}
users:
  admin: {level: admin}
  boss: {level: manager}
  peer: {level: manager}
  dev1: {level: developer}
  dev2: {level: developer}
  fuzz: {level: viewer}
groups:
  vision:
    members: [dev1, dev2, admin, peer]
    managers: [boss]
    member_quota: {servers: 1}
  fuzzing: {members: [fuzz], managers: [peer]}
"""
    + SMALL_TIER
    + """\
  large:
    title: Large
    requests: {cpu: 2, memory: 256Mi}
    images: [lab]
  closed:
    title: Closed
    requests: {cpu: 100m, memory: 256Mi}
    images: [lab]
    access: {levels: [admin]}
"""
)


hub = hub_of(POLICY, site="c.PlatformLocalSpawner.consecutive_failure_limit = 2\n")
dev1 = token_of("dev1")
admin = token_of("admin")


@pytest.fixture(scope="module")
def running_server(dev1: Api) -> str:
    assert dev1.start("dev1", tier="small").status_code in {201, 202}
    dev1.wait_until_ready("dev1")
    return ""


def refused(answer: httpx.Response, status: int, *words: str) -> None:
    """Hold an answer to be a refusal with a sentence of ours."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["status"] == status
    for word in words:
        assert word in body["message"], body


@pytest.mark.parametrize(
    ("options", "status", "codes"),
    [
        ({"tier": "none"}, 400, ["options.tier"]),
        ({"tier": "small", "cpu": 64}, 400, ["options.invalid"]),
        ({"tier": "closed"}, 403, ["tier.not_granted"]),
        ({"tier": "small", "account": "fuzzing"}, 403, ["account.not_member"]),
        ({"tier": "small"}, 409, ["quota.servers"]),
        ({"tier": "large"}, None, None),
    ],
    ids=["no-tier", "a-value", "closed", "not-mine", "quota", "capacity"],
)
def test_refusal_is_the_same_word_for_word_wherever_it_is_told(
    hub: LiveHub,
    dev1: Api,
    running_server: str,
    options: dict[str, Any],
    status: int | None,
    codes: list[str] | None,
) -> None:
    dry = dev1.post("platform/decide", json={"user_options": options, "server": "more"})
    assert dry.status_code == 200
    told = dry.json()
    assert (told["admitted"], told["id"]) == (False, None)
    if codes is not None:
        assert set(codes) <= set(told["codes"])
    start = dev1.start("dev1", "more", **options)
    refused(start, told["status"])
    assert status in {None, start.status_code}
    assert start.json()["message"] == told["sentence"]
    identifier = start.headers["X-Platform-Decision"]
    assert start.headers["Link"] == (
        f'</hub/api/platform/decisions/{identifier}>; rel="describedby"'
    )
    link = start.headers["Link"].partition(">")[0].removeprefix("<")
    recorded = dev1.get(f"{hub.url}{link}").json()
    assert (recorded["id"], recorded["sentence"]) == (identifier, told["sentence"])
    assert recorded["codes"] == told["codes"]
    row = next(row for row in read_decisions(hub) if row.id == identifier)
    # The record names the user whom a door addresses.
    again = decide(question_from_json(recorded["question"]))
    assert again.say_to("dev1") == told["sentence"], "a decision is replayed from its question"
    assert (row.sentence, list(row.codes)) == (again.sentence, told["codes"])
    entries = [row for row in read_audit(hub) if row.action == "server.denied"]
    entry = next(e for e in entries if json.loads(e.detail_json)["decision"] == identifier)
    assert json.loads(entry.detail_json)["sentence"] == again.sentence


def test_full_platform_says_when_to_come_back(hub: LiveHub, running_server: str) -> None:
    dev2, admin = hub.token("dev2"), hub.token("admin")
    assert dev2.start("dev2", tier="small").status_code in {201, 202}
    dev2.wait_until_ready("dev2")
    answer = admin.start("admin", tier="small")
    refused(answer, 503, "holds 2 of 2 servers")
    assert answer.headers["Retry-After"] == "60"
    assert admin.post("platform/decide").json()["status"] == 503
    dev2.stop("dev2")
    wait_for(lambda: len(read_open(hub)) == 1, "the reservation to be released")
    assert admin.post("platform/decide").json()["admitted"]


def test_decision_is_for_its_owner_and_those_in_charge(hub: LiveHub, dev1: Api) -> None:
    identifier = dev1.start("dev1", "x", tier="none").headers["X-Platform-Decision"]
    path = f"platform/decisions/{identifier}"
    for name, status in (
        ("dev1", 200),
        ("dev2", 404),
        ("boss", 200),
        ("peer", 404),
        ("admin", 200),
    ):
        assert hub.token(name).get(path).status_code == status, name


def test_a_manager_is_in_charge_only_of_the_groups_that_they_manage(hub: LiveHub) -> None:
    peer, boss = hub.token("peer"), hub.token("boss")
    assert boss.get("platform/usage", params={"user": "dev1"}).status_code == 200
    refused(peer.get("platform/usage", params={"user": "dev1"}), 403, "Seeing what others hold")
    assert peer.get("platform/usage", params={"user": "fuzz"}).status_code == 200


@pytest.mark.parametrize("path", ["decisions/x", "decisions/0123%00", "decisions/0123"])
def test_impossible_decision_id_is_answered_like_an_unknown_one(
    hub: LiveHub, dev1: Api, admin: Api, path: str
) -> None:
    refused(dev1.get(f"platform/{path}"), 404, "There is no such decision, or it is not yours")
    refused(admin.get(f"platform/{path}"), 404, "There is no such decision.")
    refused(httpx.get(f"{hub.url}/hub/api/platform/{path}"), 403, "Log in, or send a token")


@pytest.mark.parametrize("path", ["platform/nothing", "platform/a/b?c=d"])
def test_address_that_there_is_not_is_refused_with_a_sentence(
    hub: LiveHub, dev1: Api, path: str
) -> None:
    words = "There is no such address. docs/reference/rest.md lists them."
    for method in ("GET", "POST", "DELETE"):
        refused(dev1.request(method, path), 404, words)
    refused(httpx.get(f"{hub.url}/hub/api/{path}"), 403, "Log in, or send a token of yours.")


@pytest.mark.parametrize("path", ["platform/", "platform"])
def test_the_root_lists_the_calls_that_are_below_it(hub: LiveHub, dev1: Api, path: str) -> None:
    answer = dev1.get(path)
    assert (answer.status_code, answer.json()) == (200, render_index(HUB_CALLS, "/"))
    for method in ("POST", "DELETE"):
        assert dev1.request(method, path).status_code == 405
    refused(httpx.get(f"{hub.url}/hub/api/{path}"), 403, "Log in, or send a token of yours.")


def test_usage_says_what_is_held_left_and_fits(dev1: Api, running_server: str) -> None:
    usage = dev1.get("platform/usage").json()
    assert (usage["user"], usage["level"]) == ("dev1", "developer")
    (account,) = usage["accounts"]
    assert (account["account"], account["fits"]) == ("vision", [])
    member = next(each for each in account["limits"] if each["scope"]["kind"] == "member")
    assert (member["limit"], member["held"], member["left"]) == (1, 1, 0)
    assert member["raised_by"] == ["boss"]
    assert [(each["server"], each["tier"]) for each in usage["servers"]] == [("", "small")]


BAD_BODIES = [b"{", b"nonsense", b"\xff\xfe", b"[" * 5000, b"{" * 5000, b"NaN"]
NO_OBJECTS = [b"[]", b'"text"', b"1", b"true", b"[{}]"]


@pytest.mark.parametrize("route", ["platform/decide", "platform/users/dev1/invite"])
def test_bodies_that_are_no_object_are_refused(admin: Api, route: str) -> None:
    for body in BAD_BODIES:
        refused(admin.post(route, content=body), 400, "The body is not JSON.")
    for body in NO_OBJECTS:
        refused(admin.post(route, content=body), 400, "The body is a JSON object.")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"tier": "small"}, 400, "Unknown keys: 'tier'."),
        ({"server": 5}, 400, "user and server are names."),
        ({"user": ["dev2"]}, 400, "user and server are names."),
        ({"user": None}, 400, "user and server are names."),
        ({"user": ""}, 404, "There is no user with the name ''."),
        ({"user": "\ud800"}, 400, "text that is not valid Unicode"),
        ({"user": "dev2\0"}, 400, "text that is not valid Unicode"),
        ({"user": "dev2!server=x"}, 404, "There is no user"),
        ({"user": "x" * 100_000}, 404, "There is no user"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_dry_run_refuses_what_it_does_not_know(
    hub: LiveHub, admin: Api, dev1: Api, body: dict[str, Any], status: int, words: str
) -> None:
    answer = admin.post("platform/decide", content=json.dumps(body))
    refused(answer, status, words)
    assert len(answer.text) < 500
    theirs = dev1.post("platform/decide", content=json.dumps(body))
    assert theirs.status_code == {400: 400, 404: 403}[status]


@pytest.mark.parametrize(
    "hours",
    [0, -1, 721, 1.5, True, "2", None, [], 10**18, 10**400],
    ids=lambda value: repr(value)[:12],
)
def test_invite_takes_whole_hours_up_to_a_month(admin: Api, hours: Any) -> None:
    answer = admin.post("platform/users/dev1/invite", json={"expires_in_hours": hours})
    # A number that no database counts to is refused wherever it stands.
    why = "a number that is too large" if hours == 10**400 else "expires_in_hours is a whole number"
    refused(answer, 400, why)


def test_invite_refuses_keys_that_it_does_not_know(admin: Api) -> None:
    answer = admin.post("platform/users/dev1/invite", json={"hours": 2})
    refused(answer, 400, "Unknown keys: 'hours'.")


@pytest.mark.parametrize(
    "path", ["platform/decide", "platform/reload", "platform/users/dev1/invite"]
)
def test_cookie_alone_changes_nothing(hub: LiveHub, path: str) -> None:
    session = hub.login("admin")
    session.get("/hub/token")
    for headers in ({}, {"X-XSRFToken": "invented"}, {"Origin": "https://evil.example.org"}):
        assert session.post(f"/hub/api/{path}", json={}, headers=headers).status_code == 403
    form = {"Content-Type": "text/plain", "X-XSRFToken": session.xsrf}
    assert session.post(f"/hub/api/{path}", content="{}", headers=form).status_code == 403
    assert session.post_json(f"/hub/api/{path}", {}).status_code < 300


def test_no_options_whatever_start_a_server_or_break_the_hub(hub: LiveHub) -> None:
    fuzz = hub.token("fuzz")
    numbers = random.Random(20)
    asked = 0
    for body in _bodies(numbers):
        server = numbers.choice(["", "named"])
        path = f"users/fuzz/servers/{server}" if server else "users/fuzz/server"
        answer = fuzz.post(path, content=body)
        assert 400 <= answer.status_code < 500, (body, answer.status_code, answer.text)
        dry = fuzz.post("platform/decide", content=b'{"user_options": %s}' % body)
        assert dry.status_code in {200, 400}, (body, dry.text)
        asked += 1
    assert asked > 200
    assert "consecutive spawns failed" not in hub.log
    everything = fuzz.get("users/fuzz", params={"include_stopped_servers": "1"}).json()
    assert set(everything["servers"]) <= {""}
    assert not everything["servers"].get("", {}).get("user_options")
    assert not [each for each in read_open(hub) if each.user == "fuzz"]
    assert "Uncaught exception" not in hub.log


def _bodies(numbers: random.Random) -> Iterator[bytes]:
    """Yield bodies of starts: strange ones that are known, and random ones."""
    strange: list[Any] = [None, True, 0, -1, 1e308, float("nan"), "", "small", "\ud800", "\0", []]
    strange += [{}, {"tier": "small"}, "a" * 70_000, ["small"], "../small", "${x}", "{{7*7}}"]
    for value in strange:
        yield json.dumps(value).encode()
        yield json.dumps({"user_options": value}).encode()
        for key in ("tier", "account", "image", "profile", "__class__", "", "\ud800", "k" * 300):
            yield json.dumps({"user_options": {key: value}}).encode()
            yield json.dumps({key: value}).encode()
    yield b'{"user_options": ' + b'{"tier": ' * 300 + b"1" + b"}" * 301
    for _ in range(40):
        yield numbers.randbytes(numbers.randrange(1, 60))
