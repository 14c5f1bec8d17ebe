"""Counts of repeated denials: rows beside the decision, which itself never changes."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert

from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import denial_repeat


@dataclass(frozen=True, slots=True)
class RepeatedDenials:
    """How often the denial with the id ``decision`` was given again, and between when."""

    id: str
    decision: str
    times: int
    first_at: datetime
    last_at: datetime


def record_repeated_denials(tx: Transaction, repeats: RepeatedDenials) -> None:
    """Record that a denial was given again."""
    tx.execute(insert(denial_repeat), asdict(repeats))
