"""Every route of a real Hub, of the platform in it and of its service, asked by everybody.

What they are answered is written in ``matrix/matrix.txt``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.hub.matrix.actors import PEOPLE, Actor, make_actors
from tests.hub.matrix.objects import BODIES, Objects
from tests.hub.matrix.table import (
    NOT_SENT,
    TABLE,
    TO_LOGIN,
    Route,
    Row,
    list_uncovered,
    read_columns,
    read_sections,
)
from tests.support.canaries import Watched
from tests.support.live_hub import Api, LiveHub, running, wait_for
from tests.support.store_readers import read_audit, read_decisions, read_open

pytestmark = pytest.mark.hub

TOKEN_OF_SERVICE = "c0ffee" * 8
ROUTES_OF_THIS_HUB = "routes-of-this-hub"
GATE = "closed"
SITE = f"""\
# Eighteen actors come from one address, and each has an invite that is none.
c.PlatformAuthenticator.tries_per_source = 1000
import asyncio
import os
from pathlib import Path
from jupyterhub.handlers.base import BaseHandler
from tornado.web import RequestHandler

METHODS = ("get", "post", "put", "patch", "delete")

class Routes(BaseHandler):
    def get(self):
        routes = []
        for rule in self.application.wildcard_router.rules:
            methods = [
                method.upper() for method in METHODS
                if getattr(rule.target, method) is not RequestHandler._unimplemented_method
            ]
            # What has no method of its own answers all alike, before it comes to one.
            routes.append([rule.matcher.regex.pattern, methods or ["GET"]])
        self.write({{"routes": routes}})

async def wait_for_gate(spawner):
    while Path(os.environ["GATE"]).exists():
        await asyncio.sleep(0.05)

