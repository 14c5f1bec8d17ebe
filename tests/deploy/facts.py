"""Facts about a platform on which nothing is wrong, to be changed in one place by each test."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.deploy.checks import CHECKS
from jupyterhub_platform.deploy.facts import Cluster, Facts, File, Hub
from jupyterhub_platform.deploy.findings import Finding, Status
from jupyterhub_platform.deploy.role import RIGHTS
from tests.support.policies import make_policy

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
HEALTH: Mapping[str, Any] = {
    "now": "2026-11-27T09:30:00+00:00",
    "store": {
        "url": "sqlite:///platform.sqlite",
        "fault": "",
        "waiting": 0,
        "schema": "0001",
        "newest_schema": "0001",
    },
    "policy": {
        "revision": 7,
        "file": "/etc/platform.yaml",
        "digest": "sha256:a",
        "file_digest": "sha256:a",
        "faults": [],
    },
    "checker": {"seconds": 60.0, "looked_at": "2026-11-27T09:29:10+00:00", "drift": []},
}
HUB = Hub("https://hub.example.org", "", HEALTH, {"weakened": []}, 0.4)
CLUSTER = Cluster(
    "https://10.0.0.1:6443",
    "hub",
    rights=dict.fromkeys(RIGHTS, True),
    answered_at=NOW,
    ahead_seconds=0.4,
)


def of_hub(**changes: Mapping[str, Any]) -> Facts:
    """Return facts about a Hub whose health differs in these keys of these parts."""
    health = copy.deepcopy(dict(HEALTH))
    for part, values in changes.items():
        health[part].update(values)
    return Facts(hub=replace(HUB, health=health))


def of_file(policy: Policy | None = None, **changes: Any) -> Facts:
    """Return facts about a policy file beside a Hub."""
    return Facts(
        hub=HUB, file=replace(File("platform.yaml", policy or make_policy(), "sha256:a"), **changes)
    )


def look(code: str, facts: Facts) -> list[Finding]:
    """Return what one check finds."""
    (check,) = (check for check in CHECKS if check.code == code)
    assert all(facts.has(need) for need in check.needs)
    findings = list(check.look(facts))
    for finding in findings:
        assert finding.what
        assert finding.why
        assert finding.fix
        assert finding.status is not Status.OK
    return findings
