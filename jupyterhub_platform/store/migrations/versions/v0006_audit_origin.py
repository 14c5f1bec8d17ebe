"""The result and the origin of each row of the audit, and indexes to look rows up by.

Rows of before stay as they are, with their hashes: these columns are empty there.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("result", sa.String(16)))
    op.add_column("audit", sa.Column("via", sa.String(16)))
    op.add_column("audit", sa.Column("address", CleanText))
    for name in ("actor", "action", "subject"):
        op.create_index(f"audit_by_{name}", "audit", [name, "seq"])
    is_refused = sa.text("result = 'refused'")
    op.create_index(
        "audit_refused",
        "audit",
        ["seq"],
        sqlite_where=is_refused,
        postgresql_where=is_refused,
    )
