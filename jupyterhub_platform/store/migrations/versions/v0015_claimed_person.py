"""Who has logged in by an identity provider, and what it said of them.

Revision ID: 0015
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText, UtcTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "claimed_person",
        sa.Column("issuer", CleanText, primary_key=True),
        sa.Column("subject", CleanText, primary_key=True),
        sa.Column("provider", CleanText, nullable=False),
        sa.Column("name", CleanText, unique=True),
        sa.Column("was", CleanText),
        sa.Column("claims", CleanText, nullable=False),
        sa.Column("first_at", UtcTime, nullable=False),
        sa.Column("grouped_at", UtcTime, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False),
    )
    op.create_index("claimed_person_of_change", "claimed_person", ["change"])
