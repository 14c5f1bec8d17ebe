"""Notices that wait to be delivered, or were; and the live grants whose end is announced.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText, UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", CleanText, primary_key=True),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("recipients", CleanText, nullable=False),
        sa.Column("facts", CleanText, nullable=False),
        sa.Column("actor", CleanText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", UtcTime, nullable=False),
        sa.Column("error", CleanText, nullable=False),
        sa.Column("done_at", UtcTime),
    )
    op.create_index("notice_due", "notice", ["state", "channel", "next_at"])
    op.create_index("notice_by_time", "notice", ["at", "id"])
    op.create_index("notice_by_actor", "notice", ["actor", "at"])
    op.create_table(
        "watched_grant",
        sa.Column("id", CleanText, primary_key=True),
        sa.Column("facts", CleanText, nullable=False),
        sa.Column("until", UtcTime, nullable=False),
        sa.Column("announce_at", UtcTime),
    )
