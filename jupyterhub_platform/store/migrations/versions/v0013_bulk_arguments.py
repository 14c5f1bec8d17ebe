"""The arguments of a bulk change for one name alone: the document and the groups of a new user.

Revision ID: 0013
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bulk_item", sa.Column("arguments", CleanText))
