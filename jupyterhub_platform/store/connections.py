"""Give out the connections of one engine, and discard those that failed.

Each new connection proves that it leads to the same store, and a SQLite file
that was removed or replaced while it was open is noticed: an open file goes on
taking writes that no reader would ever see.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from jupyterhub_platform.core.errors import StoreMismatchError
from jupyterhub_platform.store.driver_errors import make_unreachable, translate_driver_errors
from jupyterhub_platform.store.engine import BUSY_TIMEOUT, Transaction, describe_url
from jupyterhub_platform.store.fair_lock import FairLock
from jupyterhub_platform.store.writer_lock import WriterLock

TURN_TIMEOUT: Final = 1.0
"""Seconds to wait for another thread that writes to PostgreSQL, over a network."""

_PROOF: Final = "SELECT id FROM store_info"
_PROOF_TABLE: Final = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE name = 'store_info'",
    "postgresql": "SELECT to_regclass('store_info') IS NOT NULL",
}


def check_id(url: URL, found: Sequence[str], expected: str | None) -> str:
    """Return the id of a store, given what stands where its id belongs.

    Raises
    ------
    StoreMismatchError
        Raised if there is no id, or if it is not ``expected``.
    """
    store = f"the store {describe_url(url)}"
    remedy = "restore it from a backup, or point the platform at the right database"
    if len(found) != 1:
        raise StoreMismatchError(f"{store} was emptied: it has no id of its own; {remedy}")
    if expected not in {None, found[0]}:
        raise StoreMismatchError(
            f"{store} is another one (id {found[0][:64]}) than before (id {expected}); {remedy}"
        )
    return found[0]


class Connections:
    """The connections of one engine to the store with ``store_id``; safe to use from any thread."""

    def __init__(self, url: URL, engine: Engine, store_id: str) -> None:
        self._url = url
        self._engine = engine
        self._store_id = store_id
        self._path = str(url.database) if url.drivername == "sqlite" else None
        self._file = self._identify_file()
        event.listen(engine, "connect", self._prove)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give a transaction; a connection on which a statement failed is not used again."""
        with translate_driver_errors(self._url):
            self._check_file()
            with (
                self._engine.connect() as connection,
                _thrown_away_after_failure(connection),
                connection.begin(),
            ):
                yield connection

    def close(self) -> None:
        """Close every connection that is not in use; the others close when they are done."""
        self._engine.dispose()

    def _check_file(self) -> None:
        if self._path is None:
            return
        try:
            found = self._identify_file()
        except OSError as error:
            raise make_unreachable(self._url, error.strerror or "its file is gone") from None
        if found != self._file:
            # Not opened: SQLite would apply the log of the old file to the new one.
            raise StoreMismatchError(
                f"the file of the store {describe_url(self._url)} was replaced while it was in "
                f"use; stop the Hub, see that {self._path}-wal belongs to it or delete that, and "
                "start again"
            )

    def _identify_file(self) -> tuple[int, int] | None:
        if self._path is None:
            return None
        # Not pathlib: this is on the way of every admission, and takes a tenth of its time.
        stat = os.stat(self._path)  # noqa: PTH116
        return stat.st_dev, stat.st_ino

    def _prove(self, connection: Any, _record: object) -> None:
        try:
            cursor = connection.cursor()
            there = cursor.execute(_PROOF_TABLE[self._engine.dialect.name]).fetchone()[0]
            found = cursor.execute(_PROOF).fetchall() if there else []
            connection.rollback()
            check_id(self._url, [str(row[0]) for row in found], self._store_id)
        except BaseException:
            # The pool never sees a connection that fails here, and would not close it.
            connection.close()
            raise


class OneWriter(Connections):
    """One connection that all threads take in turn: what SQLite allows, and the fastest way.

    On PostgreSQL it has the lock, so that nothing is written without. Threads of this process
    wait for each other here, in the order in which they came, rather than in SQLite, which sleeps
    for up to 100 ms between its tries.
    """

    def __init__(self, url: URL, engine: Engine, store_id: str, lock: WriterLock | None) -> None:
        super().__init__(url, engine, store_id)
        self._lock = lock
        self._patience = BUSY_TIMEOUT if self._path else TURN_TIMEOUT
        self._turn = FairLock()
        self._kept: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give a transaction on the one connection."""
        if not self._turn.acquire(timeout=self._patience):
            raise make_unreachable(self._url, "another thread is writing")
        try:
            with translate_driver_errors(self._url):
                self._check_file()
                if self._lock is not None:
                    self._lock.check()
                connection = self._kept or self._engine.connect()
                self._kept = None
                try:
                    with _thrown_away_after_failure(connection), connection.begin():
                        yield connection
                except BaseException:
                    connection.close()
                    raise
                self._kept = connection
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close the connection, unless a thread is writing: then it stays."""
        if self._turn.acquire(timeout=self._patience):
            try:
                if self._kept is not None:
                    self._kept.close()
                    self._kept = None
                super().close()
                if self._lock is not None:
                    self._lock.release()
            finally:
                self._turn.release()


@contextmanager
def _thrown_away_after_failure(connection: Connection) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        connection.invalidate(error)
        raise
