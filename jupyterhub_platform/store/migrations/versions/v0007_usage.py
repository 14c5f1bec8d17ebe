"""Sums of the ledger by day and month, and what leads to the rows that they are made of.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_AMOUNTS = ("servers", "cpu_high", "cpu_low", "memory_high", "memory_low")
_DEVICES = ("accelerators_high", "accelerators_low")


def _amounts() -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in (*_AMOUNTS, *_DEVICES)]


def upgrade() -> None:
    op.create_table(
        "usage_day",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("name", CleanText, primary_key=True),
        *_amounts(),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_month",
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("name", CleanText, primary_key=True),
        sa.Column("month", sa.Date, primary_key=True),
        *_amounts(),
        sqlite_with_rowid=False,
    )
    op.create_table("usage_settled", sa.Column("until", sa.Date, primary_key=True))
    ended = sa.text("released_at IS NOT NULL")
    for name, column in (("user", "user"), ("account", "account"), ("tier", "tier")):
        op.create_index(
            f"reservation_ended_of_{name}",
            "reservation",
            [column, "released_at"],
            sqlite_where=ended,
            postgresql_where=ended,
        )
    op.create_index(
        "reservation_ended",
        "reservation",
        ["released_at"],
        sqlite_where=ended,
        postgresql_where=ended,
    )
