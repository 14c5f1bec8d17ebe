"""The gate: every answer is recorded, and what is recorded is what is held."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from jupyterhub_platform.core.decision import decide
from jupyterhub_platform.core.errors import StoreError, StoreUnreachableError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question_json import question_from_json
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.store import decision_log, ledger
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.admission import Admission, DeniedError
from jupyterhub_platform.usecases.decisions import DecisionReader
from jupyterhub_platform.usecases.snapshot import InForce, Snapshot
from tests.support.database_relay import DatabaseRelay
from tests.support.policies import GIB, NOW, make_grant, make_policy
from tests.support.postgres import PostgresServer
from tests.usecases.conftest import Gate

ONE = make_policy({"groups": {"vision": {"member_quota": {"servers": 1}}}})


@pytest.fixture
def gate(gate_of: Callable[[Policy], Gate]) -> Gate:
    """A gate at which each member of vision may hold one server there."""
    return gate_of(ONE)


def deny(gate: Gate, *args: object, **more: object) -> DeniedError:
    with pytest.raises(DeniedError) as caught:
        gate.admit(*args, **more)
    return caught.value


def held(gate: Gate) -> int:
    return gate.admission.book.held(Scope("platform"), "servers")


# -- admitted, released ------------------------------------------------------------------------


def test_an_admitted_start_is_held_and_has_one_open_row(gate):
    admitted = gate.admit("dev", "a", by="root")
    reservation = admitted.reservation
    assert list(gate.admission.book) == [reservation]
    assert (reservation.user, reservation.server, reservation.spawner_id) == ("dev", "a", 11)
    assert (reservation.account, reservation.tier, reservation.image) == ("vision", "small", "lab")
    assert dict(reservation.demand) == {"cpu": 500, "memory": 2 * GIB, "servers": 1}
    assert reservation.opened_at == NOW
    assert admitted.tier == ONE.tiers["small"]
    assert admitted.image == ONE.images["lab"]
    with gate.store.read() as transaction:
        assert ledger.list_open(transaction) == [reservation]
    (row,) = gate.rows()
    assert row.id == reservation.id
    assert (row.policy_revision, row.observed, row.requested_by) == (3, False, "root")
    assert row.sentence == admitted.decision.sentence == "small fits."
    assert gate.audit() == []
    question = admitted.decision.question
    assert (question.server, question.revision, question.at) == ("a", 3, NOW)


def test_the_owner_of_a_server_is_the_caller_of_its_start(gate):
    gate.admit()
    assert gate.rows()[0].requested_by == "dev"


def test_the_decision_can_be_looked_up_and_made_again(gate):
    admitted = gate.admit()
    recorded = DecisionReader(gate.store).find(admitted.reservation.id)
    assert recorded is not None
    assert (recorded.user, recorded.account) == ("dev", "vision")
    assert recorded.decision == admitted.decision.to_json()
    assert decide(question_from_json(recorded.decision["question"])) == admitted.decision


def test_an_admission_is_recorded_without_the_tiers_that_were_not_requested(gate):
    decision = gate.admit().decision
    assert [candidate.name for candidate in decision.question.candidates] == ["small"]
    denied = deny(gate, "dev", "b").decision.question
    assert [candidate.name for candidate in denied.candidates] == ["small", "large", "gpu"]


def test_a_start_is_refused_early_only_where_it_would_be_denied(gate):
    gate.admission.refuse(gate.start("dev", ""))
    assert (gate.rows(), held(gate)) == ([], 0)
    gate.admit()
    with pytest.raises(DeniedError) as caught:
        gate.admission.refuse(gate.start("dev", "b"))
    recorded = DecisionReader(gate.store).find(caught.value.decision_id)
    assert recorded is not None
    assert recorded.decision == caught.value.decision.to_json()
    assert [row.action for row in gate.audit()] == ["server.denied"]
    assert held(gate) == 1


def test_a_decision_that_was_never_made_is_not_found(gate):
    assert DecisionReader(gate.store).find("nosuch") is None
    assert DecisionReader(gate.store).find("\0") is None


def test_a_released_server_holds_nothing_and_its_row_is_closed_once(gate):
    identifier = gate.admit().reservation.id
    gate.clock.advance(minutes=5)
    assert gate.admission.release(identifier, "stopped")
    gate.clock.advance(minutes=5)
    assert not gate.admission.release(identifier, "again")
    assert held(gate) == 0
    (row,) = gate.rows()
    assert (row.open, row.release_reason) == (False, "stopped")
    assert not gate.admission.release("nosuch", "stopped")


def test_released_amount_can_be_held_again(gate):
    first = gate.admit().reservation.id
    deny(gate, "dev", "b")
    gate.admission.release(first, "stopped")
    second = gate.admit("dev", "b").reservation.id
    assert [(row.id, row.open) for row in gate.rows()] in (
        [(first, False), (second, True)],
        [(second, True), (first, False)],
    )


def test_a_server_that_was_never_released_is_not_admitted_twice(gate_of):
    gate = gate_of(make_policy())
    gate.admit()
    with pytest.raises(RuntimeError, match="dev/ was never released"):
        gate.admit()
    assert held(gate) == len(gate.rows()) == 1
    assert gate.health.reason == ""


def test_memberships_of_the_hub_are_accounts_too(gate):
    assert deny(gate, "eve", account="text").decision.codes == ("account.not_member",)
    admitted = gate.admit("eve", account="text", memberships=frozenset({"text"}))
    assert admitted.reservation.account == "text"


def test_a_new_policy_counts_from_the_next_start_on(gate):
    kept = gate.admit("dev", "a")
    deny(gate, "dev", "b")
    gate.put_in_force(make_policy())
    gate.admit("dev", "b")
    gate.put_in_force(ONE, revision=5)
    assert "over by 1 server" in str(deny(gate, "dev", "c"))
    assert gate.admission.book.get(kept.reservation.id) == kept.reservation
    assert [row.policy_revision for row in gate.rows() if row.server == "b"] == [4]


def test_a_grant_ends_by_the_clock_of_the_gate(gate_of):
    grant = make_grant(user="dev", add={"servers": 1}, until="2026-03-02T10:00:00Z")
    gate = gate_of(
        make_policy({"groups": {"vision": {"member_quota": {"servers": 1}}}, "grants": [grant]})
    )
    gate.admit("dev", "a")
    gate.admission.release(gate.admit("dev", "b").reservation.id, "stopped")
    gate.clock.advance(minutes=30)
    deny(gate, "dev", "b")


# -- denied, observed ----------------------------------------------------------------------------


def test_a_denial_stands_in_ledger_and_audit_in_the_same_words(gate):
    gate.admit("dev", "a")
    error = deny(gate, "dev", "b", by="root")
    sentence = (
        "dev holds 1 of 1 server in vision, and small is 1 more. "
        "Stop a server, or ask a manager of vision (mia). No tier fits now."
    )
    assert str(error) == error.decision.sentence == sentence
    with gate.store.read() as transaction:
        (record,) = decision_log.list_decisions(transaction, admitted=False)
    assert (record.id, record.sentence, record.at) == (error.decision_id, sentence, NOW)
    assert (record.user, record.server, record.account, record.tier) == (
        *("dev", "b", "vision", "small"),
    )
    assert (record.codes, record.requested_by, record.observed) == (
        *(("quota.servers",), "root", False),
    )
    (row,) = gate.audit()
    assert (row.action, row.actor, row.subject, row.at) == ("server.denied", "root", "dev/b", NOW)
    assert json.loads(row.detail_json) == {
        "decision": error.decision_id,
        "codes": ["quota.servers"],
        "sentence": sentence,
        "digest": sha256(record.decision_json.encode()).hexdigest(),
    }
    recorded = DecisionReader(gate.store).find(error.decision_id)
    assert recorded is not None
    assert recorded.decision == error.decision.to_json()
    assert recorded.decision["sentence"] == sentence


def test_a_denial_holds_nothing(gate):
    deny(gate, "vic")
    deny(gate, "mallory")
    assert held(gate) == 0
    assert gate.rows() == []
    assert [row.action for row in gate.audit()] == ["server.denied", "server.denied"]


def test_a_denial_is_no_outage(gate):
    for _ in range(20):
        deny(gate, "vic")
    assert gate.health.reason == ""


def test_any_options_come_to_a_recorded_denial(gate):
    every: tuple[object, ...] = (None, [], "x", {"tier": "\0"}, {"\ud800": "\ud800"}, {"tier": 1})
    given = set()
    for options in every:
        start = replace(gate.start("dev", "\0\ud800"), options=options)
        with pytest.raises(DeniedError) as caught:
            gate.admission.admit(start)
        recorded = DecisionReader(gate.store).find(caught.value.decision_id)
        assert recorded is not None
        assert recorded.decision["admitted"] is False
        given.add(caught.value.decision_id)
        assert len(gate.audit()) == len(given)
    # A list and a text are refused in the same words.
    assert len(given) == len(every) - 1


def test_a_tier_that_observes_is_admitted_and_recorded_as_would_be_denied(gate_of):
    gate = gate_of(
        make_policy(
            {
                "groups": {"vision": {"member_quota": {"servers": 0}}},
                "tiers": {"small": {"observe": True}},
            }
        )
    )
    admitted = gate.admit()
    assert admitted.decision.observed
    (row,) = gate.rows()
    assert (row.open, row.observed) == (True, True)
    assert row.sentence.startswith("dev holds 0 of 0 servers in vision, and small is 1 more.")
    with gate.store.read() as transaction:
        (record,) = decision_log.list_decisions(transaction)
    assert record.codes == ("quota.servers",)
    assert held(gate) == 1


def test_a_dry_run_answers_the_same_and_records_nothing(gate):
    assert gate.admission.dry_run(gate.start()).admitted
    gate.admit("dev", "a")
    dry = gate.admission.dry_run(gate.start("dev", "b"))
    assert dry == deny(gate, "dev", "b").decision
    assert len(gate.rows()) == 1
    assert len(gate.audit()) == 1


# -- without a store -----------------------------------------------------------------------------


def test_no_start_is_admitted_while_the_store_is_down(gate, outage):
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        gate.admit()
    started = time.monotonic()
    for _ in range(100):
        with pytest.raises(StoreUnreachableError):
            gate.admit()
        with pytest.raises(StoreUnreachableError):
            gate.admit("vic")
    assert time.monotonic() - started < 0.5
    assert held(gate) == 0
    assert gate.health.reason
    assert gate.admission.dry_run(gate.start()).admitted
    assert not gate.admission.dry_run(gate.start("vic")).admitted
    outage.end()
    assert gate.health.retry()
    assert gate.rows() == []
    gate.admit()
    assert held(gate) == len(gate.rows()) == 1


def test_a_store_that_counts_as_down_is_not_even_asked(gate):
    gate.health.mark_down(StoreUnreachableError("gone"))
    for user in ("dev", "vic"):
        with pytest.raises(StoreUnreachableError, match="gone"):
            gate.admit(user)
    assert (gate.rows(), gate.audit(), held(gate)) == ([], [], 0)


def test_a_denial_that_cannot_be_recorded_is_an_outage(gate, outage):
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        gate.admit("vic")
    assert gate.health.reason


def test_a_server_that_stops_while_the_store_is_down_is_entered_when_it_is_back(gate, outage):
    first = gate.admit("dev").reservation.id
    second = gate.admit("eve").reservation.id
    outage.begin()
    gate.clock.advance(minutes=1)
    assert gate.admission.release(first, "stopped")
    gate.clock.advance(minutes=1)
    assert gate.admission.release(second, "stopped")
    assert held(gate) == 0
    assert gate.admission.dry_run(gate.start()).admitted
    assert gate.health.waiting == 2
    assert not gate.health.retry()
    outage.end()
    gate.clock.advance(hours=1)
    assert gate.health.retry()
    assert gate.health.waiting == 0
    assert [(row.open, row.release_reason) for row in gate.rows()] == [(False, "stopped")] * 2
    with gate.store.read() as transaction:
        times = transaction.exec_driver_sql("SELECT released_at FROM reservation").scalars().all()
    # When it stopped, not when that could be entered.
    assert sorted(str(each)[14:16] for each in times) == ["31", "32"]


def test_a_database_that_takes_no_writes_admits_nothing(gate):
    if gate.store.display_url.startswith("sqlite"):
        statement = (
            "CREATE TRIGGER full BEFORE INSERT ON reservation "
            "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    else:
        statement = "ALTER TABLE reservation ADD CONSTRAINT full_disk CHECK (id = 'no')"
    with gate.store.begin() as transaction:
        transaction.exec_driver_sql(statement)
    with pytest.raises(StoreError):
        gate.admit()
    assert held(gate) == 0
    assert gate.health.reason, "what refuses a row may refuse the next one"


def test_another_program_that_keeps_the_database_locked_is_an_outage(tmp_path, clock):
    path = tmp_path / "platform.sqlite"
    store = Store.open(f"sqlite:///{path}")
    gate = Gate(store, ONE, clock)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnreachableError):
        gate.admit()
    assert held(gate) == 0
    other.execute("ROLLBACK")
    other.close()
    assert gate.health.retry()
    gate.admit()
    assert [row.open for row in gate.rows()] == [True]
    store.close()


@pytest.mark.postgres
def test_a_row_whose_commit_was_never_answered_is_closed_later(
    postgres_server: PostgresServer, postgres_url: str, clock
):
    with DatabaseRelay(postgres_server.port) as relay:
        url = postgres_url.replace(f":{postgres_server.port}/", f":{relay.port}/")
        with closing(Store.open(url)) as store:
            gate = Gate(store, ONE, clock)
            relay.lose_next_commit()
            with pytest.raises(StoreUnreachableError):
                gate.admit()
            assert held(gate) == 0
            assert [row.open for row in gate.rows()] == [True]
            with pytest.raises(StoreUnreachableError):
                gate.admit()
            assert gate.health.retry()
            assert [(r.open, r.release_reason) for r in gate.rows()] == [(False, "not admitted")]
            gate.admit()
            assert held(gate) == sum(row.open for row in gate.rows()) == 1


def test_the_gate_takes_its_time_from_the_system_by_default(gate):
    before = gate.clock.now
    admission = Admission(gate.store, gate.health, InForce(Snapshot(ONE, 1)))
    assert admission.dry_run(gate.start()).question.at - before != timedelta(0)
