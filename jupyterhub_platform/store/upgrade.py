"""Bring the schema to the version that this code knows, or say why that cannot be.

Each version is one transaction on both databases, and the version number is
written in it: an interrupted upgrade leaves the last whole version, and the
next one goes on from there.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, String, inspect, select, table, text
from sqlalchemy.sql import column

from jupyterhub_platform.core.errors import StoreSchemaError
from jupyterhub_platform.store.engine import describe_url
from jupyterhub_platform.store.schema import SCHEMA_VERSION, VERSION_TABLE, metadata

_MIGRATIONS: Final = Path(__file__).parent / "migrations"

# Any number will do, as long as no other program on the same database uses it.
_UPGRADE_LOCK: Final = 0x6A68_7001


def upgrade(engine: Engine) -> None:
    """Upgrade the store behind ``engine`` to :data:`SCHEMA_VERSION`, one transaction per version.

    The engine is one that was opened for it, and not used for anything else.
    Several processes may do this at the same time: each version is applied once.

    Raises
    ------
    StoreSchemaError
        Raised if the schema is newer than this code, or no version that it knows.
    """
    with engine.connect() as connection:
        with connection.begin():
            version = read_version(connection)
        while version != SCHEMA_VERSION:
            with connection.begin():
                _wait_for_others(connection)
                version = read_version(connection)
                if version != SCHEMA_VERSION:
                    version = _upgrade_once(connection)


def check_version(connection: Connection) -> None:
    """Check that the schema is exactly the one that this code knows.

    Raises
    ------
    StoreSchemaError
        Raised if it is newer, older, absent or unknown.
    """
    version = read_version(connection)
    if version == SCHEMA_VERSION:
        return
    found = f"schema version {version}, older than" if version else "no schema, and not"
    raise StoreSchemaError(
        f"the store {describe_url(connection.engine.url)} has {found} {SCHEMA_VERSION}, which this "
        "code needs; start the Hub with this version of jupyterhub-platform once, it upgrades"
    )


def read_version(connection: Connection) -> str | None:
    """Return the schema version of a store, or None if it is empty.

    Raises
    ------
    StoreSchemaError
        Raised if it is newer than this code, or no version that it knows.
    """
    names = set(inspect(connection).get_table_names())
    versions: list[str] = []
    if VERSION_TABLE in names:
        query = select(column("version_num", String)).select_from(table(VERSION_TABLE))
        versions = sorted(str(number) for number in connection.execute(query).scalars())
    ours = names & metadata.tables.keys()
    if not versions and not ours:
        return None
    store = f"the store {describe_url(connection.engine.url)}"
    if not versions:
        raise StoreSchemaError(
            f"{store} has tables named {', '.join(sorted(ours))} but no schema version; this code "
            f"knows {SCHEMA_VERSION}; give the platform a database of its own, or restore a backup"
        )
    if len(versions) > 1 or not _is_number(versions[0]) or versions[0] < "0001":
        raise StoreSchemaError(
            f"{store} has schema version {', '.join(versions)}, which this platform does not know; "
            f"this code knows {SCHEMA_VERSION}; restore a backup of the store"
        )
    if versions[0] > SCHEMA_VERSION:
        raise StoreSchemaError(
            f"{store} has schema version {versions[0]}, newer than {SCHEMA_VERSION}, the newest "
            "that this code knows; run the newer jupyterhub-platform that upgraded it, "
            "or restore a backup from before"
        )
    return versions[0]


def _is_number(version: str) -> bool:
    return len(version) == 4 and version.isascii() and version.isdigit()


def _wait_for_others(connection: Connection) -> None:
    # On SQLite the transaction has the only write lock already.
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})"))


def _upgrade_once(connection: Connection) -> str | None:
    # Alembic takes a tenth of a second to import; a store that is up to date does without.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "+1")
    return read_version(connection)
