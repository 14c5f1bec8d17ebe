"""Bulk changes: the same change of many names, in chunks that are each recorded as a whole.

The changes of a chunk and the progress of its job are written in one transaction. So a job that is
interrupted, by a user or by the end of the Hub, continues exactly where it stopped.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from jupyterhub_platform.core.bulk_changes import (
    Act,
    BulkJob,
    BulkState,
    Outcome,
    Progress,
    Result,
)
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.origin import RequestOrigin
from jupyterhub_platform.store import audit, bulk_changes, managed, policies
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.managed import ManagedRevision
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases import managed_steps
from jupyterhub_platform.usecases.bulk_steps import MEMBER_BATCH, BulkSteps
from jupyterhub_platform.usecases.changes import Record
from jupyterhub_platform.usecases.snapshot import Snapshot
from jupyterhub_platform.usecases.suspensions import write_all

CHUNK_SECONDS: Final = 0.05
"""How long the names of one chunk are checked: other changes wait that long."""
NAME_BATCH: Final = 50
"""How many names one chunk writes, if each is a change of its own: others wait for that, too."""
NAME_BATCH_OF: Final = {Act.ADD: MEMBER_BATCH, Act.REMOVE: MEMBER_BATCH}
ENTRY_BATCH: Final = 500
PREVIEW_SECONDS: Final = 4.0
WHOLE_SECONDS: Final = 3600.0
_NAMED: Final = 100


class BulkError(PlatformError):
    """Raised if a bulk change cannot be stopped, resumed or undone; the sentence says why."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class BulkStoppedError(BulkError):
    """Raised if a job no longer runs; nothing of the chunk is done."""

    def __init__(self) -> None:
        super().__init__("bulk.stopped", "This bulk change was stopped.")


