r"""Checkpoints of the audit: where its chain begins once its oldest rows were removed.

A checkpoint names the last row that may be gone, and its hash, from which the rest of the chain
follows. It is signed with a key that the Hub holds outside of the store. What is signed is the
UTF-8 text::

    jupyterhub-platform audit checkpoint 1\n
    ["STORE",SEQ,"HASH",ROWS,"AT",{"TABLE":TOLD,…}]

where the second line is JSON without spaces, with sorted keys; TOLD is how many rows of a table all
rows up to this one have told of. Rows are removed after their checkpoint is entered: whatever
interrupts that leaves rows which still lead to it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from sqlalchemy import delete, func, insert, select

from jupyterhub_platform.store.column_types import render_time
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import audit, audit_checkpoint, store_info

_PREFIX: Final = "jupyterhub-platform audit checkpoint 1\n"
_COLUMNS = audit_checkpoint.c


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last row that may be gone, how many went with it, and what all of them told of."""

    store: str
    seq: int
    hash: str
    rows: int
    at: datetime
    told: Mapping[str, int]
    signature: str = ""

    @property
    def text(self) -> str:
        """What is signed."""
        fields = [self.store, self.seq, self.hash, self.rows, render_time(self.at), {**self.told}]
        return _PREFIX + json.dumps(fields, separators=(",", ":"), sort_keys=True)


WhyNot: TypeAlias = Callable[[Checkpoint], str]
"""Says why a checkpoint is not to be believed; empty if it is."""


def read_checkpoint(tx: Transaction) -> Checkpoint | None:
    """Return the newest checkpoint; ``None`` if nothing was ever removed."""
    query = select(audit_checkpoint, select(store_info.c.id).scalar_subquery().label("store"))
    row = tx.execute(query.order_by(_COLUMNS.seq.desc()).limit(1)).first()
    if row is None:
        return None
    try:
        told = json.loads(row.told)
    except ValueError:
        told = None
    # What cannot be read has no signature that fits.
    told = told if isinstance(told, dict) else {}
    return Checkpoint(row.store, row.seq, row.hash, row.rows, row.at, told, row.signature)


def enter_checkpoint(tx: Transaction, new: Checkpoint) -> None:
    """Enter a signed checkpoint; from now on, rows up to it may be removed."""
    tx.execute(
        insert(audit_checkpoint),
        {
            "seq": new.seq,
            "hash": new.hash,
            "rows": new.rows,
            "at": new.at,
            "told": json.dumps({**new.told}, sort_keys=True),
            "signature": new.signature,
        },
    )


def remove_some(tx: Transaction, last: int, limit: int) -> bool:
    """Remove ``limit`` rows up to number ``last``, oldest first; False if none is left."""
    first = tx.execute(select(func.min(audit.c.seq))).scalar()
    if first is None or first > last:
        return False
    tx.execute(delete(audit).where(audit.c.seq <= min(last, first + limit - 1)))
    return True
