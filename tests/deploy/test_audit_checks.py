"""What is said about the record: by the store where it is here, by the Hub where it is not."""

from dataclasses import replace
from typing import Any

import pytest

from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Status
from tests.deploy.facts import HUB, look, of_hub

CHANGED = {"part": "audit", "row": "3", "what": "row 3 is not what was written", "fix": "restore"}
CODE = "doctor.audit"


def test_a_store_that_is_here_is_believed_before_the_hub() -> None:
    facts = DoctorFacts(hub=HUB, record={"findings": [CHANGED]})
    (finding,) = look(CODE, facts)
    assert (finding.status, finding.fix) == (Status.FAILED, "restore")
    assert finding.what == "audit 3: row 3 is not what was written"
    broken = of_hub(audit={"findings": [CHANGED]})
    assert look(CODE, replace(broken, record={"findings": []})) == []
    assert look(CODE, DoctorFacts(record={"findings": []})) == []


def test_findings_of_the_hub_count_when_the_store_is_elsewhere_or_unreadable() -> None:
    broken = of_hub(audit={"findings": [CHANGED], "whole": False})
    for facts in (broken, replace(broken, record={"unread": "permission denied"})):
        (finding,) = look(CODE, facts)
        assert finding.status is Status.FAILED
    assert look(CODE, of_hub()) == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (DoctorFacts(record={"unread": "permission denied"}), "permission denied"),
        (of_hub(audit={"looked_at": None}), "has not looked at it yet"),
        (of_hub(audit={"looked_at": "2026-11-26T09:00:00+00:00"}), "last at 2026-11-26"),
    ],
)
def test_audit_that_was_not_verified_is_unknown(facts: DoctorFacts, words: str) -> None:
    (finding,) = look(CODE, facts)
    assert finding.status is Status.UNKNOWN
    assert words in finding.what


def test_many_rows_are_counted() -> None:
    rows: list[Any] = [{**CHANGED, "row": str(row)} for row in range(9)]
    found = look(CODE, DoctorFacts(record={"findings": rows}))
    assert len(found) == 6
    assert found[-1].what == "4 more rows are not what was written."
