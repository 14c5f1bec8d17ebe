"""The record of a live platform: what repeated denials leave, and who notices a changed row."""

import json
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import text

from jupyterhub_platform.store.store import Store
from jupyterhub_platform.store.trigger_checks import list_triggers
from jupyterhub_platform.usecases.audit_verification import read_noted, render_head
from jupyterhub_platform.usecases.denials import MAX_BURST
from tests.support.hub_fixtures import SMALL_TIER, hub_of
from tests.support.live_hub import Api, LiveHub, wait_for
from tests.support.store_readers import read_audit, read_decisions

pytestmark = pytest.mark.hub

POLICY = (
    """\
version: 1
name: Record
defaults: {tier: small}
users:
  admin: {level: admin}
  root: {level: admin}
  dev1: {level: developer}
  dev2: {level: developer}
groups:
  vision:
    members: [dev1, dev2, admin, root]
    member_quota: {servers: 0}
"""
    + SMALL_TIER
)


hub = hub_of(POLICY)


def jhp(hub: LiveHub, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "jupyterhub_platform", *words, "--state", str(hub.state)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def verify(hub: LiveHub) -> dict[str, Any]:
    code, said = jhp(hub, "audit", "verify", "--json")
    answer: dict[str, Any] = json.loads(said)
    assert code == (0 if answer["whole"] else 1)
    return answer


def change_past_the_guards(hub: LiveHub, statement: str) -> None:
    with closing(Store.open(hub.database_url)) as store, store.begin() as tx:
        tx.execute(text("DROP TRIGGER audit_no_update"))
        tx.execute(text(statement))
        tx.exec_driver_sql(list_triggers("sqlite")["audit_no_update"])


def test_the_same_denial_at_every_door_shares_a_row(hub: LiveHub) -> None:
    dev1 = hub.token("dev1")
    answers = [dev1.start("dev1", "a", tier="small") for _ in range(8)]
    assert {answer.status_code for answer in answers} == {409}
    (identifier,) = {answer.headers["X-Platform-Decision"] for answer in answers}
    browser = hub.login("dev1")
    form = {"tier": "small", "account": "vision"}
    page = browser.post_json("/hub/api/users/dev1/servers/a", form)
    assert page.headers["X-Platform-Decision"] == identifier
    before = len(read_decisions(hub, admitted=False))
    for _ in range(3):
        assert dev1.post("platform/decide", json={"user_options": form}).status_code == 200
    assert len(read_decisions(hub, admitted=False)) == before
    found = dev1.get(f"platform/decisions/{identifier}").json()
    assert (found["id"], found["admitted"]) == (identifier, False)
    assert [r.action for r in read_audit(hub) if r.subject == "dev1/a"] == ["server.denied"]


def test_recorded_denials_of_one_user_in_a_minute_are_bounded(hub: LiveHub) -> None:
    dev2, admin = hub.token("dev2"), hub.token("admin")
    answers = [dev2.start("dev2", f"n{number}", tier="small") for number in range(40)]
    assert {answer.status_code for answer in answers} == {409}
    assert all("You hold 0 of 0 servers" in answer.json()["message"] for answer in answers)
    with_row = [answer for answer in answers if "X-Platform-Decision" in answer.headers]
    assert MAX_BURST <= len(with_row) <= MAX_BURST + 1
    rows = [row for row in read_decisions(hub, admitted=False) if row.user == "dev2"]
    assert len(rows) == len(with_row)
    by_another = admin.start("dev2", "n39", tier="small")
    assert by_another.headers["X-Platform-Decision"]
    assert verify(hub)["whole"]


def test_the_hub_looks_at_its_record_and_notes_its_head(hub: LiveHub) -> None:
    admin = hub.token("admin")
    health = wait_for(
        lambda: (h := admin.get("platform/health").json()["audit"])["looked_at"] and h, "a look"
    )
    assert (health["whole"], health["findings"]) == (True, [])
    (noted, *_) = read_noted(hub.log.splitlines())
    metrics = admin.get("../metrics").text
    assert "jupyterhub_platform_audit_whole 1.0" in metrics
    assert f'hash="{noted.hash}"' in metrics
    assert metrics.count("jupyterhub_platform_audit_head_info{") == 1


def test_a_changed_row_is_found_by_the_doctor_and_by_jhp_audit(hub: LiveHub) -> None:
    assert verify(hub)["compared"] >= 1
    assert jhp(hub, "doctor")[0] == 0
    change_past_the_guards(hub, "UPDATE audit SET actor = 'eve' || actor WHERE seq = 2")
    (finding,) = verify(hub)["findings"]
    assert (finding["part"], finding["row"]) == ("audit", "2")
    code, said = jhp(hub, "doctor")
    assert code == 1
    assert "audit 2: row 2 is not what was written" in said
    change_past_the_guards(hub, "UPDATE audit SET actor = substr(actor, 4) WHERE seq = 2")
    assert verify(hub)["whole"]
    assert jhp(hub, "doctor")[0] == 0


def test_a_hub_that_ends_enters_its_counts_and_notes_its_last_head(hub: LiveHub) -> None:
    dev1 = hub.token("dev1")
    first = dev1.start("dev1", "last", tier="small").headers["X-Platform-Decision"]
    for _ in range(4):
        assert dev1.start("dev1", "last", tier="small").status_code == 409
    hub.stop()
    (row,) = (row for row in read_decisions(hub, admitted=False) if row.id == first)
    assert row.times == 5
    *_, last = read_noted(hub.log.splitlines())
    found = verify(hub)
    assert (found["whole"], found["head"]) == (True, render_head(last))
    hub.start()


def test_a_hub_all_of_whose_admins_the_store_suspends_starts_and_says_so(hub: LiveHub) -> None:
    assert jhp(hub, "suspend", "root", "--reason", "away")[0] == 0
    hub.stop()
    hub.policy.write_text(POLICY.replace("admin: {level: admin}", "admin: {level: developer}"))
    seen = len(hub.terminal.read_text())
    hub.start()
    said = hub.terminal.read_text()[seen:]
    assert "Every admin is suspended (root): no user can govern this platform." in said
    assert "jhp resume root" in said
    assert jhp(hub, "resume", "root", "--reason", "back")[0] == 0
    with hub.token("root") as root:
        assert isinstance(root, Api)
        assert root.post("platform/reload").status_code == 200
