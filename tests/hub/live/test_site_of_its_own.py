"""A site that comes over: collaboration accounts, course staff, choices inside a tier."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.hub_fixtures import SMALL_TIER
from tests.support.live_hub import Api, LiveHub, running
from tests.support.store_readers import read_audit, read_open

pytestmark = pytest.mark.hub

OWN = "  own: {pattern: quay.io/acme/*, access: {levels: [developer]}}\n"
POLICY = (
    """\
version: 1
name: Site
users:
  admin: {level: admin}
  boss: {level: manager}
  dev1: {level: developer}
  dev2: {level: developer}
  pupil: {level: user}
  project: {level: developer}
groups:
  vision: {members: [dev1, pupil, project, admin], managers: [boss]}
  course: {members: [pupil], managers: [boss]}
"""
    + SMALL_TIER.replace("tiers:", f"{OWN}tiers:")
    + """\
  work:
    requests: {memory: 64Mi}
    images: [lab, own]
    sizes:
      little: {requests: {cpu: 10m}}
      much: {requests: {cpu: 20m, memory: 96Mi}, access: {levels: [developer]}}
"""
)
SITE = """\
c.JupyterHub.load_groups = {
    "project-people": {"users": ["dev1", "pupil"]},
    "staff": {"users": ["dev2"]},
}
c.JupyterHub.load_roles = [
    {
        "name": "project-access",
        "groups": ["project-people"],
        "scopes": ["admin:servers!user=project", "access:servers!user=project"],
    },
    {"name": "course-staff", "groups": ["staff"], "scopes": ["admin:servers!group=course"]},
    {"name": "instructor", "groups": ["staff"], "scopes": ["admin:users", "read:hub"]},
    {"name": "server", "scopes": ["inherit"]},
]
"""


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), POLICY, site=SITE)) as live:
        yield live


@pytest.fixture(scope="module")
def admin(hub: LiveHub) -> Api:
    return hub.token("admin")


def test_a_hub_with_refused_roles_starts_and_says_what_to_write(hub: LiveHub, admin: Api) -> None:
    assert "The role instructor is refused in part, and works without that" in hub.log
    refused = admin.get("platform/settings").json()["refused_roles"]
    assert [each["role"] for each in refused] == ["instructor", "server"]
    assert "give these people the level manager" in refused[0]["sentence"]
    staff = hub.token("dev2")
    assert staff.get("info").status_code == 200, "the rest of the role works"
    assert staff.post("users/stranger").status_code == 403


def test_members_use_the_account_that_is_shared_while_they_are_not_below_it(
    hub: LiveHub, admin: Api
) -> None:
    dev1, pupil = hub.token("dev1"), hub.token("pupil")
    assert pupil.start("project", tier="small", account="vision").status_code == 404
    assert dev1.start("project", tier="small", account="vision").status_code in {201, 202}
    dev1.wait_until_ready("project")
    scopes = dev1.get("user").json()["scopes"]
    assert "access:servers!user=project" in scopes
    policy = hub.policy.read_text()
    try:
        raised = policy.replace("project: {level: developer}", "project: {level: operator}")
        hub.policy.write_text(raised)
        assert admin.post("platform/reload").status_code == 200
        assert "access:servers!user=project" not in dev1.get("user").json()["scopes"]
        assert dev1.delete("users/project/server").status_code in {403, 404}
    finally:
        hub.policy.write_text(policy)
        assert admin.post("platform/reload").status_code == 200
    assert "access:servers!user=project" in dev1.get("user").json()["scopes"]
    dev1.stop("project")


def test_course_staff_reach_their_course_and_nobody_above_them(hub: LiveHub) -> None:
    staff = hub.token("dev2")
    assert staff.start("pupil", tier="small", account="vision").status_code in {201, 202}
    staff.wait_until_ready("pupil")
    staff.stop("pupil")
    assert staff.start("boss", tier="small", account="vision").status_code in {403, 404}


def test_a_size_is_chosen_counted_and_recorded(hub: LiveHub) -> None:
    dev1 = hub.token("dev1")
    body = {"user_options": {"tier": "work", "size": "much", "account": "vision"}}
    decided = dev1.post("platform/decide", json=body).json()
    assert (decided["admitted"], decided["size"], decided["demand"]["cpu"]) == (True, "much", 20)
    assert dev1.start("dev1", tier="work/much", image="quay.io/acme/x:1").status_code in {201, 202}
    (held,) = [each for each in read_open(hub) if each.user == "dev1"]
    assert (held.tier, held.size, held.image) == ("work", "much", "quay.io/acme/x:1")
    shown = dev1.get("platform/usage").json()["servers"]
    assert [(each["tier"], each["size"]) for each in shown] == [("work", "much")]
    dev1.wait_until_ready("dev1")
    dev1.stop("dev1")
    browser = hub.login("dev1")
    decision = browser.get(f"/services/platform/decisions/{held.id}", follow_redirects=True).text
    assert "work/much, charged to vision" in decision
    assert "quay.io/acme/x:1" in decision
    page = browser.get("/hub/spawn").text
    assert 'name="size:work"' in page
    assert 'value="much" selected' in page, "what was chosen last"
    refused = hub.token("pupil").start("pupil", tier="work", size="much", account="vision")
    assert refused.status_code == 403
    assert "The size much of the tier work is not open to you in vision" in refused.text
    denied = hub.token("pupil").start("pupil", tier="work", image="quay.io/acme/x@evil")
    assert denied.status_code == 400


@pytest.fixture(scope="module")
def team(admin: Api) -> str:
    document = {"managers": ["boss"], "members": ["dev2"]}
    made = change(admin, "groups/team", document)
    assert made.status_code in {200, 201}, made.text
    return "groups/team"


def change(who: Api, path: str, document: dict[str, Any], *, new: bool = True) -> httpx.Response:
    headers = {"If-None-Match": "*"} if new else {"If-Match": "*"}
    body = {"document": document, "reason": "a test"}
    return who.request("PUT", f"platform/{path}", json=body, headers=headers)


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("images/mine", {"pattern": "quay.io/**"}),
        (
            "tiers/mine",
            {"images": ["lab"], "sizes": {"big": {"requests": {"cpu": 1, "memory": "1Gi"}}}},
        ),
        ("groups/team", {"environment": {"A": {"secret": "hub", "key": "k"}}}),
        ("groups/team", {"volumes": [{"claim": "homes", "mount": "/all"}]}),
        ("groups/team", {"labels": {"example.org/cost": "another"}}),
    ],
)
def test_a_manager_opens_no_new_door(
    hub: LiveHub, team: str, path: str, document: dict[str, Any]
) -> None:
    base = {"managers": ["boss"], "members": ["dev2"]} if path == team else {}
    answer = change(hub.token("boss"), path, {**base, **document}, new=path != team)
    assert answer.status_code == 403, answer.text
    rows = [row for row in read_audit(hub) if row.actor == "boss" and row.result == "refused"]
    assert path.partition("/")[2] in {row.subject for row in rows}
