"""Which level may do what on a real Hub: one table of actions and answers."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.live_hub import Api, LiveHub, running, wait_for
from tests.support.readers import read_open

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
name: Levels
defaults: {tier: small, member_quota: {servers: 3}}
users:
  admin: {level: admin}
  boss: {level: manager}
  operator: {level: operator}
  auditor: {level: auditor}
  developer: {level: developer}
  user: {level: user}
  viewer: {level: viewer}
  owner: {level: developer}
  outsider: {level: developer}
  inspector: {level: auditor}
  spare: {level: user}
groups:
  vision:
    members: [owner, developer, user, viewer, boss, operator, auditor, admin, inspector]
    managers: [boss]
  language: {members: [outsider]}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small:
    title: Small
    requests: {cpu: 100m, memory: 256Mi}
    limits: {cpu: 1, memory: 1Gi}
    images: [lab]
"""
LEVELS = ("viewer", "user", "developer", "boss", "operator", "auditor", "admin")

# What each of LEVELS is answered. `owner` has a running server and is in a group of the manager;
# `outsider` is not. 404 stands for: whether it exists is not yours to know.
TABLE = """
GET  users                                    403 403 403 403 200 200 200
GET  users/owner                              404 404 200 200 200 200 200
GET  users/owner/tokens                       404 404 404 404 404 404 200
POST users/owner/tokens                       403 403 403 403 403 403 201
POST users/stranger                           403 403 403 403 403 403 201
POST users/owner/server                       404 404 404 404 404 404 400
POST users/owner/servers/extra                404 404 404 404 404 404 400
DELETE users/spare                            403 403 403 403 403 403 204
PATCH users/outsider                          403 403 403 403 403 403 200
GET  groups                                   403 403 403 403 200 200 200
POST groups/level:admin/users                 403 403 403 403 403 403 200
POST groups/vision/users                      403 403 403 403 403 403 200
PUT  groups/vision/properties                 403 403 403 403 403 403 200
GET  services                                 403 403 403 403 403 200 200
GET  proxy                                    403 403 403 403 403 403 200
GET  info                                     403 403 403 403 200 200 200
POST shutdown                                 403 403 403 403 403 403 400
GET  platform/usage                           200 200 200 200 200 200 200
GET  platform/usage?user=owner                403 403 403 200 200 200 200
GET  platform/usage?user=outsider             403 403 403 403 200 200 200
GET  platform/usage?user=nobody               403 403 403 403 404 404 404
POST platform/decide                          200 200 200 200 200 200 200
POST platform/decide?for=owner                403 403 403 403 200 200 200
GET  platform/decisions/of-owner              404 404 404 200 200 200 200
GET  platform/decisions/of-outsider           404 404 404 404 200 200 200
GET  platform/decisions/0123456789abcdef      404 404 404 404 404 404 404
POST platform/reload                          403 403 403 403 200 403 200
POST platform/users/owner/invite              403 403 403 201 403 403 201
POST platform/users/viewer/invite             403 403 403 201 403 403 201
POST platform/users/outsider/invite           403 403 403 403 403 403 201
POST platform/users/admin/invite              403 403 403 403 403 403 201
POST platform/users/inspector/invite          403 403 403 403 403 403 201
POST platform/users/operator/invite           403 403 403 403 403 403 201
POST platform/users/boss/invite               403 403 403 403 403 403 201
POST platform/users/nobody/invite             403 403 403 404 403 403 404
"""
BODIES = {
    "platform/decide?for=owner": {"user": "owner"},
    "groups/level:admin/users": {"users": ["inspector"]},
    "groups/vision/users": {"users": ["inspector"]},
    "groups/vision/properties": {"quota": "1000"},
    "users/outsider": {"admin": False},
    "shutdown": {"proxy": "no"},
    "users/owner/servers/extra": {"user_options": {"tier": "none"}},
}
ROWS = [line.split() for line in TABLE.strip().splitlines()]


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), POLICY)) as hub:
        yield hub


@pytest.fixture(scope="module")
def people(hub: LiveHub) -> dict[str, Api]:
    return {name: hub.token(name) for name in (*LEVELS, "owner", "outsider")}


@pytest.fixture(scope="module")
def running_server(hub: LiveHub, people: dict[str, Api]) -> str:
    owner = people["owner"]
    if "" not in owner.servers("owner"):
        assert owner.start("owner", tier="small").status_code in {201, 202}
        owner.wait_until_ready("owner")
    return "owner"


