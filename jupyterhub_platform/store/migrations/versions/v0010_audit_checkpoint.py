"""Checkpoints of the audit, up to which its oldest rows may be removed.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLE = "audit_checkpoint"
_REFUSAL = "checkpoints of the audit are append-only"
_AUDIT_REFUSAL = "the audit is append-only"
_SEALED = "(SELECT coalesce(max(seq), 0) FROM audit_checkpoint)"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    for name, event in (("no_delete", "DELETE"), ("no_update", "UPDATE")):
        op.execute(
            f"CREATE TRIGGER {_TABLE}_{name} BEFORE {event} ON {_TABLE} FOR EACH ROW {refuse}"
        )
    # INSERT OR REPLACE deletes the older row without firing a trigger.
    existing = f"EXISTS (SELECT 1 FROM {_TABLE} WHERE seq = NEW.seq)"  # noqa: S608
    op.execute(
        f"CREATE TRIGGER {_TABLE}_no_replace BEFORE INSERT ON {_TABLE} FOR EACH ROW "
        f"WHEN {existing} {refuse}"
    )
    op.execute("DROP TRIGGER audit_no_delete")
    op.execute(
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW "
        f"WHEN OLD.seq > {_SEALED} BEGIN SELECT RAISE(ABORT, '{_AUDIT_REFUSAL}'); END"
    )


def _guard_postgresql() -> None:
    events = (("no_delete", "DELETE", "ROW"), ("no_update", "UPDATE", "ROW"))
    for name, event, each in (*events, ("no_truncate", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER {_TABLE}_{name} BEFORE {event} ON {_TABLE} FOR EACH {each} "
            f"EXECUTE FUNCTION refuse_change('{_REFUSAL}')"
        )
    op.execute(
        "CREATE FUNCTION refuse_unsealed() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF OLD.seq <= {_SEALED} THEN RETURN OLD; END IF; "
        "RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute("DROP TRIGGER audit_no_delete ON audit")
    op.execute(
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW "
        f"EXECUTE FUNCTION refuse_unsealed('{_AUDIT_REFUSAL}')"
    )
