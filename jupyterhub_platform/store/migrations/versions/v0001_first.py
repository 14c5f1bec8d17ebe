"""Policy revisions, people, ledger and audit; history that the database itself keeps.

Revision ID: 0001
"""

import uuid
from typing import Any

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LEDGER_REFUSAL = "the ledger is append-only"
_AUDIT_REFUSAL = "the audit is append-only"

# Of a reservation only these may change, until it is released.
_OPEN_COLUMNS = ("ready_at", "released_at", "release_reason")


def upgrade() -> None:
    _create_policy()
    _create_people()
    reservation = _create_reservation()
    _create_decision()
    _create_audit()
    fixed = [c.name for c in reservation.columns if c.name not in _OPEN_COLUMNS]
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite(fixed)
    else:
        _guard_postgresql(fixed)


def _needed(name: str, type_: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=False)


def _create_policy() -> None:
    info = op.create_table("store_info", sa.Column("id", sa.String(36), primary_key=True))
    op.bulk_insert(info, [{"id": str(uuid.uuid4())}])
    op.create_table(
        "policy_revision",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        _needed("document", CleanText),
        _needed("digest", sa.String(128)),
        _needed("source", CleanText),
        _needed("actor", CleanText),
        _needed("at", UtcTime),
    )
    op.create_table(
        "applied_membership",
        sa.Column("user_name", CleanText, primary_key=True),
        sa.Column("group_name", CleanText, primary_key=True),
    )


def _create_people() -> None:
    op.create_table(
        "local_account",
        sa.Column("name", CleanText, primary_key=True),
        sa.Column("password_hash", sa.Text),
        sa.Column("password_set_at", UtcTime),
        sa.Column("invite_hash", sa.String(128), unique=True),
        sa.Column("invite_expires_at", UtcTime),
        sa.Column("invite_by", CleanText),
        sa.Column("invite_used_at", UtcTime),
        _needed("created_at", UtcTime),
        _needed("updated_at", UtcTime),
    )
    op.create_table(
        "suspension",
        sa.Column("name", CleanText, primary_key=True),
        _needed("reason", CleanText),
        sa.Column("until", UtcTime),
        _needed("by_name", CleanText),
        _needed("at", UtcTime),
    )
    op.create_table(
        "revoked_share",
        sa.Column("suspended", CleanText, primary_key=True),
        sa.Column("owner", CleanText, primary_key=True),
        sa.Column("server", CleanText, primary_key=True),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("shared_with", CleanText, primary_key=True),
        _needed("scopes", CleanText),
        _needed("owner_id", sa.BigInteger),
        _needed("spawner_id", sa.BigInteger),
        _needed("shared_with_id", sa.BigInteger),
        _needed("at", UtcTime),
    )


def _create_reservation() -> sa.Table:
    table = op.create_table(
        "reservation",
        sa.Column("id", CleanText, primary_key=True),
        _needed("user", CleanText),
        _needed("server", CleanText),
        _needed("spawner_id", sa.BigInteger),
        _needed("account", CleanText),
        _needed("tier", CleanText),
        _needed("image", CleanText),
        _needed("demand", sa.Text),
        _needed("policy_revision", sa.Integer),
        _needed("observed", sa.Boolean),
        _needed("codes", CleanText),
        _needed("sentence", CleanText),
        _needed("decision", CleanText),
        _needed("requested_by", CleanText),
        _needed("opened_at", UtcTime),
        sa.Column("ends_at", UtcTime),
        sa.Column("idle_seconds", sa.Integer),
        sa.Column("ready_at", UtcTime),
        sa.Column("released_at", UtcTime),
        sa.Column("release_reason", CleanText),
    )
    op.create_index("reservation_by_time", "reservation", ["opened_at", "id"])
    still_open = sa.text("released_at IS NULL")
    op.create_index(
        "reservation_open",
        "reservation",
        ["user", "server"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    return table


def _create_decision() -> None:
    op.create_table(
        "decision",
        sa.Column("id", CleanText, primary_key=True),
        _needed("at", UtcTime),
        _needed("user", CleanText),
        _needed("server", CleanText),
        _needed("account", CleanText),
        _needed("tier", CleanText),
        _needed("admitted", sa.Boolean),
        _needed("observed", sa.Boolean),
        _needed("codes", CleanText),
        _needed("sentence", CleanText),
        _needed("decision", CleanText),
        _needed("requested_by", CleanText),
    )
    op.create_index("decision_by_time", "decision", ["at", "id"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        _needed("at", UtcTime),
        _needed("actor", CleanText),
        _needed("action", CleanText),
        _needed("subject", CleanText),
        _needed("detail", sa.Text),
        sa.Column("previous_hash", sa.String(64), nullable=False, unique=True),
        _needed("hash", sa.String(64)),
    )


def _guard_sqlite(fixed: list[str]) -> None:
    def guard(name: str, event: str, table: str, refusal: str, when: str = "") -> None:
        condition = f"WHEN {when} " if when else ""
        op.execute(
            f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} FOR EACH ROW {condition}"
            f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        )

    keys = {"reservation": "id", "decision": "id", "audit": "seq"}
    for table, key in keys.items():
        refusal = _AUDIT_REFUSAL if table == "audit" else _LEDGER_REFUSAL
        guard("no_delete", "DELETE", table, refusal)
        # INSERT OR REPLACE deletes the older row without firing the trigger above.
        existing = f"EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"  # noqa: S608
        guard("no_replace", "INSERT", table, refusal, existing)
    guard("no_update", "UPDATE", "decision", _LEDGER_REFUSAL)
    guard("no_update", "UPDATE", "audit", _AUDIT_REFUSAL)
    changed = " OR ".join(f'NEW."{name}" IS NOT OLD."{name}"' for name in fixed)
    released = "OLD.released_at IS NOT NULL"
    guard("no_rewrite", "UPDATE", "reservation", _LEDGER_REFUSAL, f"{released} OR {changed}")


def _guard_postgresql(fixed: list[str]) -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$"
    )

    def guard(name: str, event: str, table: str, each: str, when: str = "") -> None:
        refusal = _AUDIT_REFUSAL if table == "audit" else _LEDGER_REFUSAL
        condition = f"WHEN ({when}) " if when else ""
        op.execute(
            f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} FOR EACH {each} {condition}"
            f"EXECUTE FUNCTION refuse_change('{refusal}')"
        )

    for table in ("reservation", "decision", "audit"):
        guard("no_delete", "DELETE", table, "ROW")
        guard("no_truncate", "TRUNCATE", table, "STATEMENT")
    guard("no_update", "UPDATE", "decision", "ROW")
    guard("no_update", "UPDATE", "audit", "ROW")
    old = ", ".join(f'OLD."{name}"' for name in fixed)
    new = ", ".join(f'NEW."{name}"' for name in fixed)
    when = f"OLD.released_at IS NOT NULL OR ROW({new}) IS DISTINCT FROM ROW({old})"
    guard("no_rewrite", "UPDATE", "reservation", "ROW", when)
