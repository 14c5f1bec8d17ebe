"""Pods that are only observed: what each holds, from when it is seen until it is gone."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.core.observed_pods import CHANGED, GONE, UNASSIGNED, UNOBSERVED
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.store import decision_log, ended_runs
from jupyterhub_platform.usecases.admission import DeniedError
from jupyterhub_platform.usecases.consistency import LiveServer, compare, rebuild
from jupyterhub_platform.usecases.observed_pods import ObservedPods, SeenPod, UnassignedPod
from tests.support.policies import GIB, NOW, make_policy
from tests.usecases.conftest import Gate, Outage

POLICY = make_policy(
    {
        "defaults": {"tier": "small"},
        "groups": {"vision": {"member_quota": {"memory": "5Gi"}, "quota": {"memory": "6Gi"}}},
        "observed_pods": {"dask": {"selector": {"app": "dask"}}},
    }
)
POD = SeenPod("u-1", "w-1", "dask", "dev", "vision", Resources.of({"memory": 3 * GIB}))
MEMBER = Scope("member", "vision", "dev")


@pytest.fixture
def gate(gate_of: Callable[..., Gate]) -> Gate:
    return gate_of(POLICY)


def observe(gate: Gate) -> ObservedPods:
    return ObservedPods(gate.admission, gate.store, gate.health)


def see(gate: Gate, *pods: SeenPod) -> list[str]:
    """Take up what is seen, and return why what was held before ended."""
    observed = observe(gate)
    ended, begun = observed.compare(pods)
    for held, reason in ended:
        observed.release(held, reason)
    observed.enter(begun)
    book = gate.admission.book
    servers = [LiveServer(held.user, held.server, 0) for held in book if not held.pod]
    assert compare(book, gate.store, servers) == ()
    assert observed.compare(pods) == ((), ())
    return [reason for _, reason in ended]


def test_a_pod_holds_what_it_asks_for_from_when_it_is_seen_until_it_is_gone(gate: Gate) -> None:
    see(gate, POD)
    (held,) = gate.admission.book.of_user("dev")
    assert (held.pod, held.server, held.tier) == ("w-1", "pod/w-1", "dask")
    assert gate.admission.book.held(MEMBER, "memory") == 3 * GIB
    assert gate.admission.book.held(MEMBER, "servers") == 0
    assert gate.admission.book.servers_of("dev") == ()
    gate.clock.advance(minutes=5)
    assert see(gate) == [GONE]
    (row,) = gate.rows()
    assert (row.server, row.open, row.release_reason) == ("pod/w-1", False, GONE)
    assert gate.admission.book.held(MEMBER, "memory") == 0


def test_a_start_that_no_longer_fits_is_denied_and_the_denial_says_that_pods_hold_it(
    gate: Gate,
) -> None:
    gate.admit(tier="small")
    see(gate, POD)
    with pytest.raises(DeniedError) as denied:
        gate.admit(server="b", tier="small")
    (denial,) = (d for d in denied.value.decision.denials if d.limit and d.limit.scope == MEMBER)
    assert denial.limit is not None
    assert denial.limit.by_pods == 3 * GIB
    assert "5 of 5 GiB in vision, 3 GiB of it by pods, and small asks for 2 GiB" in denial.reason
    assert denial.remedy.startswith("Stop a server or some of the pods, or ask")


def test_what_pods_hold_of_a_whole_group_is_said_to_others_as_well(gate: Gate) -> None:
    see(gate, replace(POD, demand=Resources.of({"memory": 6 * GIB})))
    with pytest.raises(DeniedError) as denied:
        gate.admit("eve")
    (denial,) = denied.value.decision.denials
    assert "vision holds 6 of 6 GiB, 6 GiB of it by pods" in denial.reason
    assert denial.remedy.startswith("Wait until servers or pods end, or ask")


def test_a_pod_is_never_refused_and_may_hold_more_than_any_limit(gate: Gate) -> None:
    see(gate, replace(POD, demand=Resources.of({"memory": 500 * GIB})))
    assert gate.admission.book.held(Scope("platform"), "memory") == 500 * GIB
    assert gate.audit() == []


@pytest.mark.parametrize(
    "change",
    [
        {"user": "eve"},
        {"account": ""},
        {"demand": Resources.of({"memory": GIB})},
    ],
)
def test_a_pod_that_changes_ends_one_row_and_begins_another(
    gate: Gate, change: dict[str, object]
) -> None:
    see(gate, POD)
    gate.clock.advance(minutes=5)
    changed = replace(POD, **change)  # type: ignore[arg-type]
    assert see(gate, changed) == [CHANGED]
    # Back again: that is a third row.
    gate.clock.advance(minutes=5)
    assert see(gate, POD) == [CHANGED]
    assert [row.open for row in gate.rows()] == [False, False, True]


def test_a_pod_that_is_charged_to_nobody_any_more_or_not_observed_ends_with_that_reason(
    gate: Gate,
) -> None:
    see(gate, POD)
    observed, nobody = observe(gate), UnassignedPod("w-1", "dask", "It has no label.")
    assert [reason for _, reason in observed.compare((), [nobody]).ended] == [UNASSIGNED]
    gate.put_in_force(make_policy())
    assert [reason for _, reason in observed.compare(()).ended] == [UNOBSERVED]


def test_after_a_restart_it_holds_what_it_held_until_it_is_seen_to_be_gone(gate: Gate) -> None:
    see(gate, POD, replace(POD, uid="u-2", name="w-2", user="eve"))
    before = set(gate.admission.book)
    gate.clock.advance(minutes=5)
    gate.restart()
    rebuild(gate.admission, gate.store, ())
    assert set(gate.admission.book) == before
    with pytest.raises(DeniedError):
        gate.admit(tier="large")
    assert see(gate, POD) == [GONE]
    assert {row.server: row.open for row in gate.rows()} == {"pod/w-1": True, "pod/w-2": False}


def test_a_pod_with_the_name_of_one_before_a_restart_is_another(gate: Gate) -> None:
    see(gate, POD)
    gate.restart()
    rebuild(gate.admission, gate.store, ())
    gate.clock.advance(minutes=5)
    assert see(gate, replace(POD, uid="u-9")) == [GONE]
    assert [row.open for row in gate.rows()] == [False, True]


def test_what_a_pod_was_charged_to_is_not_what_the_last_server_was_charged_to(gate: Gate) -> None:
    subject = gate.admission.snapshot.subject("dev", frozenset(), gate.clock())
    assert subject.accounts == ("text", "vision")
    see(gate, POD)
    assert gate.admission.find_last_account(subject) == ""
    see(gate)
    assert gate.admission.find_last_account(subject) == ""


def test_neither_decisions_nor_ended_servers_have_pods_among_them(gate: Gate) -> None:
    see(gate, POD)
    (held,) = gate.admission.book
    see(gate)
    with gate.store.read() as transaction:
        assert decision_log.list_decisions(transaction) == []
        assert decision_log.get_decision(transaction, held.id) is not None
        assert ended_runs.count_reasons(transaction, NOW, ended_runs.Whose(all=True)) == {}
        theirs = ended_runs.Whose(accounts=["vision"], user="dev")
        assert ended_runs.count_reasons(transaction, NOW, theirs) == {}


def test_a_store_that_is_down_enters_nothing_and_is_tried_again(gate: Gate, outage: Outage) -> None:
    outage.begin()
    with pytest.raises(StoreError):
        observe(gate).enter([POD])
    assert list(gate.admission.book) == []
    outage.end()
    assert gate.health.retry()
    see(gate, POD)
    assert [row.open for row in gate.rows()] == [True]


def test_where_nothing_lists_pods_they_hold_nothing(gate: Gate) -> None:
    see(gate, POD)
    gate.restart()
    rebuild(gate.admission, gate.store, ())
    observe(gate).release_all()
    assert list(gate.admission.book) == []
    assert [row.open for row in gate.rows()] == [False]
