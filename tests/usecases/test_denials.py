"""What is kept of denials: each once, its repeats as a count, and not too many."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from jupyterhub_platform.core.errors import StoreError, StoreUnreachableError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.store import decision_log
from jupyterhub_platform.store.audit import AuditRow
from jupyterhub_platform.store.decision_log import DecisionRecord
from jupyterhub_platform.usecases import denials as module
from jupyterhub_platform.usecases.admission import DeniedError
from jupyterhub_platform.usecases.decisions import DecisionReader
from jupyterhub_platform.usecases.denials import MAX_BURST, Denials
from jupyterhub_platform.usecases.explanations import explain_recorded
from tests.support.policies import NOW, make_policy
from tests.usecases.conftest import Gate

FULL = make_policy({"groups": {"vision": {"member_quota": {"servers": 0}}}})
MAX_BYTES_A_DAY = 50 * 10**6


class Steady:
    """Seconds that only the test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Steady:
    return Steady()


@pytest.fixture
def gate(gate_of: Callable[[Policy], Gate], seconds: Steady) -> Gate:
    gate = gate_of(FULL)
    gate.admission.denials = Denials(gate.store, clock=seconds)
    return gate


def deny(gate: Gate, server: str = "", user: str = "dev", **more: str) -> str:
    with pytest.raises(DeniedError) as caught:
        gate.admit(user, server, **more)
    return caught.value.decision_id


def enter(gate: Gate) -> None:
    for part in gate.admission.take_repeats():
        part()


def rows(gate: Gate) -> list[DecisionRecord]:
    with gate.store.read() as transaction:
        return decision_log.list_decisions(transaction, admitted=False, limit=500)


def audited(gate: Gate, action: str) -> list[tuple[AuditRow, dict[str, Any]]]:
    return [(row, json.loads(row.detail_json)) for row in gate.audit() if row.action == action]


def test_the_same_denial_shares_the_row_of_the_first_one_and_is_counted(gate, clock):
    first = deny(gate)
    for _ in range(311):
        clock.advance(milliseconds=100)
        assert deny(gate) == first
    assert [(row.id, row.times) for row in rows(gate)] == [(first, 1)]
    enter(gate)
    (row,) = rows(gate)
    assert (row.id, row.times, row.at) == (first, 312, NOW)
    assert row.last_at == NOW + timedelta(seconds=31.1)
    ((entry, detail),) = audited(gate, "server.denied_again")
    assert (entry.actor, entry.subject) == ("dev", "dev/")
    assert len(detail.pop("repeats")) == 32
    assert detail == {
        "decision": first,
        "codes": ["quota.servers"],
        "times": 311,
        "first": (NOW + timedelta(seconds=0.1)).isoformat(),
        "last": (NOW + timedelta(seconds=31.1)).isoformat(),
    }
    assert len(audited(gate, "server.denied")) == 1
    recorded = DecisionReader(gate.store).find(first)
    assert recorded is not None
    assert recorded.times == 312
    explained = explain_recorded(gate.store, "dev", "")
    assert explained is not None
    assert (explained.decision, explained.times) == (first, 312)


def test_counts_of_later_minutes_are_added(gate):
    first = deny(gate)
    for minute in (1, 2, 3):
        for _ in range(minute):
            assert deny(gate) == first
        enter(gate)
    assert [row.times for row in rows(gate)] == [7]
    assert [detail["times"] for _, detail in audited(gate, "server.denied_again")] == [3, 2, 1]


def test_nothing_is_entered_where_nothing_was_repeated(gate):
    deny(gate)
    enter(gate)
    enter(gate)
    assert [row.action for row in gate.audit()] == ["server.denied"]
    assert gate.admission.take_repeats() == []


def test_a_denial_that_was_not_given_for_a_minute_is_a_new_one(gate):
    first = deny(gate)
    enter(gate)
    assert deny(gate) != first
    assert len(rows(gate)) == 2


def test_a_row_is_shared_for_an_hour_at_most(gate, seconds):
    first = deny(gate)
    for _ in range(59):
        seconds.now += 60
        assert deny(gate) == first
        enter(gate)
    seconds.now += 61
    assert deny(gate) != first


@pytest.mark.parametrize(
    "change", ["tier", "account", "server", "user", "caller", "revision", "sentence"]
)
def test_another_denial_has_a_row_of_its_own(gate, change):
    first = deny(gate, "a")
    if change == "revision":
        gate.put_in_force(FULL, revision=9)
    elif change == "sentence":
        gate.put_in_force(
            make_policy({"groups": {"vision": {"member_quota": {"servers": 0, "cpu": 0}}}}), 3
        )
    more = {
        "tier": {"tier": "large"},
        "account": {"account": "nothing"},
        "caller": {"by": "root"},
        "user": {"user": "eve"},
    }.get(change, {})
    assert deny(gate, "b" if change == "server" else "a", **more) not in {first, ""}
    assert len(rows(gate)) == 2


def test_a_server_that_was_admitted_meanwhile_is_denied_anew(gate):
    first, other = deny(gate, "a"), deny(gate, "b")
    deny(gate, "a")
    gate.put_in_force(make_policy(), revision=3)
    admitted = gate.admit("dev", "a")
    gate.admission.release(admitted.reservation.id, "stopped")
    gate.put_in_force(FULL, revision=3)
    again = deny(gate, "a")
    assert again not in {first, ""}
    assert deny(gate, "b") == other
    enter(gate)
    assert {row.id: row.times for row in rows(gate)} == {first: 2, again: 1, other: 2}


