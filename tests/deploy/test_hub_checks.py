"""What is said about a Hub: nothing while it is well, and one thing for each that is not."""

from dataclasses import replace
from typing import Any

import pytest

from jupyterhub_platform.core.errors import Fault
from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Status
from jupyterhub_platform.deploy.doctor.table import CHECKS, examine
from tests.deploy.facts import HUB, look, of_file, of_hub

FAILED, WARNING, UNKNOWN = Status.FAILED, Status.WARNING, Status.UNKNOWN


def test_a_hub_that_is_well_passes_every_check_of_hubs() -> None:
    results = examine(of_file())
    assert [result.check.code for result in results] == [
        check.code for check in CHECKS if not set(check.needs) & {"cluster", "api", "providers"}
    ]
    assert [result.findings for result in results] == [()] * len(results)


def test_a_hub_that_does_not_answer_is_all_that_is_said_about_it() -> None:
    facts = DoctorFacts(hub=replace(HUB, unreachable="The Hub does not answer.", health={}))
    (result,) = examine(facts)
    assert (result.check.code, result.status) == ("doctor.hub", FAILED)


@pytest.mark.parametrize(
    ("code", "part", "change", "status", "words"),
    [
        ("doctor.store", "store", {"fault": "it is locked"}, FAILED, "it is locked"),
        ("doctor.store", "store", {"waiting": 3}, WARNING, "3 entries"),
        ("doctor.schema", "store", {"schema": "0002"}, FAILED, "0002"),
        ("doctor.schema", "store", {"schema": None}, UNKNOWN, "not known"),
        (
            "doctor.policy",
            "policy",
            {"faults": ["a:1: x; y"], "file_digest": None},
            FAILED,
            "revision 7, stays in force: a:1: x; y",
        ),
        (
            "doctor.policy",
            "policy",
            {"faults": ["1", "2", "3", "4", "5"], "file_digest": None},
            FAILED,
            "revision 7, stays in force: 1 · 2 · 3 · and 2 more",
        ),
        ("doctor.policy", "policy", {"file_digest": "sha256:b"}, WARNING, "revision 7"),
        (
            "doctor.pods.observed",
            "observed_pods",
            {"sources": 1, "seconds": 0},
            WARNING,
            "lists no pods",
        ),
        (
            "doctor.pods.observed",
            "observed_pods",
            {"fault": "ApiException 403", "looked_at": None, "seconds": 10.0},
            WARNING,
            "since the Hub began: ApiException 403",
        ),
        (
            "doctor.pods.observed",
            "observed_pods",
            {"examples": [{"pod": "w-1", "source": "dask", "reason": "It has no label x."}]},
            WARNING,
            "w-1 (dask) is charged to nobody: It has no label x.",
        ),
        (
            "doctor.drift",
            "checker",
            {"drift": [{"kind": "total", "detail": "cpu of dev1"}]},
            FAILED,
            "Drift (total): cpu of dev1",
        ),
        (
            "doctor.memberships",
            "memberships",
            {"settled": False, "fault": "the disk is full"},
            FAILED,
            "do not follow the policy: the disk is full",
        ),
        ("doctor.drift", "checker", {"seconds": 0}, WARNING, "are not compared"),
        (
            "doctor.drift",
            "checker",
            {"looked_at": "2026-11-27T09:20:00+00:00"},
            WARNING,
            "last compared at 2026-11-27T09:20:00+00:00",
        ),
    ],
)
def test_each_thing_that_is_wrong_with_a_hub_is_said(
    code: str, part: str, change: dict[str, Any], status: Status, words: str
) -> None:
    (finding,) = look(code, of_hub(**{part: change}))
    assert finding.status is status
    assert words in finding.what


def test_a_store_that_is_down_keeps_the_policy_from_being_compared() -> None:
    assert look("doctor.policy", of_hub(policy={"digest": None})) == []


def test_a_hub_that_has_just_started_has_compared_nothing_yet() -> None:
    assert look("doctor.drift", of_hub(checker={"looked_at": None})) == []


def test_notices_that_do_not_arrive_are_said_with_their_channel() -> None:
    counts = {"waiting": 1, "delivered": 5, "failed": 2, "skipped": 0}
    error = "The mail server answered 421."
    mail = {"channel": "mail", "target": "smtp:587", "error": error, **counts}
    health = {**HUB.health, "notices": [mail, {**mail, "channel": "webhook", "error": ""}]}
    results = examine(DoctorFacts(hub=replace(HUB, health=health)))
    (said,) = [each for each in results if each.findings]
    assert (said.check.code, said.status) == ("doctor.notices", WARNING)
    assert said.findings[0].what == (
        "Notices do not arrive by mail at smtp:587: The mail server answered 421. "
        "1 notice waiting, 2 failed."
    )


def test_settings_that_a_site_made_weaker_are_said_with_the_reason() -> None:
    weakened = {"setting": "c.JupyterHub.x", "sentence": "A user takes over."}
    (finding,) = look(
        "doctor.settings", DoctorFacts(hub=replace(HUB, settings={"weakened": [weakened]}))
    )
    assert (finding.status, finding.why) == (WARNING, "A user takes over.")
    assert finding.fix.startswith("Remove c.JupyterHub.x ")


def test_faults_of_the_file_are_said() -> None:
    fault = Fault(("tiers", "small"), "is empty", "fill it", "platform.yaml", 3)
    (finding,) = look("doctor.file", of_file(policy=None, faults=(fault,)))
    assert finding.status is FAILED
    assert "platform.yaml:3: tiers.small: is empty; fill it" in finding.what


def test_a_file_that_is_not_the_one_in_force_is_said() -> None:
    (finding,) = look("doctor.file", of_file(digest="sha256:b"))
    assert (finding.status, "revision 7" in finding.what) == (WARNING, True)


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(0.9, None), (-4.0, None), (6.0, WARNING), (-6.0, WARNING), (61.0, FAILED), (-61.0, FAILED)],
)
def test_clock_of_the_hub_is_compared(seconds: float, status: Status | None) -> None:
    findings = look("doctor.clock.hub", DoctorFacts(hub=replace(HUB, ahead_seconds=seconds)))
    assert [finding.status for finding in findings] == ([status] if status else [])
    assert [("ahead" in each.what) for each in findings] == ([seconds > 0] if status else [])
