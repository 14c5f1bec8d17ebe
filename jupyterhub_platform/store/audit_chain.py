r"""The chain of the audit: rows joined by hashes, so that a change of the past can be seen.

The hash of a row is the SHA-256, in hexadecimal, of the UTF-8 bytes of::

    jupyterhub-platform audit 2\n
    [SEQ,"AT","ACTOR","ACTION","SUBJECT","DETAIL","RESULT","VIA","ADDRESS","PREVIOUS_HASH"]

where the second line is a JSON array without spaces, in ASCII with ``\u`` escapes, of the row's
number, its time as ``2026-01-31T09:30:00.000000+00:00``, the three texts, the detail as the JSON
text that is stored, the three texts of how it ended and where it came from, and the hash of the row
before; for the first row that is 64 zeros. Rows from before schema 0006 have none of those three:
they are left out there, and the first line ends with 1. Numbers go up by one without gaps. A writer
of the whole database can compute a new chain, so a head that was noted elsewhere proves more than
the chain alone.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, String, func, select, type_coerce

from jupyterhub_platform.store.audit_checkpoint import Checkpoint, WhyNot, read_checkpoint
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import audit

GENESIS: Final = "0" * 64
"""The hash before the first row."""

ROW_BATCH: Final = 500
"""Rows that are looked at in one transaction; a walk holds no more in memory."""

_PREFIX: Final = "jupyterhub-platform audit {}\n"
_FIELDS: Final = 10
"""How many fields are hashed; rows from before schema 0006 have three less."""
_NO_KEY: Final = "cannot be verified without the Hub's key: name it (audit-key.pub)"
_COLUMNS = audit.c


class AuditHead(NamedTuple):
    """The last row of the audit at some time, to be noted outside of the store."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a look at the whole chain found.

    ``rows`` is how many rows were looked at, ``first_bad_seq`` the first number at which the
    chain is not what was written.
    """

    rows: int
    ok: bool
    first_bad_seq: int | None = None
    reason: str = ""
    head: AuditHead | None = None


class Walk:
    """Follows the chain from its first row, some rows at a time, each in a transaction of its own.

    Parameters
    ----------
    heads
        Heads that were noted before; without one, rows removed from the end are not missed.
    why_not
        Says why a checkpoint is not to be believed.

    Attributes
    ----------
    head
        The last row that was found to be sound.
    resumed_from
        The checkpoint that stands for rows which are gone.
    """

    def __init__(
        self, heads: Iterable[AuditHead] = (), why_not: WhyNot = lambda _: _NO_KEY
    ) -> None:
        self.head = AuditHead(0, GENESIS)
        self.rows = 0
        self.resumed_from: Checkpoint | None = None
        self._why_not = why_not
        self._checkpoint: Checkpoint | None = None
        self._base = 0
        self._rows_since_base = 0
        self._noted: defaultdict[int, set[str]] = defaultdict(set)
        for head in heads:
            self._noted[head.seq].add(head.hash)
        self._fault: tuple[int, str] | None = None
        self._is_over = False

    def step(self, tx: Transaction) -> Sequence[Row[Any]]:
        """Look at the next rows, and return those that are sound; none once it is over.

        The last rows and what is missing after them are seen in one transaction.
        """
        if self._is_over:
            return ()
        if not self._see_checkpoint(read_checkpoint(tx)):
            return ()
        sound, rows = [], _read_chain(tx, self.head if self.rows else None)
        self._resume(rows)
        for row in () if self._is_over else rows:
            self.rows += 1
            self._rows_since_base += 1
            self._fault = _find_fault(row, self.head, self._noted)
            if self._fault is not None:
                break
            self.head = AuditHead(row[0], row[-1])
            sound.append(row)
        self._is_over = self._fault is not None or len(rows) < ROW_BATCH
        if self._is_over and self._fault is None:
            self._fault = self._find_missing(tx)
        return sound

    def _see_checkpoint(self, found: Checkpoint | None) -> bool:
        """Believe a checkpoint that was signed; the chain has to lead to it, or begins there.

        Another one may come at any step: the Hub removes rows while they are followed.
        """
        if found is None or found == self._checkpoint:
            return True
        reason = self._why_not(found)
        if reason:
            fault = f"the checkpoint at row {found.seq}, up to which rows were removed, {reason}"
            self._fault, self._is_over = (found.seq, fault), True
            return False
        self._checkpoint = found
        if found.seq > self.head.seq:
            self._noted[found.seq].add(found.hash)
        return True

    def _resume(self, rows: Sequence[Row[Any]]) -> None:
        """Go on where the rows begin that a checkpoint has left; they have to lead to it."""
        checkpoint = self._checkpoint
        if checkpoint is None or self.head.seq >= checkpoint.seq:
            return
        first = rows[0][0] if rows else checkpoint.seq + 1
        if not isinstance(first, int) or first <= self.head.seq + 1:
            return
        if first <= checkpoint.seq:
            self.head = AuditHead(first - 1, str(rows[0].previous_hash))
        else:
            self.head = AuditHead(checkpoint.seq, checkpoint.hash)
            self._fault = _find_other(self.head, self._noted)
            self._is_over = self._fault is not None
        self.resumed_from = checkpoint
        self._base, self._rows_since_base = self.head.seq, 0

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to look at."""
        return self._is_over

    @property
    def verification(self) -> Verification:
        """What was found so far."""
        if self._fault is not None:
            bad, reason = self._fault
            return Verification(self.rows, ok=False, first_bad_seq=bad, reason=reason)
        return Verification(self.rows, ok=True, head=self.head if self.rows else None)

    def _find_missing(self, tx: Transaction) -> tuple[int, str] | None:
        # The row that tells of a checkpoint was entered with it.
        sealed = self._checkpoint.seq + 1 if self._checkpoint else 0
        last = max(*self._noted, sealed, 0)
        if last > self.head.seq:
            gone = _describe_rows(self.head.seq + 1, last)
            return self.head.seq + 1, f"{gone} missing at the end: row {last} was noted before"
        there = select(func.count()).select_from(audit).where(_COLUMNS.seq > self._base)
        count, followed = int(tx.execute(there).scalar_one()), self._rows_since_base
        if count != followed:
            # Only where the primary key is gone.
            return self.head.seq, f"there are {count} rows, and {followed} of them in the chain"
        return None


