"""What a real Hub says of its own health, and what ``jhp doctor`` makes of it."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.live_hub import Api, LiveHub, running, wait_for

pytestmark = pytest.mark.hub

EXAMPLE = Path("examples/local/platform.yaml")


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), EXAMPLE, site="c.Platform.check_seconds = 0.5")) as hub:
        yield hub


@pytest.fixture(scope="module")
def auditor(hub: LiveHub) -> Api:
    return hub.token("auditor")


def doctor(hub: LiveHub, *options: str) -> tuple[int, dict[str, Any]]:
    """Run ``jhp doctor --json`` as a shell does."""
    command = [sys.executable, "-m", "jupyterhub_platform", "doctor", "--json", *options]
    done = subprocess.run(
        [*command, "--state", str(hub.state)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
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
    assert (code, answer["well"]) == (0, True)
    statuses = {check["code"]: check["status"] for check in answer["checks"]}
    assert set(statuses.values()) == {"ok"}
    assert {"doctor.store", "doctor.schema", "doctor.policy", "doctor.drift"} < set(statuses)
    assert [each for each in answer["left_out"] if each.startswith("The cluster")], (
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
