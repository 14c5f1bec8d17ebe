"""One Hub at a time writes a store: how it locks the store, and how the lock ends by itself.

The kernel or the database server holds the lock for as long as the Hub's process lives, so that
a Hub that was killed leaves none behind. SQLite: a lock on a file beside the database. PostgreSQL:
a lock that belongs to the one session that writes; a Hub that lost that session cannot write.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import URL, Engine, event

from jupyterhub_platform.core.errors import StoreInUseError
from jupyterhub_platform.store.driver_errors import make_unreachable
from jupyterhub_platform.store.engine import describe_url

PATIENCE: Final = 5.0
"""Seconds that a Hub waits at its start for the one before it, which may be ending."""

_PAUSE: Final = 0.1

# Any number will do, as long as no other program on the same database uses it.
_KEY: Final = 0x6A68_7002
_TAKE: Final = f"SELECT pg_try_advisory_lock({_KEY})"
_NAME_SESSION: Final = (
    "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()"
)
_NAME_HOLDER: Final = (
    "SELECT a.pid, a.backend_start::text FROM pg_locks l JOIN pg_stat_activity a USING (pid) "  # noqa: S608 - our own number
    "JOIN pg_database d ON d.oid = l.database AND d.datname = current_database() "
    f"WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.objid = {_KEY} AND l.granted"
)


class WriterLock(Protocol):
    """The right to write one store, which at most one Hub has."""

    def acquire(self) -> None:
        """Take the lock for as long as this process lives, or until :meth:`release`.

        Raises
        ------
        StoreInUseError
            Raised if another Hub has it.
        """
        ...

    def check(self) -> None:
        """Refuse if the lock is lost; asked before each transaction that writes.

        Raises
        ------
        StoreInUseError
            Raised if another Hub has it now.
        """
        ...

    def release(self) -> None:
        """Leave the store to others."""
        ...


def make_lock(url: URL, writer: Engine) -> WriterLock:
    """Make the lock that fits the kind of database; it is not taken yet."""
    return FileLock(url) if url.drivername == "sqlite" else SessionLock(url, writer)


def take_patiently(lock: WriterLock) -> None:
    """Take a lock, and wait for a Hub that is just ending.

    Raises
    ------
    StoreInUseError
        Raised if another Hub keeps it.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            lock.acquire()
        except StoreInUseError:
            if time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(_PAUSE)


class FileLock:
    """A lock on a file beside a SQLite database.

    Not on the database itself: to close any descriptor of that would let go SQLite's own locks.
    A Hub whose file another one has locked stays out for good: what it knows is not what the other
    has written since.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._path = Path(f"{url.database}.lock")
        self._descriptor: int | None = None
        self._taken_by_another = False

    def acquire(self) -> None:
        """Lock the file, and make it where there is none."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise make_unreachable(self._url, f"{self._path}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise _in_use(self._url) from None
        self.release()
        self._descriptor = descriptor

    def check(self) -> None:
        """Take the file again if it was removed: another Hub could have locked a new one."""
        if self._taken_by_another:
            raise _lost(self._url)
        if self._is_ours():
            return
        try:
            self.acquire()
        except StoreInUseError:
            self._taken_by_another = True
            raise _lost(self._url) from None

    def _is_ours(self) -> bool:
        if self._descriptor is None:
            return False
        try:
            # Not pathlib: this is on the way of every admission.
            found = os.stat(self._path)  # noqa: PTH116
        except OSError:
            return False
        return os.path.samestat(found, os.fstat(self._descriptor))

    def release(self) -> None:
        """Close the file, and with it the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class SessionLock:
    """A lock of PostgreSQL that belongs to the session of the one connection that writes.

    Each new connection takes it again. A Hub that finds another one there stays out for good, too.
    """

    def __init__(self, url: URL, writer: Engine) -> None:
        self._url = url
        self._writer = writer
        self._session: tuple[int, str] | None = None
        self._taken_by_another = False
        event.listen(writer, "connect", self._lock)

    def acquire(self) -> None:
        """Open the session, which stays in the pool of the engine."""
        self._taken_by_another = False
        with self._writer.connect():
            pass

    def check(self) -> None:
        """Refuse once another Hub was seen to have taken the store."""
        if self._taken_by_another:
            raise _lost(self._url)

    def release(self) -> None:
        """Nothing to do: the lock goes with its connection."""

    def _lock(self, connection: Any, _record: object) -> None:
        try:
            cursor = connection.cursor()
            taken = cursor.execute(_TAKE).fetchone()[0]
            named = cursor.execute(_NAME_SESSION if taken else _NAME_HOLDER).fetchone()
            if taken:
                self._session = named
            elif named is not None and named == self._session:
                self._end_own_session(cursor, named[0])
            elif self._session is not None:
                self._taken_by_another = True
                raise _lost(self._url)
            else:
                raise _in_use(self._url)
            connection.commit()
        except BaseException:
            # The pool never sees a connection that fails here, and would not close it.
            connection.close()
            raise

    def _end_own_session(self, cursor: Any, pid: int) -> None:
        """End the session that this Hub gave up and whose end the server has not noticed."""
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        raise make_unreachable(self._url, "it still holds a session that this Hub has given up")


def _in_use(url: URL) -> StoreInUseError:
    return StoreInUseError(
        f"another Hub uses the store {describe_url(url)}; two would admit more than there is. "
        "Stop the other one, or give this one a store of its own"
    )


def _lost(url: URL) -> StoreInUseError:
    return StoreInUseError(
        f"another Hub has taken the store {describe_url(url)} from this one, which admits nothing "
        "any more. Stop one of the two, and restart the other"
    )
