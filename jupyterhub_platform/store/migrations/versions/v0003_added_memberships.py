"""Memberships that people added in the Hub, which no provider knows of.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "added_membership",
        sa.Column("user_name", CleanText, primary_key=True),
        sa.Column("group_name", CleanText, primary_key=True),
    )
