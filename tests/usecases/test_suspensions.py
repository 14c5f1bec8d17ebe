"""Suspensions are recorded with their audit, refused where no admin could lift them, and kept."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.core.suspensions import RevokedShare, Suspension
from jupyterhub_platform.usecases import changes
from jupyterhub_platform.usecases.admission import DeniedError
from jupyterhub_platform.usecases.changes import record
from jupyterhub_platform.usecases.snapshot import NOTHING, Snapshot
from jupyterhub_platform.usecases.suspensions import (
    EndExpiredSuspensions,
    Resume,
    Suspend,
    SuspensionError,
    Suspensions,
)
from tests.support.policies import NOW, make_policy
from tests.usecases.conftest import Clock, Outage, read_audit

Change = Callable[[Snapshot, changes.Change], Mapping[str, Suspension]]

POLICY = make_policy({"users": {"two": {"level": "admin"}}})
SOON = NOW + timedelta(hours=1)
SCOPE = "access:servers!server=dev/train"
SHARE = RevokedShare("dev", "dev", "train", "user", "eve", SCOPE, 1, 2, 3, NOW)


@pytest.fixture
def suspensions(store, clock: Clock) -> Suspensions:
    return Suspensions(store)


@pytest.fixture
def change(store, clock: Clock) -> Change:
    """Record a change of a snapshot, and return who is suspended then."""
    return lambda snapshot, made: record(store, made, snapshot, clock()).suspensions


def suspend(change: Change, name: str, policy=POLICY, until=None, by="root", others=None):
    return change(Snapshot(policy, 1, others or {}), Suspend(name, "a reason", until, by))


def resume(change: Change, snapshot: Snapshot, name: str, reason: str, by: str):
    return change(snapshot, Resume(name, reason, by))


def test_records_who_why_and_until_when(change, suspensions, store):
    expected = {"dev": Suspension("a reason", SOON, "root", NOW)}
    assert suspend(change, "dev", until=SOON) == expected
    assert suspensions.list_all() == expected
    row = read_audit(store)[0]
    assert (row.actor, row.action, row.subject) == ("root", "person.suspended", "dev")
    assert "a reason" in row.detail_json


def test_a_second_one_replaces_the_first(change, store):
    suspend(change, "dev", until=SOON)
    assert suspend(change, "dev", by="two")["dev"] == Suspension("a reason", None, "two", NOW)
    assert [row.action for row in read_audit(store)] == ["person.suspended"] * 2


def test_resume_lifts_it_once(change, store):
    others = suspend(change, "dev")
    snapshot = Snapshot(POLICY, 1, others)
    assert resume(change, snapshot, "dev", reason="back", by="two") == {}
    assert read_audit(store)[0].action == "person.resumed"
    with pytest.raises(SuspensionError, match="is not suspended") as caught:
        resume(change, Snapshot(POLICY, 1, {}), "dev", reason="back", by="two")
    assert caught.value.code == "suspension.none"


@pytest.mark.parametrize(
    ("name", "by", "until", "others", "code"),
    [
        ("root", "root", None, {}, "suspension.oneself"),
        ("dev", "root", NOW, {}, "suspension.over"),
        ("root", "jhp", None, {"two": Suspension("away")}, "suspension.last_admin"),
    ],
)
def test_refuses_what_could_not_be_meant(change, suspensions, name, by, until, others, code):
    with pytest.raises(SuspensionError) as caught:
        suspend(change, name, by=by, until=until, others=others)
    assert caught.value.code == code
    assert suspensions.list_all() == {}


def test_an_admin_is_suspended_where_another_one_is_left(change):
    assert "root" in suspend(change, "root", by="two")
    gone = {"two": Suspension("away", NOW - timedelta(days=1))}
    assert "root" in suspend(change, "root", by="jhp", others=gone), "its end has come"


def test_no_user_lifts_their_own_suspension(change, suspensions):
    others = suspend(change, "root", by="two")
    with pytest.raises(SuspensionError, match="Ask another admin") as caught:
        resume(change, Snapshot(POLICY, 1, others), "root", reason="me", by="root")
    assert caught.value.code == "suspension.oneself"
    assert "root" in suspensions.list_all()


def test_refuses_to_lift_what_the_policy_declares(change):
    policy = make_policy({"users": {"dev": {"suspended": {"reason": "left"}}}})
    with pytest.raises(SuspensionError, match=r"at users\.dev\.suspended\. Remove it there"):
        resume(change, Snapshot(policy, 1), "dev", reason="back", by="root")


def test_expired_suspension_ends_when_the_policy_declares_another(change, store, clock):
    for name, until in (("dev", SOON), ("eve", None), ("two", SOON)):
        suspend(change, name, until=until)
    assert set(change(NOTHING, EndExpiredSuspensions())) == {"dev", "eve", "two"}, (
        "no end has come yet"
    )
    clock.advance(hours=1)
    assert set(change(NOTHING, EndExpiredSuspensions())) == {"eve"}
    assert set(change(NOTHING, EndExpiredSuspensions())) == {"eve"}
    ended = [row for row in read_audit(store) if row.action == "person.resumed"]
    assert {(row.actor, row.subject) for row in ended} == {("platform", "dev"), ("platform", "two")}


def test_nothing_changes_while_the_store_is_down(change, suspensions, outage: Outage):
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        suspend(change, "dev")
    outage.end()
    assert suspensions.list_all() == {}


def test_shares_are_remembered_once_and_forgotten_when_given_back(suspensions):
    other = replace(SHARE, suspended="eve")
    for _ in range(2):
        suspensions.keep_shares([SHARE, other])
    assert suspensions.list_shares() == [SHARE, other]
    of_a_namesake = replace(other, shared_with_id=4, at=SOON)
    suspensions.keep_shares([of_a_namesake])
    assert suspensions.list_shares() == [SHARE, of_a_namesake]
    suspensions.forget_shares([SHARE])
    assert suspensions.list_shares() == [of_a_namesake]


def test_the_gate_refuses_a_suspended_user(gate_of):
    gate = gate_of(POLICY)
    gate.in_force.replace(Snapshot(POLICY, 3, {"dev": Suspension("away", SOON)}))
    with pytest.raises(DeniedError) as caught:
        gate.admit("dev")
    assert caught.value.decision.codes == ("person.suspended",)
    assert [row.user for row in gate.rows()] == []
    gate.clock.advance(hours=1)
    assert gate.admit("dev").reservation.user == "dev"