@pytest.fixture(scope="module")
def decisions(people: dict[str, Api]) -> dict[str, str]:
    """Have two people denied, and return the ids of the decisions."""
    denied = {name: people[name].start(name, "big", tier="none") for name in ("owner", "outsider")}
    assert {answer.status_code for answer in denied.values()} == {400}
    return {name: answer.headers["X-Platform-Decision"] for name, answer in denied.items()}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_answers_each_level_as_the_table_says(
    people: dict[str, Api], running_server: str, decisions: dict[str, str], row: list[str]
) -> None:
    method, path, *expected = row
    body = BODIES.get(path)
    route = path.removesuffix("?for=owner")
    for name, decision in decisions.items():
        route = route.replace(f"of-{name}", decision)
    answers = [people[level].request(method, route, json=body) for level in LEVELS]
    assert " ".join(str(answer.status_code) for answer in answers) == " ".join(expected)


def test_developer_knows_only_the_names_of_others(people: dict[str, Api]) -> None:
    # A name is needed for sharing with somebody.
    seen = people["developer"].get("users/owner").json()
    assert set(seen) <= {"kind", "name", "admin", "user_info"}
    assert (seen["name"], seen["user_info"]) == ("owner", None)


def test_levels_that_start_nothing_say_so(people: dict[str, Api]) -> None:
    for level, summary in (
        ("viewer", "opens what is shared with them"),
        ("auditor", "reads everything, changes nothing"),
    ):
        refused = people[level].start(level, tier="small")
        assert refused.status_code == 403
        assert refused.json()["message"] == (
            f"{level} has the level {level}, which {summary}. Ask an admin for the level user."
        )
        decided = people[level].post("platform/decide").json()
        assert (decided["admitted"], decided["status"]) == (False, 403)


@pytest.mark.parametrize("level", ["user", "developer", "boss", "operator", "auditor", "viewer"])
def test_nobody_but_its_owner_reaches_a_server(
    hub: LiveHub, people: dict[str, Api], running_server: str, level: str
) -> None:
    with httpx.Client(base_url=hub.url, trust_env=False) as client:
        client.headers["Authorization"] = f"Bearer {people[level].token}"
        assert client.get(f"/user/{running_server}/api/contents").status_code == 403
        client.headers["Authorization"] = f"Bearer {people['owner'].token}"
        assert client.get(f"/user/{running_server}/api/contents").status_code == 200
    browser = hub.login(level)
    assert browser.get(f"/user/{running_server}/lab", follow_redirects=True).status_code == 403


def test_token_of_a_server_has_no_power_over_the_platform(
    hub: LiveHub, people: dict[str, Api], running_server: str
) -> None:
    token = _token_of_server(hub)
    body = {"user_options": {"tier": "small"}}
    with Api(hub.url, token) as server:
        assert server.get("user").status_code == 200, "the token itself is good"
        for method, path in (
            ("GET", "platform/usage"),
            ("GET", "platform/usage?user=owner"),
            ("POST", "platform/decide"),
            ("POST", "platform/reload"),
            ("POST", "platform/users/owner/invite"),
        ):
            assert server.request(method, path, json=body).status_code == 403, path
        assert server.get("platform/decisions/" + "0" * 32).status_code == 404
        assert server.post("users/owner/servers/more", json={}).status_code in {403, 404}
        assert server.post("users/owner/tokens", json={}).status_code in {403, 404}


def _token_of_server(hub: LiveHub) -> str:
    for pid in hub.list_marked():
        environment = Path(f"/proc/{pid}/environ").read_bytes().decode()
        found = re.search(r"(?:^|\0)JUPYTERHUB_API_TOKEN=([^\0]+)", environment)
        if found:
            return found[1]
    raise AssertionError("no server of this Hub runs")


def test_nobody_without_a_token_is_answered(hub: LiveHub) -> None:
    with httpx.Client(base_url=f"{hub.url}/hub/api/", trust_env=False) as nobody:
        for method, path in (
            ("GET", "platform/usage"),
            ("POST", "platform/decide"),
            ("GET", "platform/decisions/0123"),
            ("POST", "platform/reload"),
            ("POST", "platform/users/owner/invite"),
        ):
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                answer = nobody.request(method, path, headers=headers)
                assert answer.status_code == 403, path
                assert answer.json()["message"] == "Log in, or send a token of yours."


def test_operator_stops_a_server_of_somebody(
    hub: LiveHub, people: dict[str, Api], running_server: str
) -> None:
    for level in ("viewer", "user", "developer", "boss", "auditor"):
        refused = people[level].delete("users/owner/server")
        assert refused.status_code in {403, 404}, level
    assert read_open(hub)
    people["operator"].stop("owner")
    wait_for(lambda: not read_open(hub), "the reservation to be released")
