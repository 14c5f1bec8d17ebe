"""Denials that were repeated: how often and when; and no revision of the policy changes.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText, UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_REFUSALS = {
    "denial_repeat": "the ledger is append-only",
    "policy_revision": "revisions of the policy are append-only",
}
_KEYS = {"denial_repeat": "id", "policy_revision": "number"}


def upgrade() -> None:
    op.create_table(
        "denial_repeat",
        sa.Column("id", CleanText, primary_key=True),
        sa.Column("decision", CleanText, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("first_at", UtcTime, nullable=False),
        sa.Column("last_at", UtcTime, nullable=False),
    )
    op.create_index("denial_repeat_of", "denial_repeat", ["decision"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table in _REFUSALS:
        if is_sqlite:
            _guard_sqlite(table)
        else:
            _guard_postgresql(table)


def _guard_sqlite(table: str) -> None:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSALS[table]}'); END"
    for name, event in (("no_delete", "DELETE"), ("no_update", "UPDATE")):
        op.execute(f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} FOR EACH ROW {refuse}")
    # INSERT OR REPLACE deletes the older row without firing a trigger.
    key = _KEYS[table]
    existing = f"EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"  # noqa: S608
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} FOR EACH ROW "
        f"WHEN {existing} {refuse}"
    )


def _guard_postgresql(table: str) -> None:
    events = (("no_delete", "DELETE", "ROW"), ("no_update", "UPDATE", "ROW"))
    for name, event, each in (*events, ("no_truncate", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} FOR EACH {each} "
            f"EXECUTE FUNCTION refuse_change('{_REFUSALS[table]}')"
        )
