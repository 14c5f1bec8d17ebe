"""Whatever happens, in whatever order: hypothesis looks for the shortest way to break the gate."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support.ledger_history import check_history, read_history
from tests.support.seeds import SEED, VARIABLE
from tests.usecases.changing_policies import (
    ACCOUNTS,
    CEILINGS,
    PEOPLE,
    POLICIES,
    REVISIONS,
    STRANGERS,
    TIERS,
)
from tests.usecases.modelled_hub import ModelledHub, modelled_hub

NAMES = st.tuples(st.sampled_from([*sorted(PEOPLE)[:6], *STRANGERS]), st.sampled_from(["", "a"]))
OPTIONS: st.SearchStrategy[object] = (
    st.fixed_dictionaries({"tier": st.sampled_from(TIERS), "account": st.sampled_from(ACCOUNTS)})
    | st.fixed_dictionaries(
        {},
        optional={
            "tier": st.sampled_from(["small", "nosuch", 1]),
            "account": st.sampled_from(["vision", "nosuch", "level:admin"]),
            "image": st.sampled_from(["lab", "sci", "nosuch"]),
            "mem_limit": st.just("64G"),
        },
    )
    | st.sampled_from([None, [], "small"])
)


class AdmissionMachine(RuleBasedStateMachine):
    """Drives the real gate on a real store through a Hub's life."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = ExitStack()
        directory = self.closing.enter_context(tempfile.TemporaryDirectory())
        self.hub: ModelledHub = self.closing.enter_context(modelled_hub(Path(directory), POLICIES))

    @precondition(lambda self: self.hub.is_up)
    @rule(name=NAMES, options=OPTIONS)
    def start(self, name: tuple[str, str], options: object) -> None:
        if name not in self.hub.servers:
            self.hub.attach(name, options)

    @precondition(lambda self: self.hub.servers)
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.hub.servers)))
        self.hub.step(name, data.draw(st.sampled_from(self.hub.list_steps(name))))

    @precondition(lambda self: self.hub.running)
    @rule(data=st.data())
    def end_by_itself(self, data: st.DataObject) -> None:
        self.hub.end_by_itself(data.draw(st.sampled_from(sorted(self.hub.running))))

    @precondition(lambda self: self.hub.is_up)
    @rule()
    def crash(self) -> None:
        self.hub.crash()

    @precondition(lambda self: not self.hub.is_up)
    @rule()
    def restart(self) -> None:
        self.hub.restart()

    @rule(number=st.integers(0, len(POLICIES) - 1))
    def publish(self, number: int) -> None:
        self.hub.publish(number)

    @rule(minutes=st.integers(1, 45))
    def wait(self, minutes: int) -> None:
        self.hub.gate.clock.advance(minutes=minutes)

    @rule(user=st.sampled_from(sorted(PEOPLE)[:6]), account=st.sampled_from(ACCOUNTS))
    def join(self, user: str, account: str) -> None:
        self.hub.join(user, account)

    @rule(user=st.sampled_from(sorted(PEOPLE)[:6]), account=st.sampled_from(ACCOUNTS))
    def leave(self, user: str, account: str) -> None:
        self.hub.leave(user, account)

    @precondition(lambda self: self.hub.store_is_up)
    @rule()
    def take_store_away(self) -> None:
        self.hub.take_store_away()

    @precondition(lambda self: not self.hub.store_is_up)
    @rule()
    def bring_store_back(self) -> None:
        self.hub.bring_store_back()

    @invariant()
    def everything_adds_up(self) -> None:
        self.hub.check()

    def teardown(self) -> None:
        with self.closing:
            self.hub.finish()
            check_history(read_history(self.hub.gate.store), REVISIONS, CEILINGS)


@pytest.mark.parametrize("examples", [40, pytest.param(2_000, marks=pytest.mark.long)])
def test_held_amounts_never_exceed_a_limit(quiet: None, examples: int) -> None:
    print(f"{VARIABLE}={SEED} repeats this")
    run_state_machine_as_test(
        seed(SEED)(AdmissionMachine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=60,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
