"""Why a server does not run, by what it holds, by how it ended, and by the ledger."""

from collections.abc import Callable

import pytest

from jupyterhub_platform.core.causes import OUT_OF_MEMORY, Cause, LastRun, Who
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.usecases.admission import DeniedError
from jupyterhub_platform.usecases.explanations import (
    Explanation,
    State,
    explain_held,
    explain_last_run,
    explain_recorded,
    with_larger,
)
from tests.support.policies import NOW, make_policy
from tests.usecases.conftest import Gate

TIERS = {
    "tiers": {
        "huge": {"requests": {"cpu": 1, "memory": "8Gi"}, "images": ["lab"]},
        "gpu": {"requests": {"memory": "3Gi"}},
    },
    "groups": {"vision": {"quota": {"nvidia.com/gpu": 1}}},
}
"""Beside small (2 GiB) and large (4 GiB); what has the least memory beyond small has a GPU."""


def explain(gate: Gate, server: str, user: str = "dev") -> Explanation | None:
    return explain_recorded(gate.store, user, server)


@pytest.fixture
def gate(gate_of: Callable[[Policy], Gate]) -> Gate:
    return gate_of(make_policy({"groups": {"vision": {"member_quota": {"servers": 1}}}}))


def test_server_that_was_never_started_has_no_explanation(gate: Gate) -> None:
    assert explain(gate, "never") is None


def test_a_server_is_explained_by_its_newest_row(gate: Gate) -> None:
    held = gate.admit("dev", "a").reservation
    found = explain(gate, "a")
    assert found is not None
    assert (found.state, found.since, found.tier) == (State.STOPPING, NOW, "small")
    gate.clock.advance(minutes=5)
    gate.admission.release(held.id, "idle")
    found = explain(gate, "a")
    assert found is not None
    assert (found.state, found.cause.code) == (State.ENDED, "server.idle")
    assert (found.since - NOW).total_seconds() == 300
    gate.admit("dev", "b")
    with pytest.raises(DeniedError) as denied:
        gate.admit("dev", "a")
    found = explain(gate, "a")
    assert found is not None
    assert (found.state, found.cause.code) == (State.REFUSED, "quota.servers")
    assert found.cause.sentence == "dev holds 1 of 1 server in vision, and small is 1 more."
    assert found.cause.fix.startswith("Stop a server, or ask")
    own = explain_recorded(gate.store, "dev", "a", own=True)
    assert own is not None
    assert own.cause.sentence == "You hold 1 of 1 server in vision, and small is 1 more."
    assert found.decision == denied.value.decision_id
    assert explain(gate, "a", "other") is None


def test_cause_of_the_backend_explains_a_starting_server(gate: Gate) -> None:
    held = gate.admit("dev", "a").reservation
    seen = Cause("cluster.full", "No node has room.", Who.YOU, "Wait.")
    assert explain_held(held, State.STARTING, seen).cause == seen
    assert explain_held(held, State.STARTING, None).cause.code == "server.starting"
    assert explain_held(held, State.STOPPING, seen).cause.code == "server.stopping"
    assert explain_held(held, State.RUNNING, None).cause.code == "server.running"
    assert explain_held(held, State.COUNTED, None).cause.code == "pod.counted"


def out_of_memory(gate: Gate, tier: str) -> Explanation:
    run = LastRun(OUT_OF_MEMORY, NOW, tier, "vision")
    return with_larger(explain_last_run("dev", "a", run), gate.admission, gate.start("dev", "a"))


@pytest.mark.parametrize(
    ("tier", "larger", "said"),
    [
        ("small", "large", "Start it again with large, which has 4 GiB and fits now"),
        ("large", "huge", "Start it again with huge, which has 8 GiB and fits now"),
        ("huge", "", OUT_OF_MEMORY.fix),
        ("gone", "small", "Start it again with small"),
    ],
)
def test_after_memory_ran_out_the_next_tier_that_fits_is_named(
    gate_of, tier: str, larger: str, said: str
) -> None:
    found = out_of_memory(gate_of(make_policy(TIERS)), tier)
    assert (found.larger, found.cause.fix.startswith(said)) == (larger, True)


def test_a_larger_tier_that_does_not_fit_now_is_passed_over(gate_of) -> None:
    closed = {"tiers": {"large": {"access": {"groups": ["text"]}}}}
    assert out_of_memory(gate_of(make_policy(TIERS, closed)), "small").larger == "huge"


def test_other_ends_name_no_larger_tier(gate: Gate) -> None:
    run = LastRun(Cause("server.idle", "It was not used.", Who.YOU, "Start it."), NOW, "small", "x")
    found = with_larger(explain_last_run("dev", "a", run), gate.admission, gate.start())
    assert (found.larger, found.to_json()["larger_tier"]) == ("", None)
