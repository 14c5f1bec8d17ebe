"""Removes rows of the audit whose retention time is over, and leaves a signed checkpoint.

First the rows are verified: a row that is not as it was written is evidence, and nothing is removed
then. Next the checkpoint is entered, with a row of the audit about it, in one transaction. Only
then are rows removed, some at a time. An interruption loses nothing: the chain then leads to the
checkpoint, or begins at it.
"""

import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from jupyterhub_platform.store import audit
from jupyterhub_platform.store.audit_chain import AuditHead, Walk
from jupyterhub_platform.store.audit_checkpoint import (
    Checkpoint,
    enter_checkpoint,
    read_checkpoint,
    remove_some,
)
from jupyterhub_platform.store.audit_crosscheck import CrossCheck
from jupyterhub_platform.store.column_types import render_time
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.audit_key import SigningKey

log = logging.getLogger(__name__)

ROW_BATCH: Final = 500
"""The number of rows removed in one transaction, which the start of a server may wait for."""


@dataclass(frozen=True, slots=True)
class _Due:
    """The last row to remove, the number of rows, and what all rows up to it tell of."""

    last: AuditHead
    rows: int
    told: dict[str, int]


class AuditRetention:
    """Removes old rows. Belongs to the Hub, which alone writes; each step runs in a thread."""

    def __init__(self, store: Store, key: SigningKey, keep: timedelta) -> None:
        self._store = store
        self._key = key
        self._keep = keep

    def trim(self, now: datetime) -> Iterator[None]:
        """Remove all rows that are too old, in steps of a few milliseconds.

        Raises
        ------
        StoreError
            Raised if the store does not answer.
        """
        yield from self._remove()
        due = yield from self._find_due(render_time(now - self._keep))
        if due is None:
            return
        self._seal(due, now)
        yield from self._remove()

    def _remove(self) -> Iterator[None]:
        """Remove the rows that the newest checkpoint covers, also those of an earlier Hub."""
        with self._store.read() as transaction:
            checkpoint = read_checkpoint(transaction)
        if checkpoint is None or self._key.public.why_not(checkpoint):
            return
        left = True
        while left:
            yield
            with self._store.begin() as transaction:
                left = remove_some(transaction, checkpoint.seq, ROW_BATCH)

    def _find_due(self, before: str) -> Generator[None, None, _Due | None]:
        """Verify the chain up to the last row that is too old; ``None`` if there is none."""
        walk, told = Walk(why_not=self._key.public.why_not), CrossCheck()
        last, count, is_over = None, 0, False
        while not (is_over or walk.is_over):
            yield
            with self._store.read() as transaction:
                rows = walk.step(transaction)
                told.follow(walk.resumed_from)
                # Rows are removed in the order of their numbers, also if a clock was set back.
                old = [*takewhile(lambda row: str(row.at) < before, rows)]
                is_over = len(old) < len(rows)
                wrong = next(told.compare(transaction, old), None)
            if wrong is not None:
                self._log_refusal(f"{wrong.table} {wrong.key}: {wrong.what}")
                return None
            if old:
                last, count = AuditHead(old[-1].seq, old[-1].hash), count + len(old)
        if not walk.verification.ok:
            self._log_refusal(walk.verification.reason)
            return None
        return _Due(last, count, told.told) if last is not None else None

    def _log_refusal(self, reason: str) -> None:
        log.error("No row of the audit is removed, since it is not what was written: %s", reason)

    def _seal(self, due: _Due, now: datetime) -> None:
        new = Checkpoint(self._store.id, due.last.seq, due.last.hash, due.rows, now, due.told)
        signed = replace(new, signature=self._key.sign(new))
        with self._store.begin() as transaction:
            enter_checkpoint(transaction, signed)
            audit.append(
                transaction,
                at=now,
                actor="platform",
                action="audit.trimmed",
                subject=f"rows up to {signed.seq}",
                detail={
                    "checkpoint": f"{signed.seq}:{signed.hash}",
                    "rows": signed.rows,
                    "older_than": render_time(now - self._keep),
                    "key": self._key.public.render(),
                    "signature": signed.signature,
                },
            )
        log.info("Rows of the audit up to %i are removed: %s", signed.seq, signed.text)