def verify(tx: Transaction, *, expected: AuditHead | None = None) -> Verification:
    """Follow the chain from its first row to its last, in one transaction."""
    walk = Walk([expected] if expected else ())
    while not walk.is_over:
        walk.step(tx)
    return walk.verification


def _read_chain(tx: Transaction, after: AuditHead | None) -> Sequence[Row[Any]]:
    query = select_columns(tx)
    if after is not None:
        query = query.where(_COLUMNS.seq > after.seq)
    with any_text(tx):
        return tx.execute(query.order_by(_COLUMNS.seq).limit(ROW_BATCH)).all()


def select_columns(tx: Transaction) -> Select[Any]:
    """Select the columns of a row, in the order in which they are hashed, then the hash."""
    return select(
        _COLUMNS.seq,
        select_time(tx).label("at"),
        _COLUMNS.actor,
        _COLUMNS.action,
        _COLUMNS.subject,
        _COLUMNS.detail,
        _COLUMNS.result,
        _COLUMNS.via,
        _COLUMNS.address,
        _COLUMNS.previous_hash,
        _COLUMNS.hash,
    )


def select_time(tx: Transaction) -> ColumnElement[str]:
    """Select the time as the text that was hashed; an invalid time gives another text."""
    if tx.dialect.name == "sqlite":
        # The text itself is checked, not only the time that it means.
        return type_coerce(_COLUMNS.at, String)
    in_utc = func.timezone("UTC", _COLUMNS.at)
    era = func.replace(func.to_char(in_utc, "BC"), "AD", "")
    return func.to_char(in_utc, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"').op("||")(era)


@contextmanager
def any_text(tx: Transaction) -> Iterator[None]:
    """Read invalid text as well: on SQLite, it would look like an outage of the store."""
    if tx.dialect.name != "sqlite":
        yield
        return
    driver: Any = tx.connection.driver_connection
    usual = driver.text_factory
    driver.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = usual


def _find_fault(
    row: Row[Any], head: AuditHead, noted: Mapping[int, set[str]]
) -> tuple[int, str] | None:
    seq, *rest, previous, found = tuple(row)
    due = head.seq + 1
    if not isinstance(seq, int) or seq < due:
        return (seq if isinstance(seq, int) else due), f"row {seq} stands before row {due}"
    if seq != due:
        return due, f"{_describe_rows(due, seq - 1)} missing; the next one is {seq}"
    if previous != head.hash:
        before = f"row {head.seq}, {head.hash}" if head.seq else "no row, 64 zeros"
        return seq, f"row {seq} does not follow from {before}: it says {str(previous)[:64]!a}"
    try:
        digest = hash_row([seq, *_without_absent(rest), previous])
    except TypeError:
        digest = "none"  # bytes in a text: nothing that was ever written here
    if digest != found:
        stored = str(found)[:64]
        fault = f"row {seq} is not what was written: its hash is {digest}, and it says {stored!a}"
        return seq, fault
    return _find_other(AuditHead(seq, found), noted)


def _find_other(row: AuditHead, noted: Mapping[int, set[str]]) -> tuple[int, str] | None:
    other = noted.get(row.seq, set()) - {row.hash}
    if not other:
        return None
    fault = f"row {row.seq} is not the one that was noted before: {row.hash}, and not"
    return row.seq, f"{fault} {', '.join(sorted(other))}"


def _without_absent(fields: list[Any]) -> list[Any]:
    """Leave out the last three fields of a row from before they were there."""
    return fields[:-3] if fields[-3:] == [None, None, None] else fields


def _describe_rows(first: int, last: int) -> str:
    return f"row {first} is" if first == last else f"rows from {first} to {last} are"


def hash_row(fields: list[Any]) -> str:
    """Return the hash of a row: of all its columns but the hash itself."""
    prefix = _PREFIX.format(2 if len(fields) == _FIELDS else 1)
    text = prefix + json.dumps(fields, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
