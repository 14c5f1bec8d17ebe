"""Whatever a caller sends for a server, it starts as the policy says or not at all.

``TEST_SEED`` repeats the bodies of a run.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resource_names import SERVERS
from jupyterhub_platform.hub.local.processes import RESERVATION_MARK
from tests.support.hostile_input import Body, any_body
from tests.support.hub_fixtures import SMALL_TIER
from tests.support.live_hub import Api, LiveHub, running, server_path, wait_for
from tests.support.seeds import dice_for
from tests.support.store_readers import read_open

pytestmark = pytest.mark.hub

POLICY = (
    """\
version: 1
name: Bodies
quota: {servers: 9}
defaults: {tier: small}
users:
  admin: {level: admin}
  dev: {level: developer}
  fuzz: {level: user}
groups:
  vision: {members: [dev, fuzz], member_quota: {servers: 1}}
  text: {members: [admin]}
"""
    + SMALL_TIER
    + """\
  large:
    title: Large
    requests: {cpu: 2, memory: 512Mi}
    images: [lab]
    at_once: {platform: 1}
  closed:
    title: Closed
    requests: {cpu: 64, memory: 256Mi}
    images: [lab]
    access: {levels: [admin]}
"""
)
DEMAND = {
    "small": {"cpu": 100, "memory": 256 * 2**20, SERVERS: 1},
    "large": {"cpu": 2_000, "memory": 512 * 2**20, SERVERS: 1},
}
NAMED = ("", "a", "b")
NEW = "made"
ANSWERS = {"POST": {201, 202}, "PUT": {201}, "PATCH": {200}, "DELETE": {202, 204}}
METHODS = (*["POST"] * 12, *["PUT"] * 4, *["PATCH"] * 4, "DELETE")
STOP_EVERY = 100
"""How many bodies a server stays for: what it holds stands in the way of others meanwhile."""
FAILURE_LIMIT = 3
"""A Hub stops itself after so many failures to start a server, one after the other."""


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    site = f"c.Spawner.consecutive_failure_limit = {FAILURE_LIMIT}\n"
    site += f"c.PlatformLocalSpawner.consecutive_failure_limit = {FAILURE_LIMIT}\n"
    with running(LiveHub(make_directory(), POLICY, site=site)) as hub:
        yield hub


@dataclass(frozen=True)
class Look:
    """What a server was started with, as Linux tells it."""

    command: tuple[str, ...]
    variables: frozenset[str]
    limits: str


@dataclass
class Sender:
    """Sends bodies for a user's servers, and holds every answer to what may be answered."""

    hub: LiveHub
    api: Api
    dice: random.Random
    statuses: Counter[str] = field(default_factory=Counter)
    running: str | None = None

    def __post_init__(self) -> None:
        assert self.api.start("fuzz", tier="small", account="vision", image="lab").is_success
        self.plain = self.look("")
        self.stop("")

    def send(self, number: int) -> None:
        """Send one body, and look at what it has started or made."""
        method = self.dice.choice(METHODS)
        server = self.dice.choice((*NAMED, NEW) if method == "PUT" else NAMED)
        keys = ("user_options", "display_name", "name")[: self.dice.choice((1, 1, 1, 2, 3))]
        body = any_body(self.dice, *keys) if self.dice.random() < 0.95 else Body(b"")
        answer = self.request(method, server_path("fuzz", server), body)
        told = f"body {number}: {method} {server!r} {body}: {answer.status_code} {answer.text}"
        assert answer.status_code in {*ANSWERS[method], *range(400, 500)}, told
        assert "Traceback" not in answer.text, told
        self.statuses[f"{method} {answer.status_code}"] += 1
        if method == "POST" and answer.is_success:
            self.look_at_what_started(server, told)
        if number % STOP_EVERY == 0:
            self.tidy()

    def request(self, method: str, path: str, body: Body) -> httpx.Response:
        headers = {"Content-Type": body.content_type}
        return self.api.request(method, path, content=body.content, headers=headers)

    def look_at_what_started(self, server: str, told: str) -> None:
        """Hold a server that started to its tier, and to one that was asked for politely."""
        (held,) = self.list_held()
        assert (held.user, held.server, held.account) == ("fuzz", server, "vision"), told
        assert held.image == "lab", told
        assert dict(held.demand) == DEMAND[held.tier], told
        assert self.look(server) == self.plain, told
        self.statuses[f"started {held.tier}"] += 1
        self.running = server

    def look(self, server: str) -> Look:
        """Return what a server was started with, once it runs."""
        self.api.wait_until_ready("fuzz", server)
        (held,) = self.list_held()
        # A server has children, and at first a parent that watches it.
        (pid,) = (
            each
            for each in self.hub.list_marked()
            if psutil.Process(each).environ().get(RESERVATION_MARK) == held.id
            and command_of(each)[2:3] == (str(self.hub.server_program),)
        )
        limits = Path(f"/proc/{pid}/limits").read_text()
        # Where it listens is each server's own.
        command = (word for word in command_of(pid) if not word.startswith("--ServerApp.sock="))
        return Look(tuple(command), frozenset(psutil.Process(pid).environ()), limits)

    def tidy(self) -> None:
        """Stop what runs, and remove servers that were only made."""
        if self.running is not None:
            self.stop(self.running)
        for name in self.list_names() - {*NAMED}:
            assert self.api.request(
                "DELETE", server_path("fuzz", name), json={"remove": True}
            ).is_success

    def list_held(self) -> list[Reservation]:
        """Return what is held, from the Hub's own book: opening the store takes long."""
        usage = self.api.get("platform/usage").json()
        return [Reservation.from_json(each) for each in usage["servers"]]

    def list_names(self) -> set[str]:
        query = {"include_stopped_servers": "1"}
        return set(self.api.get("users/fuzz", params=query).json()["servers"])

    def stop(self, server: str) -> None:
        self.api.delete(server_path("fuzz", server))
        wait_for(lambda: not self.list_held(), "the server to be gone")
        self.running = None


