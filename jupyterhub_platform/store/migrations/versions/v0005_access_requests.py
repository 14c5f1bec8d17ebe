"""What people ask for, and what they were answered.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText, UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_request",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("user", CleanText, nullable=False),
        sa.Column("account", CleanText, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("wish", CleanText, nullable=False),
        sa.Column("seconds", sa.Integer),
        sa.Column("reason", CleanText, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_by", CleanText),
        sa.Column("decided_at", UtcTime),
        sa.Column("answer", CleanText),
    )
    op.create_index("access_request_of_state", "access_request", ["state", "at"])
    op.create_index("access_request_of_user", "access_request", ["user", "at"])
