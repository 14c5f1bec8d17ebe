"""Refused attempts and changes of one's own: each new one in full, and floods as counts."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.origin import RequestOrigin
from jupyterhub_platform.store.audit import AuditRow
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.recorded_requests import (
    ANONYMOUS,
    CHANGE_BURST,
    COUNTED,
    FLOOD,
    MAX_BURST,
    REFUSED,
    RecordedRequest,
    RecordedRequests,
)
from jupyterhub_platform.usecases.store_health import StoreHealth
from tests.usecases.conftest import read_audit

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


class Seconds:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def requests(store: Store, seconds: Seconds) -> RecordedRequests:
    return RecordedRequests(store, StoreHealth(store), clock=seconds)


def attempt(actor: str, subject: str, source: str = "", **more: Any) -> RecordedRequest:
    values = {"action": "person.suspended", "result": REFUSED, "detail": {"reason": "no"}} | more
    return RecordedRequest(
        NOW,
        actor,
        subject=subject,
        origin=RequestOrigin("api", "10.1.2.3"),
        source=source,
        **values,
    )


def enter(requests: RecordedRequests) -> None:
    for entry in requests.take_counts():
        entry()


def rows(store: Store) -> list[AuditRow]:
    """Return all rows, oldest first, after verifying them."""
    return read_audit(store)[::-1]


def details(store: Store) -> list[dict[str, Any]]:
    return [json.loads(row.detail_json) for row in rows(store)]


def test_a_new_attempt_is_recorded_at_once_with_where_it_came_from(
    requests: RecordedRequests, store: Store
) -> None:
    requests.refuse(attempt("dev1", "admin"))
    (row,) = rows(store)
    assert (row.actor, row.subject, row.result) == ("dev1", "admin", "refused")
    assert (row.via, row.address) == ("api", "10.1.2.3")
    assert details(store) == [{"reason": "no"}]


def test_a_repeated_attempt_is_a_count(requests: RecordedRequests, store: Store) -> None:
    for _ in range(5):
        requests.refuse(attempt("dev1", "admin"))
    assert len(rows(store)) == 1
    enter(requests)
    enter(requests)
    assert [each.get("times") for each in details(store)] == [None, 4]


def test_what_was_not_repeated_is_new_again(
    requests: RecordedRequests, store: Store, seconds: Seconds
) -> None:
    for _ in range(3):
        requests.refuse(attempt("dev1", "admin"))
        enter(requests)
        seconds.now += 600
    assert [each.get("times") for each in details(store)] == [None] * 3


def test_many_different_attempts_are_one_row_beyond_the_first(
    requests: RecordedRequests, store: Store
) -> None:
    for number in range(MAX_BURST + 25):
        requests.refuse(attempt("dev1", f"u{number}"))
    enter(requests)
    found = rows(store)
    assert len(found) == MAX_BURST + 1
    assert (found[-1].action, details(store)[-1]["times"]) == (FLOOD, 25)
    requests.refuse(attempt("dev2", "admin"))
    assert rows(store)[-1].actor == "dev2"


def test_strangers_are_one_caller_told_apart_by_where_they_are(
    requests: RecordedRequests, store: Store
) -> None:
    for number in range(500):
        requests.refuse(attempt(ANONYMOUS, f"name{number}", f"address 10.0.0.{number % 50}"))
    enter(requests)
    enter(requests)
    found = details(store)
    # One for each of the first sources, the counts of these, and one for all the others.
    assert len(found) == 2 * MAX_BURST + 1
    assert sum(each.get("times", 1) for each in found) == 500
    assert len(found[-1]["from"]) <= 20


def test_changes_that_any_user_may_make_are_bounded_and_others_are_not(
    requests: RecordedRequests, store: Store
) -> None:
    for number in range(CHANGE_BURST + 40):
        requests.record([attempt("dev1", str(number), action="token.made", result="done")])
        requests.record([attempt("admin", str(number), action="person.added", result="done")])
    enter(requests)
    found = rows(store)
    assert sum(row.action == "token.made" for row in found) == CHANGE_BURST
    assert sum(row.action == "person.added" for row in found) == CHANGE_BURST + 40
    last = (found[-1].action, found[-1].result, details(store)[-1]["times"])
    assert last == (COUNTED, "done", 40)


def test_rows_wait_for_a_store_that_does_not_answer(store: Store, seconds: Seconds) -> None:
    health = StoreHealth(store)
    requests = RecordedRequests(store, health, clock=seconds)
    health.mark_down(StoreUnreachableError("gone"))
    requests.record([attempt("admin", "kim", action="person.added", result="done")])
    requests.refuse(attempt("dev1", "admin"))
    assert rows(store) == []
    assert health.retry()
    assert [row.action for row in rows(store)] == ["person.added", "person.suspended"]
