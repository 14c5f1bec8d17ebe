"""Verifies the store's record: audit chain, triggers, decisions, policy revisions.

Reads only, some rows at a time and each part in a transaction of its own, so that it can run beside
a Hub and with millions of rows. What can be proven depends on what was noted outside of the store:
see :mod:`jupyterhub_platform.store.audit_chain`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from jupyterhub_platform.store import audit, audit_crosscheck, trigger_checks
from jupyterhub_platform.store.audit_chain import AuditHead, Walk
from jupyterhub_platform.store.audit_crosscheck import Contradiction, CrossCheck
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.audit_key import PublicKey

Head = AuditHead
"""The number and the hash of the last row of the audit."""

MAX_FINDINGS: Final = 100
"""Findings of one look; one change of the past may contradict thousands of rows."""

HEAD_SENTENCE: Final = "The audit's head is"
_HEAD: Final = re.compile(r"([1-9]\d{0,17}):([0-9a-f]{64})")
_NOTED: Final = re.compile(rf"(?:\[[^\]\n]*\] )?{HEAD_SENTENCE} {_HEAD.pattern}\.?")

_KEEP: Final = (
    "A user who may write the database changed it past its guards. Copy it as it is, find out "
    "who that was, and restore an earlier backup: docs/operations.md, “The audit”."
)
_NOTED_FIX: Final = (
    "Either a backup was restored, or a machine with SQLite lost its power, and rows are lost: "
    "then verify against heads from after that alone. Or rows were removed or written anew: copy "
    "the database as it is, and find out by whom; docs/operations.md, “The audit”."
)


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """Something that is not as it was written: in which part, at which row, and what to do."""

    part: str
    row: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.part}{' ' + self.row if self.row else ''}: {self.what}"


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What a look at the whole store found; ``head`` is the last row that was found sound."""

    rows: int
    head: Head | None
    findings: tuple[AuditFinding, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def render_head(head: Head) -> str:
    """Render a head as it is noted: ``NUMBER:HASH``."""
    return f"{head.seq}:{head.hash}"


def read_head(text: str) -> Head | None:
    """Read what :func:`render_head` rendered; ``None`` if it is something else."""
    found = _HEAD.fullmatch(text.strip())
    return Head(int(found[1]), found[2]) if found else None


def say_head(head: Head) -> str:
    """Say it as it stands in the Hub's log."""
    return f"{HEAD_SENTENCE} {render_head(head)}"


def read_noted(lines: Iterable[str]) -> Iterator[Head]:
    """Read the heads that a Hub noted in its log; a line that only quotes one does not count."""
    for line in lines:
        if (found := _NOTED.fullmatch(line.rstrip())) is not None:
            yield Head(int(found[1]), found[2])


def find_head(store: Store) -> Head | None:
    """Return the head of the audit now; ``None`` if it is empty."""
    with store.read() as transaction:
        return audit.read_head(transaction)


def verify(
    store: Store,
    noted: Iterable[Head] = (),
    *,
    ledger: bool = True,
    key: PublicKey | None = None,
    say: Callable[[str, int], None] = lambda part, rows: None,
) -> VerificationReport:
    """Look at everything in the store that can be proven.

    Parameters
    ----------
    noted
        Heads that were noted elsewhere; without one, rows removed from the end are not missed.
    ledger
        Whether to look at every reservation, too, which takes longest.
    key
        What verifies the checkpoint up to which old rows were removed; without it, one that is
        there is a finding.
    say
        Called with the part and the rows that were looked at, every few thousand rows.

    Raises
    ------
    StoreError
        Raised if the store cannot be read.
    """
    walk = Walk(noted, key.why_not) if key else Walk(noted)
    found = _find_all(store, walk, say, ledger=ledger)
    findings = tuple(islice(found, MAX_FINDINGS))
    return VerificationReport(walk.rows, walk.head if walk.rows else None, findings)


def _find_all(
    store: Store, walk: Walk, say: Callable[[str, int], None], *, ledger: bool
) -> Iterator[AuditFinding]:
    yield from _check_triggers(store)
    yield from _follow_chain(store, walk, say)
    if ledger:
        yield from _check_ledger(store, say)


def _check_triggers(store: Store) -> Iterator[AuditFinding]:
    with store.read() as transaction:
        missing = trigger_checks.find_missing(transaction)
        foreign = trigger_checks.find_added(transaction)
    for name, statement in missing:
        yield AuditFinding(
            "guards",
            name,
            "is gone, switched off or not the one that the platform made: the database would not "
            "refuse to change the past",
            "Find out who changed it, and make it again with the Hub stopped (drop one of that "
            f"name first): {statement};",
        )

    for table, name, removal in foreign:
        yield AuditFinding(
            "guards",
            f"{table}: {name}",
            "is not one that the platform made, and can keep rows from being written or shown",
            f"Find out who made it, and what it dropped or hid; then remove it: {removal};",
        )


def _follow_chain(
    store: Store, walk: Walk, say: Callable[[str, int], None]
) -> Iterator[AuditFinding]:
    cross_check = CrossCheck()
    while not walk.is_over:
        with store.read() as transaction:
            rows = walk.step(transaction)
            cross_check.follow(walk.resumed_from)
            found = list(cross_check.compare(transaction, rows))
            if walk.is_over and walk.verification.ok:
                found += cross_check.conclude(transaction)
        yield from map(_make_finding, found)
        say("audit", walk.rows)
    verification = walk.verification
    if not verification.ok:
        fix = _NOTED_FIX if "noted before" in verification.reason else _KEEP
        yield AuditFinding("audit", str(verification.first_bad_seq), verification.reason, fix)


def _check_ledger(store: Store, say: Callable[[str, int], None]) -> Iterator[AuditFinding]:
    after, count = None, 0
    while True:
        with store.read() as transaction:
            rows = audit_crosscheck.list_reservations(transaction, after)
        for row in rows:
            yield from map(_make_finding, audit_crosscheck.compare_reservation(row))
        if not rows:
            return
        after, count = (rows[-1].opened_at, rows[-1].id), count + len(rows)
        say("ledger", count)


def _make_finding(found: Contradiction) -> AuditFinding:
    return AuditFinding(found.table, found.key, found.what, _KEEP)