def command_of(pid: int) -> tuple[str, ...]:
    return tuple(Path(f"/proc/{pid}/cmdline").read_text().split("\0"))


@pytest.mark.parametrize("number", [200, pytest.param(20_000, marks=pytest.mark.long)])
def test_no_body_breaks_the_hub_or_starts_what_the_policy_does_not_say(
    hub: LiveHub, number: int
) -> None:
    sender = Sender(hub, hub.token("fuzz", expires_in=24 * 3600), dice_for("bodies"))
    pid = hub.hub_pid
    for each in range(number):
        sender.send(each)
    sender.tidy()
    print(f"{number} bodies: {dict(sorted(sender.statuses.items()))}")
    assert hub.hub_pid == pid, "the Hub is not the one of before"
    assert "consecutive spawns failed" not in hub.log
    assert "Uncaught exception" not in hub.log
    wait_for(lambda: not hub.list_marked(), "every process to be gone")
    assert read_open(hub) == []
    assert sender.statuses["started small"] > 0
    assert sender.statuses["POST 409"] > 0


@pytest.mark.parametrize("method", ["PATCH", "POST"])
@pytest.mark.parametrize("name", ["\ud800", "a\0b", "\x1b[2J", "x" * 256, " ", 5, ["a"]], ids=ascii)
def test_no_server_is_shown_by_a_name_that_cannot_be_shown(
    hub: LiveHub, method: str, name: object
) -> None:
    admin = hub.token("admin")
    assert admin.put(server_path("admin", "named"), json={}).status_code in {201, 409}
    body = json.dumps({"display_name": name, "user_options": {"tier": "none"}})
    for _ in range(2):
        answer = admin.request(method, server_path("admin", "named"), content=body)
        assert answer.status_code == 400
        # Text that no database takes is refused wherever it stands.
        assert re.search("display_name|not valid Unicode", answer.json()["message"])
    assert admin.get("users/admin").status_code == 200


def test_the_log_has_the_keys_of_changed_options_and_not_their_values(hub: LiveHub) -> None:
    admin = hub.token("admin")
    assert admin.put(server_path("admin", "logged"), json={}).status_code == 201
    body = {"user_options": {"tier": "hunter2"}}
    changed = admin.patch(server_path("admin", "logged"), json=body)
    assert changed.status_code == 200
    assert changed.json()["user_options"] == body["user_options"]
    wait_for(lambda: "Setting user_options on admin/logged (tier)" in hub.log, "the log", 10)
    assert "hunter2" not in hub.log


ROUTES = (
    ("POST", "platform/decide", ("user_options",)),
    ("POST", "platform/decide", ("user_options", "user", "server")),
    ("POST", "platform/users/dev/invite", ("expires_in_hours",)),
    ("POST", "platform/users/{}/invite", ("expires_in_hours",)),
    ("POST", "platform/users/dev/suspend", ("reason", "until")),
    ("POST", "platform/users/dev/resume", ("reason",)),
    ("POST", "platform/users/{}/suspend", ("reason",)),
    ("POST", "platform/reload", ("user",)),
    ("GET", "platform/settings", ()),
    ("GET", "platform/usage?user={}", ()),
    ("GET", "platform/decisions/{}", ()),
)


@pytest.mark.parametrize("number", [200, pytest.param(20_000, marks=pytest.mark.long)])
def test_no_body_breaks_a_route_of_the_platform(hub: LiveHub, number: int) -> None:
    dice, statuses = dice_for("routes"), Counter[str]()
    for api in (hub.token("admin", expires_in=24 * 3600), hub.token("fuzz")):
        for each in range(number // 2):
            method, route, keys = dice.choice(ROUTES)
            body = any_body(dice, *keys)
            noise = "".join(chr(dice.randrange(1, 0x3000)) for _ in range(dice.randrange(1, 9)))
            path = route.format(quote(noise, safe=""))
            headers = {"Content-Type": body.content_type}
            answer = api.request(method, path, content=body.content, headers=headers)
            told = f"{each}: {method} {path} {body}: {answer.status_code} {answer.text}"
            assert answer.is_success or 400 <= answer.status_code < 500, told
            assert "Traceback" not in answer.text, told
            statuses[f"{route.partition('?')[0]} {answer.status_code}"] += 1
    print(f"{number} bodies: {dict(sorted(statuses.items()))}")
    assert "Uncaught exception" not in hub.log
