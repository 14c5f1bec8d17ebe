"""Explains why a server is not running: one answer for page, API and command line."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from jupyterhub_platform.core.causes import (
    COUNTED,
    LOOKS,
    OUT_OF_MEMORY,
    RUNS,
    STARTS,
    STOPS,
    Cause,
    LastRun,
    cause_of_denial,
    cause_of_release,
)
from jupyterhub_platform.core.decision import list_fitting
from jupyterhub_platform.core.offers import find_labelled
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resource_names import MEMORY
from jupyterhub_platform.store import decision_log, ledger
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.admission import Admission, Start
from jupyterhub_platform.usecases.decisions import address_denial


class State(StrEnum):
    """What a server is doing, or an observed pod, which is counted and nothing else."""

    RUNNING = "running"
    STARTING = "starting"
    CHECKING = "checking"
    STOPPING = "stopping"
    COUNTED = "counted"
    REFUSED = "refused"
    ENDED = "ended"


_USUAL = {
    State.RUNNING: RUNS,
    State.STARTING: STARTS,
    State.CHECKING: LOOKS,
    State.STOPPING: STOPS,
    State.COUNTED: COUNTED,
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a server is doing, since when, and why.

    ``decision`` is the id of the denial, if it was refused, and ``times`` how often that was given.
    ``larger`` is a tier with more memory that would be admitted now, for one that ran out of it.
    """

    user: str
    server: str
    state: State
    cause: Cause
    since: datetime
    tier: str
    account: str
    decision: str = ""
    larger: str = ""
    times: int = 1

    def to_json(self) -> dict[str, Any]:
        """Render for the API."""
        return {
            "user": self.user,
            "server": self.server,
            "state": self.state,
            "since": self.since.isoformat(),
            "tier": self.tier,
            "account": self.account,
            "cause": self.cause.to_json(),
            "decision": self.decision or None,
            "times": self.times if self.decision else None,
            "larger_tier": self.larger or None,
        }


def explain_held(held: Reservation, state: State, seen: Cause | None) -> Explanation:
    """Explain a server that holds something; ``seen`` is what its backend shows, if anything."""
    cause = _USUAL[state] if seen is None or state is State.STOPPING else seen
    return Explanation(
        held.user, held.server, state, cause, held.opened_at, held.label, held.account
    )


def explain_last_run(user: str, server: str, run: LastRun) -> Explanation:
    """Explain a server that ended."""
    return Explanation(user, server, State.ENDED, run.cause, run.at, run.tier, run.account)


def explain_recorded(
    store: Store, user: str, server: str, *, own: bool = False
) -> Explanation | None:
    """Explain a server by its newest row in the ledger; ``None`` if it has none.

    With ``own``, the text addresses the user as *you*.

    Raises
    ------
    StoreUnreachableError
        Raised if the ledger cannot be read.
    """
    with store.read() as transaction:
        newest = decision_log.list_decisions(transaction, user=user, server=server, limit=1)
        released = ledger.find_release(transaction, newest[0].id) if newest else None
    if not newest:
        return None
    (row,) = newest
    if not row.admitted:
        state, cause, since = State.REFUSED, _cause_of_denial(row, own=own), row.at
    elif released is None:
        state, cause, since = State.STOPPING, STOPS, row.at
    else:
        state, since = State.ENDED, released[0]
        cause = cause_of_release(released[1])
    decision = "" if row.admitted else row.id
    return Explanation(
        user, server, state, cause, since, row.tier, row.account, decision, times=row.times
    )


def _cause_of_denial(row: decision_log.DecisionRecord, *, own: bool) -> Cause:
    denials = json.loads(row.decision_json)["denials"]
    reasons = (address_denial(d, row.user) if own else str(d["reason"]) for d in denials)
    return cause_of_denial(row.codes, reasons, (str(denial["remedy"]) for denial in denials))


def with_larger(explanation: Explanation, admission: Admission, start: Start) -> Explanation:
    """Add the next tier that fits to a server that ran out of memory; ``start`` asks for none."""
    if explanation.cause.code != OUT_OF_MEMORY.code:
        return explanation
    policy = admission.snapshot.policy
    fitting = list_fitting(admission.dry_run(start).question)
    larger = _find_larger(policy, explanation.tier, fitting)
    if larger is None:
        return explanation
    amount = describe_amount(MEMORY, _memory(policy, larger))
    fix = f"Start it again with {larger}, which has {amount} and fits now, or load less at once."
    return replace(explanation, larger=larger, cause=replace(explanation.cause, fix=fix))


def _find_larger(policy: Policy, tier: str, fitting: tuple[str, ...]) -> str | None:
    own = _memory(policy, tier)
    larger = [name for name in fitting if _memory(policy, name) > own]

    # First those that hold the same kinds of things: a GPU is not given for the memory beside it.
    def distance(name: str) -> tuple[int, int]:
        differing = _list_resources(policy, name) ^ _list_resources(policy, tier)
        return len(differing), _memory(policy, name)

    return min(larger, key=distance, default=None)


def _list_resources(policy: Policy, label: str) -> set[str]:
    tier = find_labelled(policy, label)
    return set(tier.demand) if tier else set()


def _memory(policy: Policy, label: str) -> int:
    """Return the memory of a server of a tier, in bytes; 0 if the tier no longer exists."""
    tier = find_labelled(policy, label)
    if tier is None:
        return 0
    return tier.limits.amount(MEMORY) or tier.requests.amount(MEMORY)
