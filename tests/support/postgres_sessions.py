"""The sessions that hold the lock of a PostgreSQL store, as its administrator sees them."""

from contextlib import closing
from typing import Final

from sqlalchemy import text

from jupyterhub_platform.store.store import Store

_SESSIONS: Final = text(
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)
_END: Final = text("SELECT pg_terminate_backend(:pid, 5000)")


def list_sessions(url: str) -> list[int]:
    """Return the processes of the server that hold the lock."""
    with closing(Store.open(url, read_only=True)) as store, store.read() as transaction:
        return list(transaction.execute(_SESSIONS).scalars())


def end_sessions(url: str) -> None:
    """End the session that holds the lock."""
    with closing(Store.open(url)) as store, store.begin() as transaction:
        for pid in transaction.execute(_SESSIONS).scalars().all():
            transaction.execute(_END, {"pid": pid})
