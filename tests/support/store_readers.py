"""Looks into the store of a live platform, beside the Hub that writes it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.store import audit, decision_log, ledger
from jupyterhub_platform.store.audit import AuditRow
from jupyterhub_platform.store.decision_log import DecisionRecord
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from tests.support.live_hub import LiveHub


@contextmanager
def reading(hub: LiveHub) -> Iterator[Transaction]:
    """Read the store of a platform."""
    store = Store.open(hub.database_url, read_only=True)
    try:
        with store.read() as transaction:
            yield transaction
    finally:
        store.close()


def read_open(hub: LiveHub) -> list[Reservation]:
    """Return the open rows of the ledger."""
    with reading(hub) as transaction:
        return ledger.list_open(transaction)


def read_releases(hub: LiveHub) -> dict[str, str]:
    """Return why each closed row of the ledger was released, by its id."""
    query = text("SELECT id, release_reason FROM reservation WHERE released_at IS NOT NULL")
    with reading(hub) as transaction:
        return {row.id: row.release_reason for row in transaction.execute(query)}


def read_decisions(hub: LiveHub, *, admitted: bool | None = None) -> list[DecisionRecord]:
    """Return the newest decisions."""
    with reading(hub) as transaction:
        return decision_log.list_decisions(transaction, admitted=admitted, limit=200)


def read_audit(hub: LiveHub) -> list[AuditRow]:
    """Return the newest rows of the audit, after verifying all of it."""
    with reading(hub) as transaction:
        verification = audit.verify(transaction)
        assert verification.ok, verification
        return audit.list_audit(transaction, limit=200)
