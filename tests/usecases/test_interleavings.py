"""No order of starts and stops admits more than a limit, and the ledger tells the same story."""

import random
from collections import Counter

import pytest

from jupyterhub_platform.store import ledger
from jupyterhub_platform.usecases.admission import DeniedError
from jupyterhub_platform.usecases.consistency import LiveServer, compare, rebuild
from tests.support.policies import GPU, hold, list_exceeded, make_grant, make_policy
from tests.usecases.conftest import Gate

PEOPLE = {f"user{n}": ("vision", "text") if n % 2 else ("vision",) for n in range(7)}
GROUPS = {
    account: {"members": [name for name, accounts in PEOPLE.items() if account in accounts]}
    for account in ("vision", "text")
}
WIDE = {
    "users": {name: {} for name in PEOPLE},
    "groups": GROUPS,
    "quota": {"servers": 14, "cpu": 12, "memory": "40Gi", GPU: 3},
    "defaults": {"user_quota": {"servers": 4, GPU: 1}, "member_quota": {"servers": 3}},
    "tiers": {"large": {"at_once": {"user": 1, "account": 3, "platform": 4}}},
}
VISION = {"groups": {"vision": {"quota": {"memory": "24Gi", GPU: 2}, "member_quota": {"cpu": 3}}}}
NARROW = {"quota": {"servers": 6, "cpu": 5}, "tiers": {"large": {"at_once": {"platform": 2}}}}
GRANTS = {
    "grants": [
        make_grant(user="user1", add={"servers": 2}, until="2026-03-02T11:00:00Z"),
        make_grant(group="vision", add={"memory": "8Gi"}, until="2026-03-02T12:00:00Z"),
    ]
}
POLICIES = (make_policy(WIDE, VISION), make_policy(WIDE, VISION, GRANTS), make_policy(WIDE, NARROW))


@pytest.mark.parametrize("seed", [1, 20, 300])
def test_no_interleaving_admits_more_than_a_limit(gate_of, seed):
    gate, dice = gate_of(POLICIES[1]), random.Random(seed)
    outcomes: Counter[str] = Counter()
    for _ in range(250):
        move = dice.random()
        live = list(gate.admission.book)
        if move < 0.3 and live:
            assert gate.admission.release(dice.choice(live).id, "stopped")
            outcomes["released"] += 1
        elif move < 0.34:
            gate.put_in_force(dice.choice(POLICIES))
        elif move < 0.38:
            gate.clock.advance(minutes=dice.randint(1, 15))
        elif move < 0.41:
            crash_at_random(gate, dice)
        else:
            outcomes[start_at_random(gate, dice)] += 1
        assert gate.admission.book.drifted() == ()
    check_ledger(gate, outcomes)
    # The walk did go where the limits are.
    assert min(outcomes[each] for each in ("released", "admitted", "denied")) > 20, outcomes


def start_at_random(gate: Gate, dice: random.Random) -> str:
    """Start a server at random, and hold the answer to the sums of all that is held."""
    user = dice.choice(list(PEOPLE))
    account, tier = dice.choice(PEOPLE[user]), dice.choice(["small", "large", "gpu"])
    server = str(dice.randrange(6))
    book = gate.admission.book
    if book.of_server(user, server):
        return "running"
    before = tuple(book)
    new = hold(gate.policy, tier, user, server, account)
    exceeded = list_exceeded(gate.policy, before, new, gate.clock.now)
    try:
        admitted = gate.admit(user, server, tier, account=account)
        decision, entered = admitted.decision, (admitted.reservation,)
    except DeniedError as error:
        decision, entered = error.decision, ()
    assert [(d.limit.scope, d.limit.resource) for d in decision.denials if d.limit] == exceeded
    assert bool(entered) is not bool(exceeded)
    assert tuple(book) == before + entered
    return "admitted" if entered else "denied"


def crash_at_random(gate: Gate, dice: random.Random) -> None:
    """Kill the Hub, before or after it kept each server's state, and start it again."""
    before = set(gate.admission.book)
    servers = [
        LiveServer(
            *(each.user, each.server, each.spawner_id),
            state=dice.choice([None, each.to_json(), {"id": each.id}, "garbage"]),
            options={"tier": dice.choice(["small", "large"])},
        )
        for each in before
    ]
    gate.restart()
    rebuild(gate.admission, gate.store, servers)
    assert set(gate.admission.book) == before
    assert compare(gate.admission, gate.store, servers) == ()


def check_ledger(gate: Gate, outcomes: Counter[str]) -> None:
    """Hold the ledger to the book and to what happened."""
    rows = gate.rows()
    assert len({row.id for row in rows}) == len(rows) == outcomes["admitted"]
    assert {row.id for row in rows if row.open} == {each.id for each in gate.admission.book}
    assert sum(not row.open for row in rows) == outcomes["released"]
    with gate.store.read() as transaction:
        assert set(ledger.list_open(transaction)) == set(gate.admission.book)
        denials = ledger.list_decisions(transaction, admitted=False, limit=1000)
    assert len(denials) == outcomes["denied"]
    audited = {row.subject for row in gate.audit()}
    assert audited == {f"{record.user}/{record.server}" for record in denials}
    assert len(gate.audit()) == len(denials)
