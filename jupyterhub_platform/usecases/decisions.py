"""Looks decisions up by their id."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jupyterhub_platform.core.sentences import address
from jupyterhub_platform.store import decision_log
from jupyterhub_platform.store.store import Store


@dataclass(frozen=True, slots=True)
class FoundDecision:
    """A decision that stands in the ledger. ``decision`` is the whole of it, as JSON data.

    ``times`` says how often it was given.
    """

    id: str
    user: str
    account: str
    decision: dict[str, Any]
    times: int = 1


def address_decision(decision: Mapping[str, Any], user: str) -> dict[str, Any]:
    """Return a recorded decision as it is said to ``user``, whom it is about."""
    sentence, denials = str(decision["sentence"]), []
    for denial in decision["denials"]:
        reason = address_denial(denial, user)
        sentence = sentence.replace(denial["reason"], reason, 1)
        denials.append({**denial, "reason": reason})
    return {**decision, "sentence": sentence, "denials": denials}


def address_denial(denial: Mapping[str, Any], user: str) -> str:
    """Return a recorded reason as it is said to ``user``; a limit of all is not theirs."""
    own = denial.get("scope", {"user": user}).get("user") == user
    return address(denial["reason"], user) if own else str(denial["reason"])


class DecisionReader:
    """Reads the ledger for the Hub's own API, one row at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, decision_id: str) -> FoundDecision | None:
        """Return a decision by its id; ``None`` if there is none.

        Raises
        ------
        StoreUnreachableError
            Raised if the ledger cannot be read.
        """
        with self._store.read() as transaction:
            row = decision_log.get_decision(transaction, decision_id)
        if row is None:
            return None
        return FoundDecision(
            row.id, row.user, row.account, json.loads(row.decision_json), row.times
        )
