"""No order of starts, stops, cancels, crashes and changes admits more than a limit, ever.

Each interleaving has a seed of its own, one more than the one before: ``TEST_SEED`` with the seed
of a failure makes that one the first.
"""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.ledger_history import Stay, check_history, read_history
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
from tests.usecases.modelled_hub import ModelledHub, Name, modelled_hub

MOVES = 100
SERVERS = ("", "a", "b")
DISTURBANCES = ("publish", "publish", "wait", "join", "leave", "die", "die", "crash", "outage")


@pytest.mark.parametrize("number", [120, pytest.param(10_000, marks=pytest.mark.long)])
def test_no_interleaving_admits_more_than_a_limit_at_any_instant(
    quiet: None, tmp_path: Path, number: int
) -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(SEED, SEED + number):
        try:
            with modelled_hub(tmp_path, POLICIES) as hub:
                wander(hub, random.Random(seed))
                history = read_history(hub.gate.store)
            check_history(history, REVISIONS, CEILINGS)
        except Exception as error:
            error.add_note(f"{VARIABLE}={seed} makes this interleaving the first one")
            raise
        outcomes.update(hub.counts)
        outcomes["adopted"] += sum(stay.was_adopted for stay in history.stays)
        outcomes["observed"] += sum(bool(s.decision.get("observed")) for s in history.stays)
        limits = (any("scope" in each for each in d["denials"]) for d in history.denials)
        outcomes["stopped by a limit"] += sum(limits)
        held = [stay for stay in history.stays if stay.keeps_limits]
        outcomes["most at once"] = max(outcomes["most at once"], most_at_once(held))
    print(f"{number} interleavings of {MOVES} moves from seed {SEED}: {dict(outcomes)}")
    # The walks did go where the limits are, and where things go wrong.
    expected = ("admitted", "denied", "released", "crashed", "died", "outages", "unanswered")
    assert min(outcomes[each] for each in expected) > number / 10, outcomes
    assert outcomes["adopted"] > 0
    assert outcomes["observed"] > 0
    assert outcomes["stopped by a limit"] > number / 2


def most_at_once(stays: Sequence[Stay]) -> int:
    return max((sum(s.covers(stay.start) for s in stays) for stay in stays), default=0)


def wander(hub: ModelledHub, dice: random.Random) -> None:
    """Let whatever may happen next happen, at random, and bring everything to rest at the end."""
    for _ in range(MOVES):
        hub.gate.clock.advance(seconds=1)
        move(hub, dice)
        hub.check()
    hub.finish()


def move(hub: ModelledHub, dice: random.Random) -> None:
    """Let one thing happen. The Hub passes through most steps at once: what lasts is to run."""
    brief = [name for name in sorted(hub.servers) if hub.servers[name].phase != "running"]
    if not hub.store_is_up and dice.random() < 0.1:
        hub.bring_store_back()
    elif not hub.is_up and dice.random() < 0.5:
        hub.restart()
    elif not hub.is_up or dice.random() < 0.1:
        disturb(hub, dice)
    elif brief and dice.random() < 0.7:
        step_at_random(hub, dice, brief)
    elif dice.random() < 0.7:
        start_at_random(hub, dice)
    elif hub.running:
        step_at_random(hub, dice, sorted(hub.servers))


def step_at_random(hub: ModelledHub, dice: random.Random, names: Sequence[Name]) -> None:
    name = dice.choice(names)
    hub.step(name, dice.choice(hub.list_steps(name)))


def start_at_random(hub: ModelledHub, dice: random.Random) -> None:
    user = dice.choice(list(PEOPLE))
    name = (user, dice.choice(SERVERS))
    options: dict[str, object] = {"tier": dice.choice(TIERS), "account": dice.choice(PEOPLE[user])}
    if dice.random() < 0.1:
        name = (dice.choice(STRANGERS), "")
    if dice.random() < 0.1:
        wrong: list[dict[str, object]] = [
            {"account": dice.choice(ACCOUNTS)},
            {"image": "nosuch"},
            {"tier": "no"},
            {"cpu": 1},
        ]
        options |= dice.choice(wrong)
    if name in hub.servers:
        return
    hub.attach(name, options)


def disturb(hub: ModelledHub, dice: random.Random) -> None:
    """Let something go wrong, or change."""
    match dice.choice(DISTURBANCES):
        case "publish":
            hub.publish(dice.randrange(len(POLICIES)))
        case "wait":
            hub.gate.clock.advance(minutes=dice.randint(1, 15))
        case "join":
            hub.join(dice.choice(list(PEOPLE)), dice.choice(ACCOUNTS))
        case "leave":
            hub.leave(dice.choice(list(PEOPLE)), dice.choice(ACCOUNTS))
        case "die" if hub.running:
            hub.end_by_itself(dice.choice(sorted(hub.running)))
        case "crash" if hub.is_up:
            hub.crash()
        case "outage" if hub.store_is_up:
            hub.take_store_away()
