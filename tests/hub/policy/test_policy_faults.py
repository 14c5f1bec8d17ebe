"""Since when the policy file is broken, also after a restart, and that its repair is told once."""

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.hub.policy.policy_faults import PolicyFaults
from jupyterhub_platform.policy_files import PolicyFiles

BROKEN = PolicyError((Fault(("tiers",), "no tier", "add one", file="p.yaml", line=3),))


def test_fault_dates_from_the_last_change_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "platform.yaml"
    path.write_text("version: 1\n")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    os.utime(path, (long_ago, long_ago))
    faults = PolicyFaults(PolicyFiles(path))
    faults.begin(BROKEN)
    changed = datetime.fromtimestamp(path.stat().st_ctime, UTC)
    # The time of a file has more digits than a float.
    assert faults.since is not None
    assert abs(faults.since - changed) < timedelta(milliseconds=1), "when it was put there"
    changed = faults.since
    path.unlink()
    faults.begin(BROKEN)
    assert faults.since == changed, "broken anew is broken still"
    again = PolicyFaults(PolicyFiles(path))
    again.begin(BROKEN)
    assert again.since is not None
    assert datetime.now(UTC) - again.since < timedelta(minutes=1)


def test_a_repair_is_told_once_and_only_after_a_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faults = PolicyFaults(PolicyFiles(tmp_path / "platform.yaml"))
    with caplog.at_level(logging.INFO):
        faults.end(3)
        assert caplog.messages == []
        faults.begin(BROKEN)
        faults.end(3)
        faults.end(3)
    assert len(caplog.messages) == 2
    assert "p.yaml:3: tiers: no tier; add one" in caplog.messages[0]
    assert "revision 3" in caplog.messages[1]
    assert faults.since is None