def test_beyond_a_few_a_minute_denials_are_only_counted(gate, clock):
    given = [deny(gate, f"s{number}") for number in range(MAX_BURST + 90)]
    assert all(given[:MAX_BURST])
    assert set(given[MAX_BURST:]) == {""}
    assert len(rows(gate)) == MAX_BURST
    clock.advance(seconds=30)
    enter(gate)
    ((row, detail),) = audited(gate, "server.denials_counted")
    assert (row.actor, row.subject) == ("dev", "dev")
    assert (detail["times"], detail["codes"]) == (90, ["quota.servers"])
    assert len(detail["servers"]) == 20
    assert detail["servers"]["dev/s10"] == 1
    assert len(row.detail_json) < 3000


def test_one_more_denial_is_recorded_each_minute(gate, seconds):
    for number in range(MAX_BURST):
        assert deny(gate, f"s{number}")
    assert deny(gate, "a") == ""
    seconds.now += 60
    assert deny(gate, "a")
    assert deny(gate, "b") == ""


def test_no_more_than_a_few_are_counted_one_by_one_however_long_they_are_kept_up(gate, seconds):
    names = [f"s{number}" for number in range(MAX_BURST)]
    for name in names:
        deny(gate, name)
    for minute in range(5):
        seconds.now += 60
        names.insert(0, f"m{minute}")
        for name in (*names, *names):
            deny(gate, name)
        counted = [entry for entry in gate.admission.denials.take() if entry.repeats]
        assert len(counted) <= MAX_BURST + 1


def test_repeated_denials_are_counted_by_requester(gate):
    for number in range(MAX_BURST):
        assert deny(gate, f"s{number}", by="service")
    assert deny(gate, "x", by="service") == ""
    assert deny(gate, "y", user="eve", by="service") == ""
    assert deny(gate, "x")
    enter(gate)
    ((row, detail),) = audited(gate, "server.denials_counted")
    assert (row.actor, detail["servers"]) == ("service", {"dev/x": 1, "eve/y": 1})


def test_bytes_that_one_caller_can_store_in_a_day_are_bounded(gate, seconds, clock):
    """The worst that they can do: always another denial, and every one that is shared as well."""
    names = [f"s{number}" for number in range(2 * MAX_BURST)]
    per_minute = []
    for minute in range(30):
        before = _count_bytes(gate)
        for name in (*names, *(f"n{minute}-{number}" for number in range(5))):
            deny(gate, name)
            deny(gate, name)
        seconds.now += 60
        clock.advance(seconds=60)
        enter(gate)
        per_minute.append(_count_bytes(gate) - before)
    assert max(per_minute[1:]) * 24 * 60 < MAX_BYTES_A_DAY


def _count_bytes(gate: Gate) -> int:
    """Count the bytes of what the rows hold, and as much again as an index and a page take."""
    total = 0
    with gate.store.read() as transaction:
        for table in ("decision", "denial_repeat", "audit"):
            found = transaction.execute(text(f"SELECT * FROM {table}")).all()
            total += sum(200 + sum(len(str(value)) for value in row) for row in found)
    return total


def test_memory_does_not_grow_with_callers_that_have_gone(gate, seconds):
    for number in range(50):
        deny(gate, by=f"u{number}")
    seconds.now += 3600
    enter(gate)
    assert gate.admission.denials._callers == {}
    assert dict(gate.admission.denials._of_server) == {}


def test_counts_wait_for_a_store_that_does_not_answer(gate, outage):
    first = deny(gate)
    deny(gate)
    parts = gate.admission.take_repeats()
    outage.begin()
    for part in parts:
        part()
    assert gate.health.waiting == 1
    with pytest.raises(StoreUnreachableError):
        gate.admit()
    outage.end()
    assert gate.health.retry()
    assert [(row.id, row.times) for row in rows(gate)] == [(first, 2)]


def test_a_denial_that_could_not_be_recorded_is_not_shared(gate, outage):
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        gate.admit()
    outage.end()
    assert gate.health.retry()
    assert deny(gate)
    assert len(rows(gate)) == 1


def test_many_counts_are_entered_some_at_a_time(gate, monkeypatch):
    monkeypatch.setattr("jupyterhub_platform.usecases.admission.ROW_BATCH", 4)
    for number in range(MAX_BURST):
        deny(gate, f"s{number}")
        deny(gate, f"s{number}")
    parts = gate.admission.take_repeats()
    assert len(parts) == 3
    parts[0]()
    assert sum(row.times - 1 for row in rows(gate)) == 4


@pytest.mark.parametrize("statement", ["DELETE FROM", "UPDATE"])
def test_repeats_and_revisions_cannot_be_changed(gate, statement):
    deny(gate)
    deny(gate)
    enter(gate)
    sql = (
        "DELETE FROM denial_repeat"
        if statement == "DELETE FROM"
        else ("UPDATE denial_repeat SET times = 1")
    )
    with pytest.raises(StoreError, match="append-only"), gate.store.begin() as transaction:
        transaction.execute(text(sql))


def test_options_of_any_size_are_no_way_around(gate):
    start = replace(gate.start("dev", "a"), options={"tier": "x" * 900_000})
    for _ in range(2):
        with pytest.raises(DeniedError):
            gate.admission.admit(start)
    assert _count_bytes(gate) < 20_000
    assert module.ENTER_SECONDS <= 60
