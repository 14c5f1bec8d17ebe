"""The platform's own database, as the floors above see it.

Every transaction is short. What a driver raises leaves here as an error of the
platform, and the connection that failed is thrown away, so that the next try is
a fresh one. Each new connection proves that it leads to the same store: an
emptied or replaced database is an error, never an empty platform.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import URL, Engine, inspect, select, update

from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.store import schema
from jupyterhub_platform.store.connections import Connections, OneWriter, check_id
from jupyterhub_platform.store.driver_errors import make_unreachable, translate_driver_errors
from jupyterhub_platform.store.engine import (
    Transaction,
    create_sqlite_file,
    describe_url,
    open_engine,
    parse_url,
)
from jupyterhub_platform.store.upgrade import check_version, read_version, upgrade
from jupyterhub_platform.store.writer_lock import WriterLock, make_lock, take_patiently


class Store:
    """A store that is open; safe to use from several threads at a time.

    Made by :meth:`open`. Transactions come from :meth:`begin` and :meth:`read`, and the
    repositories beside this module work on them.
    """

    def __init__(
        self, url: URL, writer: Engine | None, reader: Engine, id_: str, lock: WriterLock | None
    ) -> None:
        self._url = url
        self._id = id_
        self._reader = Connections(url, reader, id_)
        self._writer: Connections | None = None
        if writer is not None:
            if lock is not None or url.drivername == "sqlite":
                self._writer = OneWriter(url, writer, id_, lock)
            else:
                self._writer = Connections(url, writer, id_)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        read_only: bool = False,
        migrate: bool = True,
        expected_id: str | None = None,
        exclusive: bool = False,
    ) -> Self:
        """Open the store at ``url``.

        Parameters
        ----------
        url
            ``sqlite:///PATH`` or ``postgresql://…``.
        read_only
            Open without any way to write; the schema must be there already.
        migrate
            Bring the schema up to date first, creating it in an empty database.
        expected_id
            The :attr:`id` of the store that was used before.
        exclusive
            Lock the store for this process alone, as a Hub does.

        Raises
        ------
        StoreError
            Raised if ``url`` is something else.
        StoreUnreachableError
            Raised if the database does not answer.
        StoreSchemaError
            Raised if its schema is not the one that this code knows.
        StoreMismatchError
            Raised if it is not the store with ``expected_id``.
        StoreInUseError
            Raised if it is to be ``exclusive``, and another Hub uses it.
        """
        parsed = parse_url(url)
        reader = open_engine(parsed, read_only=True)
        writer = None if read_only else open_engine(parsed, read_only=False)
        engine = writer or reader
        lock = make_lock(parsed, writer) if exclusive and writer is not None else None
        with _closed_on_failure(engine, lock), translate_driver_errors(parsed):
            if lock is not None:
                take_patiently(lock)
            upgraded = migrate and writer is not None
            id_ = _prepare(parsed, engine, expected_id, upgraded=upgraded)
            return cls(parsed, writer, reader, id_, lock)

    @staticmethod
    def read_version_at(url: str) -> str | None:
        """Return the version of the schema of a store that need not be of this code's version.

        ``None`` if there is no store yet.

        Raises
        ------
        StoreUnreachableError
            Raised if the database does not answer.
        StoreSchemaError
            Raised if it is newer than this code, or no version that it knows.
        """
        parsed = parse_url(url)
        if parsed.drivername == "sqlite" and not Path(str(parsed.database)).exists():
            return None
        engine = open_engine(parsed, read_only=True)
        try:
            with translate_driver_errors(parsed), engine.connect() as connection:
                return read_version(connection)
        finally:
            engine.dispose()

    @property
    def id(self) -> str:
        """The random id that the store was created with."""
        return self._id

    @property
    def display_url(self) -> str:
        """The URL without password and options."""
        return describe_url(self._url)

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Give a transaction that writes; it is committed at the end, or rolled back on an error.

        Raises
        ------
        StoreUnreachableError
            Raised if the database does not answer, and for a store opened read-only.
        StoreError
            Raised if the database refuses what was written.
        """
        if self._writer is None:
            raise StoreUnreachableError(f"the store {self.display_url} was opened read-only")
        with self._writer.transaction() as transaction:
            yield transaction

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Give a transaction that only reads, and sees the store as of one moment.

        Raises
        ------
        StoreUnreachableError
            Raised if the database does not answer, or if something tries to write.
        """
        with self._reader.transaction() as transaction:
            yield transaction

    def probe(self) -> None:
        """Check that the store can be read and, unless it was opened read-only, written.

        Raises
        ------
        StoreUnreachableError
            Raised if it cannot.
        StoreMismatchError
            Raised if another store has taken its place.
        """
        if self._writer is not None:
            with self.begin() as transaction:
                transaction.execute(update(schema.store_info).values(id=schema.store_info.c.id))
        with self.read() as transaction:
            transaction.execute(select(schema.store_info.c.id)).one()

    def read_schema_version(self) -> str | None:
        """Return the version that the schema has now.

        Raises
        ------
        StoreUnreachableError
            Raised if it cannot be read.
        StoreSchemaError
            Raised if it is newer than this code, or no version that it knows.
        """
        with self.read() as transaction:
            return read_version(transaction)

    def close(self) -> None:
        """Close every connection that is not in use; the others close when they are done."""
        self._reader.close()
        if self._writer is not None:
            self._writer.close()


@contextmanager
def _closed_on_failure(engine: Engine, lock: WriterLock | None) -> Iterator[None]:
    """Let go of a database that turns out not to be the store that is meant."""
    try:
        yield
    except BaseException:
        engine.dispose()
        if lock is not None:
            lock.release()
        raise


def _prepare(url: URL, engine: Engine, expected_id: str | None, *, upgraded: bool) -> str:
    """Bring the schema up to date if that is asked for, and return the id of the store."""
    if expected_id is not None:
        # Before anything is written: a backup shall be restored into what is empty.
        check_id(url, _list_ids(url, engine), expected_id)
    if upgraded:
        _upgrade(url)
    with engine.connect() as connection, connection.begin():
        check_version(connection)
        found = connection.execute(select(schema.store_info.c.id)).scalars().all()
    return check_id(url, found, expected_id)


def _list_ids(url: URL, engine: Engine) -> Sequence[str]:
    """Return what stands where the id of a store belongs, in a database of any kind."""
    if url.drivername == "sqlite" and not Path(str(url.database)).exists():
        return ()
    with engine.connect() as connection, connection.begin():
        if not inspect(connection).has_table(schema.store_info.name):
            return ()
        return connection.execute(select(schema.store_info.c.id)).scalars().all()


def _upgrade(url: URL) -> None:
    try:
        create_sqlite_file(url)
    except OSError as error:
        raise make_unreachable(url, error.strerror or type(error).__name__) from None
    engine = open_engine(url, read_only=False, for_upgrade=True)
    try:
        upgrade(engine)
    finally:
        engine.dispose()
