"""How the last failed run of each server ended, with the end of its log.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText, UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "failed_run",
        sa.Column("user", CleanText, primary_key=True),
        sa.Column("server", CleanText, primary_key=True),
        sa.Column("reservation", CleanText, nullable=False),
        sa.Column("cause", CleanText, nullable=False),
        sa.Column("log", CleanText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_index("failed_run_by_time", "failed_run", ["at"])
