"""What the doctor says of identity providers: nothing while they are well, and one thing each."""

from dataclasses import replace
from typing import Any

import pytest

from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Status
from jupyterhub_platform.deploy.doctor.table import examine
from tests.deploy.facts import HUB, look

FAILED, WARNING, UNKNOWN = Status.FAILED, Status.WARNING, Status.UNKNOWN
WELL: dict[str, Any] = {
    "key": "staff",
    "title": "Company",
    "kind": "oidc",
    "issuer": "https://id.example.org",
    "fault": "",
    "callback": "https://hub.example.org/hub/oauth_callback/staff",
    "is_registered": True,
    "ahead_seconds": 0.5,
    "not_offered": {},
    "logins": 20,
    "absent_claims": {},
}


def facts(**change: Any) -> DoctorFacts:
    return DoctorFacts(hub=replace(HUB, identity={"providers": [WELL | change]}))


def test_nothing_is_said_where_there_are_no_providers() -> None:
    codes = [each.check.code for each in examine(DoctorFacts(hub=HUB))]
    assert not [code for code in codes if code.startswith("doctor.identity")]


def test_providers_that_are_well_pass_every_check() -> None:
    found = [each for each in examine(facts()) if each.check.code.startswith("doctor.identity")]
    assert len(found) == 4
    assert not [each for result in found for each in result.findings]
    # A smart card has no address to come back to, and no clock.
    card = facts(kind="header", is_registered=None, ahead_seconds=None)
    # And some users are in no group.
    some = facts(absent_claims={"groups": 3})
    for well in (card, some):
        assert not [each for result in examine(well) for each in result.findings]


@pytest.mark.parametrize(
    ("code", "change", "status", "words"),
    [
        ("identity", {"fault": "it does not answer"}, FAILED, "staff: it does not answer"),
        ("identity.callback", {"callback": ""}, UNKNOWN, "not known"),
        ("identity.callback", {"is_registered": False}, FAILED, "oauth_callback/staff"),
        ("identity.callback", {"is_registered": None}, UNKNOWN, "does not say"),
        ("identity.clock", {"ahead_seconds": 11.0}, WARNING, "11 s ahead of"),
        ("identity.clock", {"ahead_seconds": -61.0}, FAILED, "61 s behind"),
        ("identity.claims", {"not_offered": {"claims": ["a", "b"]}}, WARNING, "a, b among its c"),
        ("identity.claims", {"not_offered": {"scopes": ["x"]}}, WARNING, "x among its scopes"),
        ("identity.claims", {"not_offered": {"client_auth": ["none"]}}, WARNING, "proves itself"),
        ("identity.claims", {"absent_claims": {"groups": 20}}, WARNING, "none came with"),
    ],
)
def test_each_problem_is_said_once(
    code: str, change: dict[str, Any], status: Status, words: str
) -> None:
    (finding,) = look(f"doctor.{code}", facts(**change))
    assert finding.status is status
    assert words in finding.what
    assert finding.why
    assert finding.fix


def test_what_cannot_be_reached_is_not_judged_further() -> None:
    broken = facts(fault="it does not answer", is_registered=False)
    assert look("doctor.identity.callback", broken) == []