c.JupyterHub.extra_handlers = [(r"/{ROUTES_OF_THIS_HUB}", Routes)]
c.JupyterHub.services = [{{"name": "without-roles", "api_token": {TOKEN_OF_SERVICE!r}}}]
c.JupyterHub.named_server_limit_per_user = 1000
c.JupyterHub.active_server_limit = 2
c.JupyterHub.concurrent_spawn_limit = 1
c.PlatformLocalSpawner.pre_spawn_hook = wait_for_gate
"""
TEXT = TABLE.read_text()
COLUMNS = read_columns(TEXT)
AT_REST, STARTING, FULL = read_sections(TEXT)


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    directory = make_directory()
    policy, gate = TABLE.parent / "policy.yaml", {"GATE": str(directory / GATE)}
    with running(LiveHub(directory, policy, site=SITE, environment=gate, lab=True)) as hub:
        yield hub


@dataclass
class Walk:
    """What the rows are asked with."""

    client: httpx.Client
    actors: dict[str, Actor]
    objects: Objects

    def answer(self, row: Row) -> list[str]:
        return [self._cell(row, self.actors[column]) for column in COLUMNS]

    def _cell(self, row: Row, actor: Actor) -> str:
        path = self.objects.fill(row.path, actor)
        body = self.objects.fill_body(BODIES[row.body or "none"], actor)
        answer = actor.ask(self.client, row.method, path, body, api=row.is_api)
        if answer is None:
            return NOT_SENT
        place = urlsplit(answer.headers.get("location", "")).path
        to_login = place in {"/hub/login", "/hub/api/oauth2/authorize"}
        return TO_LOGIN if to_login else str(answer.status_code)


@pytest.fixture(scope="module")
def walk(hub: LiveHub) -> Iterator[Walk]:
    owner, gone, root = (hub.token(name) for name in ("owner", "gone", "root"))
    assert owner.start("owner", tier="small").status_code in {201, 202}
    owner.wait_until_ready("owner")
    decisions = {}
    for api, name in ((owner, "owner"), (root, "root"), (hub.token("outsider"), "outsider")):
        denied = api.start(name, "big", tier="none")
        assert denied.status_code == 400
        decisions[name] = denied.headers["X-Platform-Decision"]
    actors = make_actors(hub, TOKEN_OF_SERVICE)
    assert gone.get("user").status_code == 200
    suspended = root.post("platform/users/gone/suspend", json={"reason": "matrix"})
    assert suspended.status_code == 200
    with Watched(hub.url) as client:
        yield Walk(client, actors, Objects(hub, root, decisions))


@pytest.fixture(scope="module")
def starting(hub: LiveHub, walk: Walk) -> Iterator[Path]:
    """Have as many servers starting as may start at once: one, until the gate opens."""
    closed = hub.state.parent / GATE
    closed.touch()
    assert hub.token("outsider").start("outsider", tier="small").status_code == 202
    yield closed
    closed.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def full(hub: LiveHub, starting: Path) -> None:
    """Have as many servers running as may run."""
    starting.unlink()
    hub.token("outsider").wait_until_ready("outsider")


def check(walk: Walk, row: Row) -> None:
    answers = walk.answer(row)
    differences = [
        f"{column} is answered {answer}, and not {expected}"
        for column, answer, expected in zip(COLUMNS, answers, row.expected, strict=True)
        if answer != expected
    ]
    assert differences == [], f"{row}\n{' '.join(answers)}"


def test_has_a_row_for_every_route_of_the_live_hub(hub: LiveHub) -> None:
    with Watched(hub.url) as client:
        answer = client.get(f"/hub/{ROUTES_OF_THIS_HUB}")
    routes = [
        Route(pattern, frozenset(methods))
        for pattern, methods in answer.json()["routes"]
        if ROUTES_OF_THIS_HUB not in pattern
    ]
    assert len(routes) > 50
    missing = list_uncovered(routes, [(row.method, row.path) for row in AT_REST.rows])
    assert missing == [], "no row leads to\n" + "\n".join(missing)


@pytest.mark.parametrize("row", AT_REST.rows, ids=str)
def test_answers_everybody_as_the_table_says(walk: Walk, row: Row) -> None:
    check(walk, row)


def test_no_user_has_more_rights_than_before(hub: LiveHub, walk: Walk) -> None:
    with Api(hub.url, walk.actors["admn"].token) as admin:
        admins = {user["name"] for user in admin.get("users").json() if user["admin"]}
        powerful = set(admin.get("groups/level:admin").json()["users"])
        members = set(admin.get("groups/vision").json()["users"])
    assert (admins | powerful) & set(PEOPLE.values()) == {"admin"}
    assert members & {"outsider", "chief"} == set()
    # What was refused is on record as well, and so are tokens and shares of one's own.
    done = {
        row.actor: row.action
        for row in read_audit(hub)
        if row.result == "done" and row.subject.partition("/")[0] != row.actor
        # Operators stop servers, and users leave servers that were shared with them.
        if row.action not in {"server.stopped", "server.started", "share.revoked"}
    }
    assert set(done) & set(PEOPLE.values()) <= {"admin", "boss", "chief"}, done


@pytest.mark.parametrize("row", STARTING.rows, ids=str)
def test_row_is_answered_as_expected_while_the_spawn_limit_is_reached(
    hub: LiveHub, walk: Walk, starting: Path, row: Row
) -> None:
    before = read_decisions(hub)
    check(walk, row)
    assert read_decisions(hub) == before, "the Hub refuses before admission is asked"


@pytest.mark.parametrize("row", FULL.rows, ids=str)
def test_row_is_answered_as_expected_while_the_server_limit_is_reached(
    hub: LiveHub, walk: Walk, full: None, row: Row
) -> None:
    before = read_decisions(hub)
    check(walk, row)
    assert read_decisions(hub) == before, "the Hub refuses before admission is asked"


def test_developer_knows_only_names(hub: LiveHub, walk: Walk) -> None:
    # A name is needed for sharing with a user.
    with Api(hub.url, walk.actors["devl"].token) as developer:
        person = developer.get("users/owner").json()
        group = developer.get("groups/level:admin").json()
    assert set(person) <= {"kind", "name", "admin", "user_info"}
    assert (person["name"], person["user_info"]) == ("owner", None)
    assert set(group) == {"kind", "name"}


@pytest.mark.parametrize(
    ("column", "summary"),
    [("view", "opens what is shared with them"), ("audi", "reads everything, changes nothing")],
)
def test_levels_that_start_nothing_say_so(
    hub: LiveHub, walk: Walk, column: str, summary: str
) -> None:
    level = walk.actors[column].name
    with Api(hub.url, walk.actors[column].token) as api:
        decided = api.post("platform/decide", json={"user_options": {"tier": "small"}}).json()
    assert (decided["admitted"], decided["status"]) == (False, 403)
    summary = summary.replace("shared with them", "shared with you")
    said = f"You have the level {level}, which {summary}. Ask an admin for the level user."
    assert decided["sentence"].startswith(said)


@pytest.mark.parametrize("level", ["viewer", "user", "developer", "boss", "operator", "auditor"])
def test_only_its_owner_opens_a_server(hub: LiveHub, walk: Walk, level: str) -> None:
    browser = hub.login(level)
    assert browser.get("/user/owner/lab", follow_redirects=True).status_code == 403


def test_operator_stops_a_users_server(hub: LiveHub, walk: Walk) -> None:
    assert "owner" in {held.user for held in read_open(hub)}
    with Api(hub.url, walk.actors["oper"].token) as operator:
        operator.stop("owner")
    wait_for(
        lambda: "owner" not in {held.user for held in read_open(hub)},
        "the reservation to be released",
    )
