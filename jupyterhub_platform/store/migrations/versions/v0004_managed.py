"""Objects that are managed in the Hub, and the revision that each change of one is.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_REVISIONS = "managed_revision"
_REFUSAL = "revisions of the policy are append-only"


def upgrade() -> None:
    op.create_table(
        "managed_object",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("name", CleanText, primary_key=True),
        sa.Column("document", CleanText, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("by_name", CleanText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_table(
        _REVISIONS,
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", CleanText, nullable=False),
        sa.Column("before", CleanText),
        sa.Column("after", CleanText),
        sa.Column("actor", CleanText, nullable=False),
        sa.Column("reason", CleanText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_index("managed_revision_of", _REVISIONS, ["kind", "name"])
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    made = f"CREATE TRIGGER {_REVISIONS}"
    for name, event in (("no_delete", "DELETE"), ("no_update", "UPDATE")):
        op.execute(f"{made}_{name} BEFORE {event} ON {_REVISIONS} FOR EACH ROW {refuse}")
    # INSERT OR REPLACE deletes the older row without firing a trigger.
    existing = f"EXISTS (SELECT 1 FROM {_REVISIONS} WHERE number = NEW.number)"  # noqa: S608
    op.execute(
        f"{made}_no_replace BEFORE INSERT ON {_REVISIONS} FOR EACH ROW WHEN {existing} {refuse}"
    )


def _guard_postgresql() -> None:
    events = (("no_delete", "DELETE", "ROW"), ("no_update", "UPDATE", "ROW"))
    for name, event, each in (*events, ("no_truncate", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER {_REVISIONS}_{name} BEFORE {event} ON {_REVISIONS} FOR EACH {each} "
            f"EXECUTE FUNCTION refuse_change('{_REFUSAL}')"
        )
