"""Sums of the ledger by quarter and year beside those by month, in the order of their time.

Revision ID: 0009
"""

from datetime import date

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_AMOUNTS = (
    *("servers", "cpu_high", "cpu_low", "memory_high", "memory_low"),
    *("accelerators_high", "accelerators_low"),
)


def upgrade() -> None:
    op.create_table(
        "usage_span",
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("months", sa.SmallInteger, primary_key=True),
        sa.Column("start", sa.Date, primary_key=True),
        sa.Column("name", CleanText, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _AMOUNTS),
        sqlite_with_rowid=False,
    )
    month = sa.table("usage_month", *(sa.column(n) for n in ("kind", "name", *_AMOUNTS)))
    month.append_column(sa.column("month", sa.Date))
    _copy(month)
    op.drop_table("usage_month")


def _copy(month: sa.TableClause) -> None:
    connection = op.get_bind()
    names = ("kind", "months", "start", "name", *_AMOUNTS)
    span = sa.table("usage_span", *(sa.column(name) for name in names))
    starts = connection.execute(sa.select(month.c.month).distinct()).scalars().all()
    for months in (1, 3, 12):
        for start in sorted({_begin(each, months) for each in starts}):
            # PostgreSQL adds integers up as numbers without a limit.
            sums = (
                sa.cast(sa.func.sum(month.c[name]), sa.BigInteger).label(name) for name in _AMOUNTS
            )
            added = (
                sa.select(
                    month.c.kind,
                    sa.literal(months, sa.SmallInteger).label("months"),
                    sa.literal(start, sa.Date).label("start"),
                    month.c.name,
                    *sums,
                )
                .where(month.c.month.in_([e for e in starts if _begin(e, months) == start]))
                .group_by(month.c.kind, month.c.name)
            )
            connection.execute(sa.insert(span).from_select(names, added))


def _begin(day: date, months: int) -> date:
    return day.replace(day=1, month=(day.month - 1) // months * months + 1)
