"""What a real Hub says of its own health, and what ``jhp doctor`` makes of it."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.store import ledger
from jupyterhub_platform.store.store import Store
from tests.support.hub_fixtures import hub_of, token_of
from tests.support.live_hub import Api, LiveHub, wait_for

pytestmark = pytest.mark.hub

EXAMPLE = Path("examples/local/platform.yaml")
SITE = """\
c.Platform.check_seconds = 0.5
c.JupyterHub.named_server_limit_per_user = 0
"""


hub = hub_of(EXAMPLE, site=SITE)
auditor = token_of("auditor")


def doctor(hub: LiveHub, *options: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """Run ``jhp doctor --json`` as a shell does."""
    command = [sys.executable, "-m", "jupyterhub_platform", "doctor", "--json", *options]
    done = subprocess.run(
        [*command, "--state", str(hub.state)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def find(answer: dict[str, Any], code: str) -> dict[str, Any]:
    """Return what one check says."""
    (found,) = (check for check in answer["checks"] if check["code"] == code)
    return dict(found)


def test_a_hub_that_is_well_is_said_to_be(hub: LiveHub, auditor: Api) -> None:
    wait_for(lambda: auditor.get("platform/health").json()["checker"]["looked_at"], "a comparison")
    code, answer = doctor(hub, "--file", str(hub.policy))
    assert (code, answer["ok"]) == (0, True)
    statuses = {check["code"]: check["status"] for check in answer["checks"]}
    assert statuses.pop("doctor.settings") == "warning", "this site has made one weaker"
    assert set(statuses.values()) == {"ok"}
    assert {"doctor.store", "doctor.schema", "doctor.policy", "doctor.drift"} < set(statuses)
    assert [each for each in answer["skipped"] if each.startswith("The cluster")], (
        "a laptop has none"
    )


def test_a_broken_policy_file_is_said_with_the_policy_that_stays(
    hub: LiveHub, auditor: Api
) -> None:
    good = hub.policy.read_text()
    revision = auditor.get("platform/health").json()["policy"]["revision"]
    hub.policy.write_text(good.replace("tier: small", "tier: banana"))
    try:
        health = auditor.get("platform/health").json()["policy"]
        assert (health["revision"], health["file_digest"]) == (revision, None)
        assert health["faults"][0].startswith(f"{hub.policy}:")
        code, answer = doctor(hub)
        (finding,) = find(answer, "doctor.policy")["findings"]
        assert (code, finding["status"]) == (1, "failed")
        assert f"the last good policy, revision {revision}, stays in force" in finding["what"]
        assert "banana" in finding["what"]
        assert str(hub.policy) in finding["fix"]
    finally:
        hub.policy.write_text(good)
    assert doctor(hub)[0] == 0


def test_a_schema_of_another_version_is_noticed(hub: LiveHub, auditor: Api) -> None:
    def set_version(number: str) -> None:
        with closing(sqlite3.connect(hub.state / "platform.sqlite", timeout=10)) as other, other:
            table = "platform_alembic_version"
            other.execute(f"UPDATE {table} SET version_num = ?", (number,))

    known = auditor.get("platform/health").json()["store"]["schema"]
    set_version("9999")
    try:
        code, answer = doctor(hub)
        assert (code, find(answer, "doctor.store")["status"]) == (1, "failed")
        assert "schema version 9999" in find(answer, "doctor.store")["findings"][0]["what"]
    finally:
        set_version(known)
    assert doctor(hub)[0] == 0


def test_a_setting_that_a_site_made_weaker_is_a_warning(hub: LiveHub) -> None:
    code, answer = doctor(hub)
    (finding,) = find(answer, "doctor.settings")["findings"]
    assert (code, finding["status"]) == (0, "warning")
    assert finding["fix"].startswith("Remove c.JupyterHub.named_server_limit_per_user ")
    assert doctor(hub, "--strict")[0] == 1


def test_a_clock_that_is_wrong_here_is_noticed(hub: LiveHub) -> None:
    (library, *_) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    moved = {"LD_PRELOAD": str(library), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    code, answer = doctor(hub, **moved, FAKETIME="-90s")
    (finding,) = find(answer, "doctor.clock.hub")["findings"]
    assert (code, finding["status"]) == (1, "failed")
    assert "The Hub's clock is 9" in finding["what"]
    assert "ahead of the one here" in finding["what"]


def test_drift_is_said_until_it_is_gone(hub: LiveHub) -> None:
    dev1 = hub.token("dev1")
    assert dev1.start("dev1", tier="small").status_code in {201, 202}
    dev1.wait_until_ready("dev1")
    with closing(Store.open(hub.database_url)) as other, other.begin() as transaction:
        (held,) = ledger.list_open(transaction)
        ledger.release(transaction, held.id, datetime.now(UTC), "a test")

    def find_drift() -> list[dict[str, Any]]:
        return list(find(doctor(hub)[1], "doctor.drift")["findings"])

    (finding,) = wait_for(find_drift, "the drift")
    assert finding["what"].startswith("Drift (reservation_without_row): ")
    assert finding["fix"].startswith("Restart the Hub")
    dev1.stop("dev1")
    wait_for(lambda: not find_drift(), "the drift to be gone")


def test_people_without_a_level_that_reads_are_not_told(hub: LiveHub) -> None:
    for name, status in (("dev1", 403), ("manager", 403), ("operator", 200), ("auditor", 200)):
        assert hub.token(name).get("platform/health").status_code == status


def test_a_change_that_the_store_interrupts_is_settled_by_itself_and_seen_meanwhile(
    hub: LiveHub, auditor: Api
) -> None:
    admin, database = hub.token("admin"), hub.state / "platform.sqlite"

    def rename(name: str, other: str) -> None:
        with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as other_one:
            other_one.execute(f"ALTER TABLE {name} RENAME TO {other}")

    def memberships() -> dict[str, Any]:
        return dict(auditor.get("platform/health").json()["memberships"])

    rename("applied_membership", "away")
    try:
        body = {"document": {"members": ["dev1"]}, "reason": "a test"}
        made = admin.request(
            "PUT", "platform/groups/crew", json=body, headers={"If-None-Match": "*"}
        )
        assert made.status_code == 201, made.text
        assert "crew" not in admin.get("users/dev1").json()["groups"]
        told = memberships()
        assert not told["settled"]
        assert "applied_membership" in told["fault"]
        code, answer = doctor(hub)
        assert (code, find(answer, "doctor.memberships")["status"]) == (1, "failed")
    finally:
        rename("away", "applied_membership")
    wait_for(lambda: memberships()["settled"], "users and groups to follow", 30)
    assert "crew" in admin.get("users/dev1").json()["groups"]
    assert memberships() == {"settled": True, "fault": "", "since": None}
    retired = admin.request(
        "DELETE", "platform/groups/crew", json={"reason": "done"}, headers={"If-Match": "*"}
    )
    assert retired.status_code == 200
    assert "crew" not in admin.get("users/dev1").json()["groups"]
