"""Open database engines, for writing and for reading only.

SQLite: write-ahead log, so that readers and the one writer never wait for each
other; a transaction is begun by us, since the driver's own way leaves DDL and
reads outside of it. PostgreSQL: psycopg 3, every wait bounded.
"""

import sqlite3
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from jupyterhub_platform.core.errors import StoreError

Transaction = Connection
"""What the repositories of this package work on; made by :class:`..store.Store` alone."""

BUSY_TIMEOUT: Final = 0.2
"""Seconds to wait for another writer of a SQLite file; the Hub's loop may be what waits."""

UPGRADE_BUSY_TIMEOUT: Final = 600.0
"""The same for an upgrade of the schema: that of another Hub may rewrite large tables."""

CONNECT_TIMEOUT: Final = 2
"""Seconds until a PostgreSQL server that does not answer counts as down."""

STATEMENT_TIMEOUT: Final = 2000
"""Milliseconds that PostgreSQL may work on one statement."""

LOCK_TIMEOUT: Final = 500
"""Milliseconds that a statement on PostgreSQL may wait for a lock."""

_DRIVER: Final = "postgresql+psycopg"
_KEEPALIVE: Final = {
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "1",
    "keepalives_count": "3",
    "tcp_user_timeout": "3000",
}


def parse_url(text: str) -> URL:
    """Read a database URL; ``postgresql://`` and ``postgres://`` mean psycopg 3.

    A path of SQLite becomes the one that the file really has: a later change of directory changes
    nothing, and a Hub that comes by a link finds the lock of another one.

    Raises
    ------
    StoreError
        Raised if it is not a URL of SQLite or PostgreSQL. Its text is not shown: it may hold a
        password.
    """
    try:
        # SQLAlchemy dropped the short name long ago, but hosted databases still hand it out.
        url = make_url(text.replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):
        raise StoreError(
            "the database URL cannot be read; write sqlite:///PATH "
            "or postgresql://USER:PASSWORD@HOST/DATABASE, with special characters percent-encoded"
        ) from None
    if url.drivername in {"postgresql", _DRIVER}:
        return url.set(drivername=_DRIVER)
    if url.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise StoreError(
            f"the database URL begins with “{url.drivername}”; the platform keeps its store in "
            "SQLite (sqlite:///PATH) or PostgreSQL (postgresql://…)"
        )
    if url.database in {None, "", ":memory:"}:
        raise StoreError(
            "the database URL names no file: what the platform must remember cannot be in memory; "
            "write sqlite:///PATH"
        )
    return URL.create("sqlite", database=str(Path(str(url.database)).resolve()))


def describe_url(url: URL) -> str:
    """Render ``url`` for people: without password, and without options, which may hold one."""
    return url.set(password=None, query={}).render_as_string(hide_password=True)


def open_engine(url: URL, *, read_only: bool, for_upgrade: bool = False) -> Engine:
    """Make an engine on a parsed ``url``; nothing is connected yet.

    One ``for_upgrade`` waits for minutes rather than seconds, and serves nothing else.
    """
    if url.drivername == "sqlite":
        timeout = UPGRADE_BUSY_TIMEOUT if for_upgrade else BUSY_TIMEOUT
        return _open_sqlite(Path(str(url.database)), read_only, timeout)
    return _open_postgresql(url, read_only, for_upgrade)


def create_sqlite_file(url: URL) -> None:
    """Create the file of a SQLite store, readable by its owner alone, if there is none."""
    if url.drivername == "sqlite":
        Path(str(url.database)).touch(mode=0o600)


def _open_sqlite(path: Path, read_only: bool, timeout: float) -> Engine:
    # "rw" rather than "rwc": a file that vanished must not come back empty behind our back.
    address = f"file:{quote(str(path))}?mode={'ro' if read_only else 'rw'}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address,
            uri=True,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            _switch_to_write_ahead_log(connection, timeout)
            connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    engine = _create_engine(URL.create("sqlite", database=str(path)), creator=connect)
    # A write lock taken late could fail in the middle of a transaction; this one fails at once.
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"
    # Straight to the driver: as a statement of SQLAlchemy it takes five times as long.
    engine.dialect.do_begin = lambda connection: connection.execute(begin)  # type: ignore[assignment, method-assign]
    return engine


def _switch_to_write_ahead_log(connection: sqlite3.Connection, timeout: float) -> None:
    # Of several that switch a new file at once, SQLite lets one through and fails the others
    # without waiting: each of them holds a lock that the others would wait for.
    give_up = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                connection.close()
                raise
            time.sleep(0.005)
        else:
            return


def _open_postgresql(url: URL, read_only: bool, for_upgrade: bool) -> Engine:
    # Not before: its libraries take 8 MiB, which a Hub on SQLite does without.
    from jupyterhub_platform.store.postgresql import BoundedConnection, UpgradeConnection

    settings = {
        "statement_timeout": STATEMENT_TIMEOUT,
        "lock_timeout": LOCK_TIMEOUT,
        "idle_in_transaction_session_timeout": 30_000,
        # A Hub whose machine lost its power must not keep its lock for hours.
        "tcp_keepalives_idle": 10,
        "tcp_keepalives_interval": 5,
        "tcp_keepalives_count": 3,
        "default_transaction_read_only": "on" if read_only else "off",
        "TimeZone": "UTC",
    }
    if for_upgrade:
        settings |= {"statement_timeout": 0, "lock_timeout": 30_000}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT,
        "application_name": "jupyterhub-platform",
        "client_encoding": "utf8",
        **_KEEPALIVE,
    }
    for name in arguments.keys() & url.query.keys():
        del arguments[name]
    # The operator's own options come last, so that they win.
    own = url.query.get("options", "")
    arguments["options"] = f"{options} {own if isinstance(own, str) else ' '.join(own)}".strip()
    # A reader sees one moment, as it does on SQLite.
    isolation = "REPEATABLE READ" if read_only else "READ COMMITTED"
    url = url.difference_update_query(["options"])
    engine = _create_engine(url, connect_args=arguments, isolation_level=isolation)
    kind = UpgradeConnection if for_upgrade else BoundedConnection
    event.listen(engine, "do_connect", lambda _d, _r, args, kwargs: kind.connect(*args, **kwargs))
    return engine


def _create_engine(url: URL, **arguments: Any) -> Engine:
    return create_engine(
        url,
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=28,  # with 4, the threads of the largest default executor of asyncio
        pool_timeout=BUSY_TIMEOUT,
        pool_use_lifo=True,
        hide_parameters=True,  # parameters hold hashes of passwords
        **arguments,
    )