@dataclass(frozen=True, slots=True)
class BulkChunk:
    """Takes the next names of a job: a change like any other.

    ``is_last`` says that no names come after these.
    """

    job: BulkJob
    items: Sequence[Outcome]
    memberships: Mapping[str, frozenset[str]] = field(default_factory=dict)
    undone: Mapping[str, ManagedRevision] = field(default_factory=dict)
    is_last: bool = False

    def take_part(self, share: float) -> "BulkChunk":
        """Return the first of its names, as many as that share of them; at least one."""
        count = max(1, int(len(self.items) * share))
        if count >= len(self.items):
            return self
        return replace(self, items=self.items[:count], is_last=False)

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Check each name; a refused one does not keep the others from being changed."""
        steps = BulkSteps(self.job, snapshot, now, self.memberships, self.undone)
        steps.take(self.items, CHUNK_SECONDS)
        return partial(self._record, steps, snapshot)

    def _record(self, steps: BulkSteps, before: Snapshot, transaction: Transaction) -> Snapshot:
        found = bulk_changes.find_job(transaction, self.job.id)
        if found is None or found.state is not BulkState.RUNNING:
            raise BulkStoppedError
        after, job = steps.after, self.job
        if steps.refused and job.act.is_whole:
            self._fail(steps, transaction)
            return before
        if steps.steps:
            last = policies.latest_number(transaction)
            after = managed_steps.record(after, steps.steps, job, steps.now, transaction)
            numbers = range(last + 1, last + 1 + len(steps.steps))
            bulk_changes.add_revisions(transaction, job.id, numbers)
        write_all(steps.suspensions, steps.now, transaction)
        bulk_changes.put_outcomes(transaction, job.id, steps.outcomes)
        self._record_refused(steps, transaction)
        if self.is_last and len(steps.outcomes) == len(self.items):
            progress = bulk_changes.measure(transaction, job)
            bulk_changes.set_state(transaction, job.id, BulkState.DONE, steps.now)
            _record_job(transaction, job, "bulk.done", job.by, steps.now, _count(progress))
        return after

    def _fail(self, steps: BulkSteps, transaction: Transaction) -> None:
        """End a change that is made whole or not at all, and begin to undo what it did."""
        job, now, first = self.job, steps.now, steps.refused[0]
        why = f"{first.name} was refused, so nothing stays: {first.sentence}"
        bulk_changes.put_outcomes(transaction, job.id, steps.refused)
        self._record_refused(steps, transaction)
        bulk_changes.set_state(transaction, job.id, BulkState.FAILED, now, why)
        _record_job(transaction, job, "bulk.failed", job.by, now, {"why": why})
        numbers = bulk_changes.list_revisions(transaction, job.id)
        if not numbers:
            return
        id_ = uuid5(NAMESPACE_URL, f"bulk\n{job.id}\nundo").hex
        undone = {"bulk": job.id, "act": str(job.act)}
        undo = replace(job, id=id_, act=Act.UNDO, arguments=undone, at=now, total=len(numbers))
        bulk_changes.add_items(transaction, id_, list_items(map(str, numbers)))
        bulk_changes.add_job(transaction, undo)
        _record_job(transaction, undo, "bulk.started", job.by, now, {"total": len(numbers)})

    def _record_refused(self, steps: BulkSteps, transaction: Transaction) -> None:
        if not steps.refused:
            return
        refusals = [
            {"name": each.name, "code": each.code, "reason": each.sentence}
            for each in steps.refused[:_NAMED]
        ]
        audit.append(
            transaction,
            at=steps.now,
            actor=self.job.by,
            action="bulk.refused",
            subject=self.job.id,
            detail={"act": str(self.job.act), "count": len(steps.refused), "refused": refusals},
            result=audit.REFUSED,
        )


class BulkChanges:
    """Bulk changes in the store. Its methods may take long: call them in a thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._starting = threading.Lock()

    def start(self, job: BulkJob, items: Sequence[Outcome]) -> Progress:
        """Enter a job; one of the same id is entered once.

        Its names come first, some at a time: whatever else is written waits for no more.
        """
        with self._starting:
            with self._store.begin() as transaction:
                found = bulk_changes.find_job(transaction, job.id)
                if found is not None:
                    return bulk_changes.measure(transaction, found)
                bulk_changes.remove_items(transaction, job.id)
            for first in range(0, len(items), ENTRY_BATCH):
                with self._store.begin() as transaction:
                    some = items[first : first + ENTRY_BATCH]
                    bulk_changes.add_items(transaction, job.id, some)
            with self._store.begin() as transaction:
                job = replace(job, total=len(items))
                bulk_changes.add_job(transaction, job)
                _record_job(transaction, job, "bulk.started", job.by, job.at, {"total": len(items)})
                return bulk_changes.measure(transaction, job)

    def find(self, id_: str) -> Progress | None:
        """Return the progress of a job; ``None`` if there is none of this id."""
        with self._store.read() as transaction:
            job = bulk_changes.find_job(transaction, id_)
            return None if job is None else bulk_changes.measure(transaction, job)

    def list_jobs(
        self, *, by: str | None, before: tuple[datetime, str] | None = None, limit: int = 50
    ) -> list[Progress]:
        """Return the progress of each job, the newest first; ``by`` restricts it to one user."""
        with self._store.read() as transaction:
            found = bulk_changes.list_jobs(transaction, by=by, before=before, limit=limit)
            return [bulk_changes.measure(transaction, job) for job in found]

    def list_outcomes(
        self, id_: str, *, after: int = -1, result: Result | None = None, limit: int = 50
    ) -> list[Outcome]:
        """Return what became of the names of a job, in their order."""
        with self._store.read() as transaction:
            return bulk_changes.list_items(
                transaction, id_, after=after, result=result, limit=limit
            )

    def find_next(self) -> BulkJob | None:
        """Return the job to continue; ``None`` if none runs."""
        with self._store.read() as transaction:
            return bulk_changes.find_running(transaction)

    def read_chunk(self, job: BulkJob) -> BulkChunk:
        """Return the names that come next, with the revisions that they undo."""
        limit = NAME_BATCH_OF.get(job.act, NAME_BATCH)
        with self._store.read() as transaction:
            items = bulk_changes.list_items(transaction, job.id, is_open=True, limit=limit)
            chunk = BulkChunk(job, items, is_last=len(items) < limit)
            if job.act is not Act.UNDO or not items:
                return chunk
            newest, oldest = int(items[0].name), int(items[-1].name)
            found = managed.list_revisions(
                transaction, since=oldest - 1, until=newest, limit=newest - oldest + 1
            )
            return replace(chunk, undone={str(each.number): each for each in found})

    def list_revisions(self, id_: str) -> list[int]:
        """Return the revisions that a job made, the newest first."""
        with self._store.read() as transaction:
            return bulk_changes.list_revisions(transaction, id_)

    def stop(self, id_: str, by: str, why: str, now: datetime) -> Progress:
        """Stop a job: what it did stays, and it can be resumed.

        Raises
        ------
        BulkError
            Raised if it does not run.
        """
        return self._turn(id_, BulkState.RUNNING, BulkState.STOPPED, by, why, now)

    def resume(self, id_: str, by: str, now: datetime) -> Progress:
        """Have a stopped job continue.

        Raises
        ------
        BulkError
            Raised if it is not stopped.
        """
        return self._turn(id_, BulkState.STOPPED, BulkState.RUNNING, by, "", now)

    def _turn(
        self, id_: str, old: BulkState, new: BulkState, by: str, why: str, now: datetime
    ) -> Progress:
        with self._store.begin() as transaction:
            job = bulk_changes.find_job(transaction, id_)
            if job is None or job.state is not old:
                state = f"is {job.state}" if job else "does not exist"
                code = "bulk.not_running" if old is BulkState.RUNNING else "bulk.not_stopped"
                raise BulkError(code, f"This bulk change {state}, and not {old}.")
            ended = now if new is BulkState.STOPPED else None
            bulk_changes.set_state(transaction, id_, new, ended, why)
            progress = bulk_changes.measure(transaction, replace(job, state=new, why=why))
            verb = "bulk.stopped" if new is BulkState.STOPPED else "bulk.resumed"
            _record_job(transaction, job, verb, by, now, {**_count(progress), "reason": why})
            return progress


def preview(
    job: BulkJob,
    items: Sequence[Outcome],
    snapshot: Snapshot,
    memberships: Mapping[str, frozenset[str]],
    now: datetime,
) -> BulkSteps:
    """Return what a job would do to as many names as can be checked in a few seconds.

    One that is done whole or not at all is checked to its end.
    """
    steps = BulkSteps(job, snapshot, now, memberships)
    steps.take(items, WHOLE_SECONDS if job.act.is_whole else PREVIEW_SECONDS)
    return steps


def list_items(names: Iterable[str]) -> list[Outcome]:
    """Return names as they are before a job has come to them."""
    return [Outcome(position, name, None) for position, name in enumerate(names)]


def origin_of(job: BulkJob) -> RequestOrigin:
    """Return where the request for a job came from."""
    return RequestOrigin(job.via, job.address)


def _count(progress: Progress) -> dict[str, object]:
    return {
        "total": progress.job.total,
        "done": progress.done,
        "same": progress.same,
        "refused": progress.refused,
    }


def _record_job(
    transaction: Transaction,
    job: BulkJob,
    action: str,
    by: str,
    at: datetime,
    detail: Mapping[str, object],
) -> None:
    details = {"act": str(job.act), "said": dict(job.arguments), "reason": job.reason, **detail}
    audit.append(transaction, at=at, actor=by, action=action, subject=job.id, detail=details)
