"""After a restart the book equals the truth, and from then on any difference is found."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.core.reservations import Reservation, Scope
from jupyterhub_platform.store import ledger
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.admission import DeniedError
from jupyterhub_platform.usecases.consistency import Drift, LiveServer, compare, rebuild
from jupyterhub_platform.usecases.decisions import DecisionReader
from tests.support.policies import GIB, make_policy, make_reservation
from tests.usecases.conftest import Clock, Gate

POLICY = make_policy(
    {
        "defaults": {"tier": "small"},
        "groups": {"vision": {"member_quota": {"servers": 2}}},
    }
)
CLOSED_AT_RESTART = "not running after a restart of the Hub"


@pytest.fixture
def gate(gate_of: Callable[..., Gate]) -> Gate:
    return gate_of(POLICY)


def live(held: Reservation, **changes: Any) -> LiveServer:
    """Return a server as the Hub finds it, with the state that admission put there."""
    found = LiveServer(held.user, held.server, held.spawner_id, held.to_json(), {})
    return replace(found, **changes)


def restart(gate: Gate, *servers: LiveServer) -> list[Reservation]:
    """Restart the Hub on these servers, and return what stands in its book."""
    gate.restart()
    rebuild(gate.admission, gate.store, servers)
    assert compare(gate.admission.book, gate.store, servers) == ()
    return list(gate.admission.book)


def open_ids(gate: Gate) -> set[str]:
    return {row.id for row in gate.rows() if row.open}


# -- rebuild -------------------------------------------------------------------------------------


def test_nothing_is_held_where_nothing_runs(gate):
    assert restart(gate) == []
    assert gate.rows() == []


def test_a_server_goes_on_holding_what_its_state_says(gate):
    held = [gate.admit("dev", "a").reservation, gate.admit("eve", "").reservation]
    assert restart(gate, *map(live, held)) == held
    assert [row.open for row in gate.rows()] == [True, True]
    gate.admit("dev", "b")
    with pytest.raises(DeniedError):
        gate.admit("dev", "c")


def test_a_server_whose_state_was_not_yet_kept_holds_what_its_open_row_says(gate):
    held = gate.admit("dev", "a", "large").reservation
    assert restart(gate, live(held, state=None, options={"tier": "small"})) == [held]
    assert open_ids(gate) == {held.id}


ADOPTED: tuple[tuple[str, object, tuple[str, str, str, int]], ...] = (
    ("eve", {"tier": "large"}, ("vision", "large", "lab", 4 * GIB)),
    ("eve", {"tier": "small", "image": "sci"}, ("vision", "small", "sci", 2 * GIB)),
    ("eve", {}, ("vision", "small", "lab", 2 * GIB)),
    ("dev", {"account": "vision"}, ("vision", "small", "lab", 2 * GIB)),
    ("dev", {"account": "nosuch"}, ("text", "small", "lab", 2 * GIB)),
    ("eve", {"tier": "retired", "image": "lab"}, ("vision", "", "lab", 0)),
    ("eve", {"tier": "retired"}, ("vision", "", "", 0)),
    ("eve", ["garbage"], ("vision", "small", "lab", 2 * GIB)),
    ("mallory", None, ("", "small", "lab", 2 * GIB)),
)


def test_a_server_that_nothing_knows_of_is_adopted(gate, caplog):
    servers = [
        LiveServer(user, f"x{n}", 9, None, options) for n, (user, options, _) in enumerate(ADOPTED)
    ]
    held = restart(gate, *servers)
    assert [(each.user, each.server) for each in held] == [(s.user, s.server) for s in servers]
    assert [
        (each.account, each.tier, each.image, each.demand.amount("memory")) for each in held
    ] == [expected for *_, expected in ADOPTED]
    assert {(each.spawner_id, each.demand.amount("servers")) for each in held} == {(9, 1)}
    assert open_ids(gate) == {each.id for each in held}
    assert "eve/x0 runs without a reservation: entered as tier large in vision" in caplog.text
    recorded = DecisionReader(gate.store).find(held[0].id)
    assert recorded is not None
    assert recorded.decision == {"admitted": True, "adopted": True, **held[0].to_json()}


def test_an_open_row_without_a_server_is_closed(gate):
    gone, kept = gate.admit("dev", "a").reservation, gate.admit("dev", "b").reservation
    assert restart(gate, live(kept)) == [kept]
    assert {row.id: (row.open, row.release_reason) for row in gate.rows()} == {
        gone.id: (False, CLOSED_AT_RESTART),
        kept.id: (True, None),
    }


def test_a_state_that_names_another_server_is_ignored(gate):
    one, other = gate.admit("dev", "a").reservation, gate.admit("eve", "a", "large").reservation
    swapped = (live(one, state=other.to_json()), live(other, state=one.to_json()))
    assert set(restart(gate, *swapped)) == {one, other}
    assert open_ids(gate) == {one.id, other.id}


def test_a_state_with_the_id_of_another_server_is_ignored(gate):
    one, other = gate.admit("dev", "a").reservation, gate.admit("eve", "b").reservation
    stolen = live(one, state={**one.to_json(), "id": other.id})
    assert set(restart(gate, stolen, live(other))) == {one, other}


def test_two_states_with_one_unknown_id_are_two_reservations(gate):
    first, second = make_reservation("r", server="a"), make_reservation("r", server="b")
    held = restart(gate, live(first), live(second))
    assert sorted(each.server for each in held) == ["a", "b"]
    assert len({each.id for each in held}) == 2


def test_the_row_is_believed_where_a_state_says_something_else(gate):
    held = gate.admit("dev", "a", "large").reservation
    cheap = {**held.to_json(), "demand": {"servers": 1}, "tier": "small"}
    assert restart(gate, live(held, state=cheap)) == [held]


def test_a_server_whose_row_was_closed_gets_a_new_one(gate):
    held = gate.admit("dev", "a").reservation
    gate.admission.release(held.id, "stopped")
    (again,) = restart(gate, live(held))
    assert again == replace(held, id=again.id)
    assert again.id != held.id
    assert {row.id: row.open for row in gate.rows()} == {held.id: False, again.id: True}


def test_a_server_whose_row_was_closed_is_not_charged_again_for_what_it_held_before(gate):
    held = gate.admit("dev", "a").reservation
    gate.clock.advance(hours=1)
    gate.admission.release(held.id, "stopped")
    gate.clock.advance(hours=1)
    (again,) = restart(gate, live(held))
    assert again.opened_at == gate.clock.now


def test_an_adopted_server_is_charged_from_when_it_was_found(gate):
    (held,) = restart(gate, LiveServer("eve", "x", 9))
    assert held.opened_at == gate.clock.now


def test_a_server_whose_row_was_closed_keeps_its_new_one_at_every_restart(gate):
    held = gate.admit("dev", "a").reservation
    gate.admission.release(held.id, "stopped")
    first = restart(gate, live(held))
    assert restart(gate, live(held)) == first
    assert restart(gate, live(held)) == first
    assert len(gate.rows()) == 2


def test_a_server_with_the_id_of_a_denial_gets_an_id_of_its_own(gate):
    with pytest.raises(DeniedError) as caught:
        gate.admit("vic")
    (held,) = restart(gate, live(make_reservation(caught.value.decision_id)))
    assert held.id != caught.value.decision_id


def test_a_store_from_a_backup_takes_up_what_runs_now(gate):
    stale = gate.admit("dev", "a").reservation
    now = make_reservation("newer", server="a", tier="large", spawner_id=11)
    assert restart(gate, live(now)) == [now]
    assert {row.id: row.open for row in gate.rows()} == {stale.id: False, "newer": True}


def test_the_open_row_that_the_state_names_is_kept_beside_a_newer_one(gate):
    first = gate.admit("dev", "a").reservation
    gate.restart()
    gate.clock.advance(minutes=1)
    gate.admit("dev", "a", "large")
    assert restart(gate, live(first)) == [first]
    assert open_ids(gate) == {first.id}


def test_the_row_id_is_that_of_the_hub_whatever_a_state_says(gate):
    stated = make_reservation("r", server="a", spawner_id=7)
    (held,) = restart(gate, live(stated, spawner_id=12))
    assert held == replace(stated, spawner_id=12)


def test_a_tier_that_asks_for_nothing_of_something_is_held_as_stated(gate):
    demand = {"cpu": 0, "servers": 1}
    stated = make_reservation("r", server="a")
    (held,) = restart(gate, live(stated, state={**stated.to_json(), "demand": demand}))
    assert dict(held.demand) == demand


def test_the_newest_of_several_open_rows_is_kept(gate):
    gate.admit("dev", "a")
    gate.restart()
    gate.clock.advance(minutes=1)
    second = gate.admit("dev", "a").reservation
    assert restart(gate, live(second, state=None)) == [second]
    assert open_ids(gate) == {second.id}


def test_restarting_twice_changes_nothing_more(gate):
    held = [gate.admit("dev", "a").reservation, gate.admit("dev", "b").reservation]
    gate.admit("eve", "gone")
    servers = (live(held[0]), live(held[1], state=None), LiveServer("eve", "new", 5))
    first = restart(gate, *servers)
    rows = gate.rows()
    assert restart(gate, *servers) == first
    assert gate.rows() == rows


def test_running_servers_over_a_limit_are_kept_and_count(gate):
    servers = [live(make_reservation(f"r{n}", server=str(n))) for n in range(5)]
    assert len(restart(gate, *servers)) == 5
    with pytest.raises(DeniedError, match=r"dev holds 5 of 2 servers in vision \(over by 3"):
        gate.admit("dev", "more")


def test_a_released_server_of_before_the_restart_frees_its_row(gate):
    held = gate.admit("dev", "a").reservation
    restart(gate, live(held))
    assert gate.admission.release(held.id, "stopped")
    assert open_ids(gate) == set()


def test_nothing_is_rebuilt_without_the_store(gate, outage):
    held = gate.admit("dev", "a").reservation
    gate.restart()
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        rebuild(gate.admission, gate.store, [live(held)])
    outage.end()
    assert restart(gate, live(held)) == [held]


GOOD = make_reservation("r", server="x", user="eve").to_json()
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.just(-1)
    | st.sampled_from([10**30, "2026-03-02T09:30:00", "0001-01-01T00:00:00+14:00", "\ud800", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
BROKEN = st.builds(
    lambda changes, left_out: {k: v for k, v in (GOOD | changes).items() if k not in left_out},
    st.dictionaries(st.sampled_from(sorted(GOOD)), JSON, min_size=1, max_size=2)
    | st.fixed_dictionaries({"demand": st.dictionaries(st.sampled_from(["cpu", "servers"]), JSON)}),
    st.sets(st.sampled_from(sorted(GOOD)), max_size=1),
)


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("store") / "platform.sqlite"
    with closing(Store.open(f"sqlite:///{path}")) as store:
        yield store


@pytest.mark.parametrize(
    "change",
    [
        {"demand": {"servers": 1, "cpu": -4000}},
        {"demand": {"servers": 0, "cpu": 500}},
        {"demand": {"servers": 1, "cpu": float("inf")}},
        {"demand": {"servers": 1, "cpu": "many"}},
        {"demand": None},
        {"opened_at": "2026-03-02T09:30:00"},
        {"opened_at": "0001-01-01T00:00:00+14:00"},
        {"opened_at": 0},
        {"id": ""},
        {"id": "r\0"},
        {"id": "\ud800"},
        {"user": "dev"},
        {"server": "y"},
    ],
)
def test_a_state_that_admission_cannot_have_written_is_ignored(one_store, change):
    gate = Gate(one_store, POLICY, Clock())
    state = {**GOOD, "id": uuid4().hex, "tier": "large", **change}
    (held,) = restart(gate, LiveServer("eve", "x", 5, state, {"tier": "small"}))
    assert (held.tier, held.demand) == ("small", POLICY.tiers["small"].demand)
    assert gate.admission.release(held.id, "stopped")


@settings(max_examples=150, deadline=None)
@given(state=JSON | BROKEN, options=JSON, fresh=st.booleans())
def test_book_and_ledger_agree_for_any_stored_state(one_store, state, options, fresh):
    if fresh and isinstance(state, dict) and state.get("id") == "r":
        state["id"] = uuid4().hex
    gate = Gate(one_store, POLICY, Clock())
    server = LiveServer("eve", "x", 5, state, options)
    (held,) = restart(gate, server)
    assert (held.user, held.server) == ("eve", "x")
    assert held.demand.amount("servers") == 1
    assert all(amount >= 0 for amount in held.demand.values())
    assert gate.admission.book.held(Scope("platform"), "servers") == 1
    json.dumps(held.to_json())
    assert restart(gate, server)[0].id == held.id
    assert gate.admission.release(held.id, "stopped")
    assert open_ids(gate) == set()


# -- compare -------------------------------------------------------------------------------------


def kinds(drifts: tuple[Drift, ...]) -> list[str]:
    return [drift.kind for drift in drifts]


def test_no_drift_is_found_when_all_is_well(gate):
    held = [gate.admit("dev", "a").reservation, gate.admit("eve", "").reservation]
    assert compare(gate.admission.book, gate.store, map(live, held)) == ()
    gate.admission.release(held[0].id, "stopped")
    assert compare(gate.admission.book, gate.store, [live(held[1])]) == ()


def test_each_kind_of_drift_is_found(gate):
    held = gate.admit("dev", "a").reservation
    (drift,) = compare(gate.admission.book, gate.store, [live(held), LiveServer("eve", "x", 1)])
    assert drift == Drift("server_without_reservation", "eve/x runs and holds nothing")
    (drift,) = compare(gate.admission.book, gate.store, [])
    assert drift == Drift("reservation_without_server", "dev/a holds something and does not run")
    with gate.store.begin() as transaction:
        ledger.open_reservation(
            transaction, make_reservation("other"), decision_json="{}", policy_revision=1
        )
    (drift,) = compare(gate.admission.book, gate.store, [live(held)])
    assert drift == Drift("row_without_reservation", "the open row other is in no book")
    gate.admission.book.enter(make_reservation("other"))
    unentered = make_reservation("third", server="c")
    gate.admission.book.enter(unentered)
    running = [live(each) for each in gate.admission.book]
    (drift,) = compare(gate.admission.book, gate.store, running)
    assert drift == Drift("reservation_without_row", "dev/c has no open row")
    gate.admission.book.strike("third")
    gate.admission.book._totals["cpu"][Scope("user", user="dev")] += 1
    (drift,) = compare(gate.admission.book, gate.store, running[:2])
    assert drift == Drift("total", "the total of cpu at user is not the sum of what is held")


def test_several_differences_are_found_together(gate):
    gate.admit("dev", "a")
    gate.admission.book._totals["cpu"][Scope("platform")] += 1
    found = compare(gate.admission.book, gate.store, [LiveServer("eve", "x", 1)])
    assert kinds(found) == [
        *("server_without_reservation", "reservation_without_server", "total"),
    ]


def test_nothing_is_compared_without_the_store(gate, outage):
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        compare(gate.admission.book, gate.store, [])
