"""Checks that the triggers that keep history append-only are in place, and no others.

Migrations make them. The owner of the database can drop one, change the past, and make it again; or
leave it out, so that the next mistake goes through. Each is compared by its whole text, since a
trigger of the same name may refuse nothing. One that was added can do more harm: before an insert,
it drops chosen rows without an error, and the chain goes on over what was never written.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sqlalchemy import bindparam, text

from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import audit, reservation

_LEDGER: Final = "the ledger is append-only"
_REVISIONS: Final = "revisions of the policy are append-only"
GUARDED: Final[Mapping[str, tuple[str, str]]] = {
    "reservation": ("id", _LEDGER),
    "decision": ("id", _LEDGER),
    "denial_repeat": ("id", _LEDGER),
    "audit": ("seq", "the audit is append-only"),
    "audit_checkpoint": ("seq", "checkpoints of the audit are append-only"),
    "policy_revision": ("number", _REVISIONS),
    "managed_revision": ("number", _REVISIONS),
}
"""The tables whose rows are only ever added, each with its key and what the database answers."""

_OPEN_COLUMNS: Final = ("ready_at", "released_at", "release_reason")
_FIXED: Final = [c.name for c in reservation.columns if c.name not in _OPEN_COLUMNS]

_FUNCTION: Final = "BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END"
_MAKE_FUNCTION: Final = (
    "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $$ {} $$"
)
_SEALED: Final = "(SELECT coalesce(max(seq), 0) FROM audit_checkpoint)"
"""Up to which number rows of the audit may be removed: that of the newest checkpoint."""

_SEAL_FUNCTION: Final = (
    f"BEGIN IF OLD.seq <= {_SEALED} THEN RETURN OLD; END IF; "
    "RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END"
)
_FUNCTIONS_MADE: Final = {"refuse_change": _FUNCTION, "refuse_unsealed": _SEAL_FUNCTION}
_ON_SQLITE: Final = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
_ON_POSTGRESQL: Final = text(
    "SELECT t.tgname, pg_get_triggerdef(t.oid, true) FROM pg_trigger t "
    "JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal "
    "AND t.tgenabled IN ('O', 'A') AND pg_table_is_visible(c.oid)"
)
_OTHERS_ON_SQLITE: Final = text(
    "SELECT tbl_name, 'trigger ' || name, 'DROP TRIGGER ' || name FROM sqlite_master "
    "WHERE type = 'trigger' AND lower(tbl_name) IN :tables AND name NOT IN :made ORDER BY 1, 2"
)
# After an insert, a trigger cannot take it back: such ones copy rows, as some replication does.
_OTHERS_ON_POSTGRESQL: Final = text(
    "SELECT relname, what, remedy FROM pg_class c CROSS JOIN LATERAL ("
    "SELECT 'trigger ' || tgname, format('DROP TRIGGER %I ON %I', tgname, relname) "
    "FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled <> 'D' "
    "AND tgtype & 2 = 2 AND tgname NOT IN :made UNION ALL "
    "SELECT 'rule ' || rulename, format('DROP RULE %I ON %I', rulename, relname) "
    "FROM pg_rewrite WHERE ev_class = c.oid AND ev_enabled <> 'D' UNION ALL "
    "SELECT 'row security', format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY', relname) "
    "WHERE relrowsecurity) AS found (what, remedy) "
    "WHERE relname IN :tables AND pg_table_is_visible(c.oid) ORDER BY 1, 2"
)
_FUNCTIONS: Final = text(
    "SELECT prosrc FROM pg_proc WHERE proname = :name AND pg_function_is_visible(oid)"
)


def list_triggers(dialect: str) -> dict[str, str]:
    """Return the statement that makes each trigger, by its name."""
    return dict(_sqlite_triggers() if dialect == "sqlite" else _postgresql_triggers())


def find_missing(tx: Transaction) -> list[tuple[str, str]]:
    """Return the name of each trigger that is gone, off or another one, with what makes it."""
    dialect = tx.dialect.name
    found = {
        row[0]: row[1] for row in tx.execute(_ON_SQLITE if dialect == "sqlite" else _ON_POSTGRESQL)
    }
    missing = [
        (name, statement)
        for name, statement in list_triggers(dialect).items()
        if _plain(found.get(name, "")) != _plain(statement)
    ]
    if dialect == "postgresql":
        for name, body in _FUNCTIONS_MADE.items():
            bodies = tx.execute(_FUNCTIONS, {"name": name}).scalars().all()
            if [_plain(found) for found in bodies] != [_plain(body)]:
                missing.insert(0, (name, _MAKE_FUNCTION.format(name, body)))
    return missing


def find_added(tx: Transaction) -> list[tuple[str, str, str]]:
    """Return the table, the name and the removal of what was added that could drop or hide rows."""
    dialect = tx.dialect.name
    query = _OTHERS_ON_SQLITE if dialect == "sqlite" else _OTHERS_ON_POSTGRESQL
    named = {"tables": list(GUARDED), "made": list(list_triggers(dialect))}
    query = query.bindparams(
        *(bindparam(name, value, expanding=True) for name, value in named.items())
    )
    return [(row[0], row[1], row[2]) for row in tx.execute(query)]


def _plain(statement: str) -> str:
    """Leave out what a database writes in its own way: blanks, brackets, quotes, small letters."""
    return re.sub(r'[\s()"]', "", statement).lower()


def _sqlite_triggers() -> Iterator[tuple[str, str]]:
    for table, (key, refusal) in GUARDED.items():
        existing = f"EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"  # noqa: S608
        changes = [f'NEW."{name}" IS NOT OLD."{name}"' for name in _FIXED]
        rewrite = " OR ".join(["OLD.released_at IS NOT NULL", *changes])
        unsealed = f"OLD.seq > {_SEALED}" if table == audit.name else ""
        triggers = [("no_delete", "DELETE", unsealed), ("no_replace", "INSERT", existing)]
        triggers.append(
            ("no_rewrite", "UPDATE", rewrite)
            if table == reservation.name
            else ("no_update", "UPDATE", "")
        )
        for name, event, when in triggers:
            condition = f"WHEN {when} " if when else ""
            made = f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} FOR EACH ROW"
            yield (
                f"{table}_{name}",
                f"{made} {condition}BEGIN SELECT RAISE(ABORT, '{refusal}'); END",
            )


def _postgresql_triggers() -> Iterator[tuple[str, str]]:
    # As PostgreSQL renders the comparison of whole rows that the first version wrote.
    changes = (f'NEW."{name}" IS DISTINCT FROM OLD."{name}"' for name in _FIXED)
    rewrite = " OR ".join(["OLD.released_at IS NOT NULL", *changes])
    for table, (_, refusal) in GUARDED.items():
        triggers = [
            ("no_delete", "DELETE", "ROW", ""),
            ("no_truncate", "TRUNCATE", "STATEMENT", ""),
        ]
        triggers.append(
            ("no_rewrite", "UPDATE", "ROW", rewrite)
            if table == reservation.name
            else ("no_update", "UPDATE", "ROW", "")
        )
        for name, event, each, when in triggers:
            condition = f"WHEN ({when}) " if when else ""
            removes = table == audit.name and event == "DELETE"
            function = "refuse_unsealed" if removes else "refuse_change"
            made = f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} FOR EACH {each}"
            yield (
                f"{table}_{name}",
                f"{made} {condition}EXECUTE FUNCTION {function}('{refusal}')",
            )
