"""What was decided: looked up again by its id."""

import json
from dataclasses import dataclass
from typing import Any

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
