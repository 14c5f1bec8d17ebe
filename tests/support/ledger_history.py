"""The whole recorded history, instant by instant: what the ledger says was ever held.

Reads rows and nothing else: no book, no totals, none of the sums that admission makes.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from jupyterhub_platform.core.decision import decide
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question_json import question_from_json
from jupyterhub_platform.core.reservations import Reservation, Scope
from jupyterhub_platform.store import schema
from jupyterhub_platform.store.ledger import read_reservation
from jupyterhub_platform.store.store import Store
from tests.support.policies import Held, hold, list_exceeded

Ceilings = Mapping[tuple[str, str, str], int]
"""What no policy of a history allows more of, by kind of scope, its tier if any, and resource."""


@dataclass(frozen=True)
class Stay:
    """What one server held, from one instant to before another; ``end`` is empty while it does."""

    held: Reservation
    end: datetime | None
    revision: int
    decision: Mapping[str, Any]

    @property
    def start(self) -> datetime:
        return self.held.opened_at

    @property
    def was_adopted(self) -> bool:
        """Tell whether a restart found it running, rather than that a decision let it in."""
        return bool(self.decision.get("adopted"))

    @property
    def keeps_limits(self) -> bool:
        """Tell whether it was let in because it fits; a tier that observes lets everything in."""
        return not self.was_adopted and not self.decision["observed"]

    def covers(self, instant: datetime) -> bool:
        return self.start <= instant and (self.end is None or instant < self.end)


@dataclass(frozen=True)
class History:
    """Everything that the ledger recorded: what was held, oldest first, and every denial."""

    stays: tuple[Stay, ...]
    denials: tuple[Mapping[str, Any], ...]

    def held_at(self, instant: datetime) -> list[Stay]:
        return [stay for stay in self.stays if stay.covers(instant)]


def read_history(store: Store) -> History:
    """Read every row of the ledger, open and closed, and every denial."""
    rows, denials = schema.reservation.c, schema.decision.c
    with store.read() as transaction:
        held = transaction.execute(select(schema.reservation).order_by(rows.opened_at, rows.id))
        stays = [
            Stay(
                read_reservation(row),
                row.released_at,
                row.policy_revision,
                json.loads(row.decision),
            )
            for row in held.all()
        ]
        said = transaction.execute(select(denials.decision).order_by(denials.at)).scalars().all()
    return History(tuple(stays), tuple(map(json.loads, said)))


def check_history(history: History, policies: Mapping[int, Policy], ceilings: Ceilings) -> None:
    """Hold every instant of a history to the limits that applied, and every decision to itself."""
    check_stays(history.stays)
    for stay in history.stays:
        # What is held grows at these instants alone, so these are all that need looking at.
        check_admission(history, stay, policies[stay.revision])
        held = [each.held for each in history.held_at(stay.start) if each.keeps_limits]
        check_ceilings(held, ceilings)
    for decision in history.denials:
        check_denial(history, decision, policies)


def check_stays(stays: Sequence[Stay]) -> None:
    """Hold each server to at most one reservation at a time, which ends after it began."""
    assert len({stay.held.id for stay in stays}) == len(stays)
    ends: dict[tuple[str, str], datetime | None] = {}
    for stay in stays:
        assert stay.end is None or stay.start <= stay.end, f"ends before it begins: {stay}"
        server = (stay.held.user, stay.held.server)
        before = ends.get(server, stay.start)
        assert before is not None, f"{server} is charged twice from {stay.start} on"
        assert before <= stay.start, f"{server} is charged twice from {stay.start} to {before}"
        ends[server] = stay.end


def check_admission(history: History, stay: Stay, policy: Policy) -> None:
    """Hold an admission to the policy that admitted it, beside all that was held then."""
    if stay.was_adopted:
        return
    beside = [each.held for each in history.held_at(stay.start) if each is not stay]
    exceeded = list_exceeded(policy, beside, stay.held, stay.start)
    observes = policy.tiers[stay.held.tier].observe
    assert observes or not exceeded, f"{stay.held} was admitted over {exceeded}"
    assert stay.held.demand == policy.tiers[stay.held.tier].demand
    check_replay(stay.decision, beside)


def check_denial(
    history: History, decision: Mapping[str, Any], policies: Mapping[int, Policy]
) -> None:
    """Hold a denial to the limits that were in its way, no more and no less."""
    question = question_from_json(decision["question"])
    beside = [each.held for each in history.held_at(question.at)]
    check_replay(decision, beside)
    policy, subject = policies[question.revision], question.subject
    if question.tier not in policy.tiers or question.account not in subject.accounts:
        return
    asked = hold(policy, question.tier, subject.name, question.server, question.account)
    expected = list_exceeded(policy, beside, asked, question.at)
    denied = [denial for denial in decision["denials"] if "scope" in denial]
    assert [(Scope(**each["scope"]), each["resource"]) for each in denied] == expected


def check_replay(decision: Mapping[str, Any], beside: Iterable[Reservation]) -> None:
    """Ask a recorded question again: the same answer, from what the ledger says was held then."""
    question = question_from_json(decision["question"])
    assert decide(question).to_json() == decision
    held = Held(tuple(beside))
    for limit in (*question.limits, *(lim for each in question.candidates for lim in each.limits)):
        assert limit.held == held.held(limit.scope, limit.resource), limit


def check_ceilings(held: Sequence[Reservation], ceilings: Ceilings) -> None:
    """Hold what is held at one instant to what no policy of this history allows more of."""
    together = Held(tuple(held))
    for scope in {scope for each in held for scope in each.scopes()}:
        for (kind, tier, resource), maximum in ceilings.items():
            if (scope.kind, scope.tier) == (kind, tier):
                total = together.held(scope, resource)
                assert total <= maximum, (
                    f"{total} of {resource} at {scope}, and {maximum} are the most"
                )
