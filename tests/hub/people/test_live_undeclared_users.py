"""Users whom JupyterHub knows and no policy: marked on People, added, and removed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.test_live_objects import Terminal
from tests.support.live_hub import LiveHub, hidden_xsrf, running
from tests.support.store_readers import read_audit

pytestmark = pytest.mark.hub

WITH_THREE = """\
version: 1
defaults: {tier: small}
users:
  admin: {level: admin}
  operator: {level: operator}
  dev1: {level: developer}
  gone1: {level: developer}
  gone2: {level: developer}
  gone3: {level: developer}
groups: {vision: {members: [dev1, gone1]}}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}}
"""


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    """A Hub from whose policy three users were taken out."""
    with running(LiveHub(make_directory(), WITH_THREE)) as hub:
        gone1 = hub.token("gone1")
        assert gone1.start("gone1", tier="small", account="vision").status_code in {201, 202}
        gone1.wait_until_ready("gone1")
        left = "".join(line for line in WITH_THREE.splitlines(True) if "  gone" not in line)
        hub.policy.write_text(left.replace(", gone1]", "]"))
        reloaded = hub.token("admin").post("platform/reload", json={})
        assert reloaded.status_code == 200, reloaded.text
        yield hub


def test_they_are_marked_on_people_and_added_or_removed(hub: LiveHub) -> None:
    jhp, api = Terminal(hub.state), hub.token("admin")
    found = api.get("platform/undeclared").json()
    assert [(each["name"], each["servers"]) for each in found["items"]] == [
        ("gone1", 1),
        ("gone2", 0),
        ("gone3", 0),
    ]
    first = api.get("platform/undeclared?limit=2").json()
    assert [each["name"] for each in first["items"]] == ["gone1", "gone2"]
    rest = api.get(f"platform/undeclared?limit=2&cursor={first['next']}").json()
    assert ([each["name"] for each in rest["items"]], rest["next"]) == (["gone3"], None)
    assert [each["name"] for each in jhp.json("undeclared ls")] == ["gone1", "gone2", "gone3"]

    admin, people = hub.login("admin"), "/services/platform/people"
    page = admin.visit(people).text
    assert "Not in the policy" in page
    assert "new/user?name=gone2" in page
    operated = hub.login("operator").visit(people).text
    assert "gone2" in operated
    assert "gone2/delete" not in operated
    form = admin.visit("/services/platform/new/user?name=gone2").text
    assert 'value="gone2"' in form
    asked = admin.visit(f"{people}/gone1/delete").text
    assert "1 server ends" in asked
    assert "cannot be taken back" in asked
    done = admin.post(f"{people}/gone1/delete", data={"_xsrf": hidden_xsrf(asked)})
    assert done.status_code == 303, done.text
    assert api.get("users/gone1").status_code == 404
    row = read_audit(hub)[0]
    assert (row.actor, row.action, row.subject, row.via) == (
        "admin",
        "person.removed",
        "gone1",
        "page",
    )
    assert "before" in json.loads(row.detail_json)

    assert "Removed gone3" in jhp.done("undeclared rm gone3 --yes").stdout
    jhp.done("user add gone2 --level user --reason back")
    assert api.get("platform/undeclared").json() == {"items": [], "next": None}
    assert "Not in the policy" not in admin.visit(people).text


def test_whom_the_policy_knows_is_not_removed(hub: LiveHub) -> None:
    api = hub.token("admin")
    kept = api.delete("platform/undeclared/dev1")
    assert (kept.status_code, kept.json()["code"]) == (409, "request.conflict")
    assert api.get("users/dev1").status_code == 200
    assert api.delete("platform/undeclared/nobody").status_code == 404
    assert hub.token("operator").delete("platform/undeclared/dev1").status_code == 403
    assert hub.token("dev1").get("platform/undeclared").status_code == 403
