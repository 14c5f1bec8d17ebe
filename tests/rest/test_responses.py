"""An answer says what it is made of: the same keys, in the same order, and no others."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from jupyterhub_platform.core.causes import OUT_OF_MEMORY
from jupyterhub_platform.core.decision import Decision, decide
from jupyterhub_platform.core.options import read_options
from jupyterhub_platform.core.question import ask, limit_to_json, subject_of
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.policy_files import read_policy
from jupyterhub_platform.rest.decisions import DryRun, HeldServer, Limit, RecordedDecision
from jupyterhub_platform.rest.response_bodies import Health, Response, Why
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.explanations import Explanation, State

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "local" / "platform.yaml"
POLICY = read_policy(EXAMPLE).policy
NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
HELD = Reservation(
    "1", "dev1", "", 1, "vision", "small", "lab", Resources.of({"cpu": 500, "servers": 2}), NOW
)
TIMED = replace(HELD, ends_at=NOW + timedelta(hours=8), idle_timeout=timedelta(minutes=90))


def decided(options: object, name: str = "dev1", suspension: Suspension | None = None) -> Decision:
    book = Book()
    book.enter(HELD)
    subject = subject_of(POLICY, name, frozenset(), suspension)
    options_read = read_options(options)
    return decide(ask(POLICY, book, subject, "b", options_read, now=NOW, revision=1))


DECISIONS = {
    "admitted": decided({"tier": "small", "account": "vision"}, "dev2"),
    "over a limit": decided({"tier": "medium"}),
    "no tier": decided({"tier": "none"}),
    "no options": decided({"tier": 5, "cpu": 64}),
    "no options at all": decided("nonsense"),
    "unknown user": decided({}, "nobody"),
    "suspended": decided({}, "dev1", Suspension("away", NOW + timedelta(days=1))),
}


def check(kind: type[Response], said: dict[str, Any]) -> None:
    assert json.dumps(kind.model_validate(said).to_json()) == json.dumps(said)


@pytest.mark.parametrize("case", DECISIONS)
def test_a_decision_is_told_whole(case: str) -> None:
    said = DECISIONS[case].to_json()
    check(DryRun, {**said, "status": 200, "id": None})
    check(RecordedDecision, {**said, "id": "5f0c", "times": 2})


def test_sample_decisions_include_one_over_a_limit() -> None:
    assert any(denial.limit for denial in DECISIONS["over a limit"].denials)
    assert DECISIONS["admitted"].admitted


def test_a_recorded_decision_of_another_version_is_told_whole() -> None:
    said = DECISIONS["no tier"].to_json()
    older = json.loads(json.dumps({**said, "id": "5f0c", "times": 1}))
    del older["question"]["passed_over"], older["question"]["options"]["remembered"]
    check(RecordedDecision, older)
    newer = json.loads(json.dumps({**said, "id": "5f0c", "times": 1, "budget": 5}))
    newer["question"]["budgets"] = [{"left": 5}]
    told = RecordedDecision.model_validate(newer).to_json()
    assert told == newer


@pytest.mark.parametrize("held", [HELD, TIMED])
def test_response_has_all_of_a_held_server(held: Reservation) -> None:
    check(HeldServer, held.to_json())


def test_a_limit_is_told_whole() -> None:
    limits = DECISIONS["admitted"].question.limits
    assert limits
    for limit in limits:
        check(Limit, limit_to_json(limit))


@pytest.mark.parametrize("state", State)
def test_response_has_all_of_an_explanation(state: State) -> None:
    explained = Explanation("dev1", "", state, OUT_OF_MEMORY, NOW, "small", "vision")
    check(Why, explained.to_json())
    check(Why, replace(explained, decision="5f0c", times=3, larger="medium").to_json())


def test_health_is_told_whole() -> None:
    at = NOW.isoformat()
    unknown: dict[str, Any] = {
        "whole": None,
        "looked_at": None,
        "rows": None,
        "head": None,
        "findings": [],
    }
    finding = {"part": "audit", "row": "5", "what": "is gone", "fix": "Find out who."}
    file = {"file": "platform.yaml", "digest": None, "file_digest": "a"}
    policy = {"revision": 1, **file}
    counted = {"managed": {"user": 2}}
    counts = {"waiting": 1, "delivered": 2, "failed": 0, "skipped": 0}
    channel = {"channel": "mail", "target": "smtp:25", "error": "Refused.", **counts}
    store = {"url": "sqlite:///", "fault": "", "waiting": 0, "schema": None, "newest_schema": "3"}
    for audit, faults, drift in (
        (unknown, (), []),
        ({**unknown, "findings": [finding]}, ["a"], [{"kind": "row", "detail": "It differs."}]),
    ):
        checker = {"seconds": 60.0, "looked_at": at if drift else None, "drift": drift}
        said = {
            "now": at,
            "store": store,
            "policy": {**policy, "faults": faults, "faulty_since": at if faults else None}
            | counted,
            "memberships": {"settled": not drift, "fault": "down", "since": at if drift else None},
            "audit": audit,
            "checker": checker,
            "notices": [channel] if drift else [],
            "observed_pods": {
                "sources": 1,
                "seconds": 10.0,
                "looked_at": at if drift else None,
                "fault": "",
                "held": 3,
                "unassigned": 1,
                "examples": [{"pod": "w-1", "source": "dask", "reason": "It has no label."}],
            },
        }
        check(Health, said)


def test_an_answer_says_nothing_that_is_not_said_of_it() -> None:
    with pytest.raises(ValidationError, match="secret"):
        HeldServer.model_validate({**HELD.to_json(), "secret": "hunter2"})
    with pytest.raises(ValidationError, match="image"):
        HeldServer.model_validate({**HELD.to_json(), "image": None})
