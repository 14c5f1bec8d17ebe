"""Changes of many people at once: what they are, how far they are, what they made.

Revision ID: 0012
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText, UtcTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulk_job",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("said", CleanText, nullable=False),
        sa.Column("reason", CleanText, nullable=False),
        sa.Column("by_name", CleanText, nullable=False),
        sa.Column("manager", CleanText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("ended_at", UtcTime),
        sa.Column("why", CleanText, nullable=False),
        sa.Column("via", CleanText, nullable=False),
        sa.Column("address", CleanText, nullable=False),
    )
    op.create_index("bulk_job_by_time", "bulk_job", ["at", "id"])
    op.create_table(
        "bulk_item",
        sa.Column("job", sa.String(32), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", CleanText, nullable=False),
        sa.Column("result", sa.String(16)),
        sa.Column("code", CleanText, nullable=False),
        sa.Column("sentence", CleanText, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bulk_revision",
        sa.Column("job", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
