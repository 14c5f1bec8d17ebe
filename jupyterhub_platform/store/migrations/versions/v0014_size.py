"""The size of the tier that a server was started in, which nothing changes afterwards.

Revision ID: 0014
"""

import sqlalchemy as sa
from alembic import op

from jupyterhub_platform.store.column_types import CleanText

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_REFUSAL = "the ledger is append-only"
_FIXED = (
    *("id", "user", "server", "spawner_id", "account", "tier", "image", "demand"),
    *("policy_revision", "observed", "codes", "sentence", "decision", "requested_by"),
    *("opened_at", "ends_at", "idle_seconds", "size"),
)


def upgrade() -> None:
    op.add_column("reservation", sa.Column("size", CleanText))
    made = "CREATE TRIGGER reservation_no_rewrite BEFORE UPDATE ON reservation FOR EACH ROW WHEN"
    if op.get_bind().dialect.name == "sqlite":
        changed = " OR ".join(f'NEW."{name}" IS NOT OLD."{name}"' for name in _FIXED)
        op.execute("DROP TRIGGER reservation_no_rewrite")
        op.execute(
            f"{made} OLD.released_at IS NOT NULL OR {changed} "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
        return
    old = ", ".join(f'OLD."{name}"' for name in _FIXED)
    new = ", ".join(f'NEW."{name}"' for name in _FIXED)
    op.execute("DROP TRIGGER reservation_no_rewrite ON reservation")
    op.execute(
        f"{made} (OLD.released_at IS NOT NULL OR ROW({new}) IS DISTINCT FROM ROW({old})) "
        f"EXECUTE FUNCTION refuse_change('{_REFUSAL}')"
    )
