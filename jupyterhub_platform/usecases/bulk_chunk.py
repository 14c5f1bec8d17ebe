"""One chunk of a bulk change: its names are checked one by one, and recorded as a whole.

Its changes and the progress of its job are written in one transaction. So a job that is
interrupted, by a user or by the end of the Hub, continues exactly where it stopped.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from jupyterhub_platform.core.bulk_changes import Act, BulkJob, BulkState, Outcome, Progress
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.store import audit, bulk_changes, policies
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.managed import ManagedRevision
from jupyterhub_platform.usecases import managed_steps
from jupyterhub_platform.usecases.bulk_steps import BulkSteps
from jupyterhub_platform.usecases.changes import Record
from jupyterhub_platform.usecases.snapshot import Snapshot
from jupyterhub_platform.usecases.suspensions import write_all

CHUNK_SECONDS: Final = 0.05
"""How long the names of one chunk are checked: other changes wait that long."""
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
            record_job(transaction, job, "bulk.done", job.by, steps.now, count_progress(progress))
        return after

    def _fail(self, steps: BulkSteps, transaction: Transaction) -> None:
        """End a change that is made whole or not at all, and begin to undo what it did."""
        job, now, first = self.job, steps.now, steps.refused[0]
        why = f"{first.name} was refused, so nothing stays: {first.sentence}"
        bulk_changes.put_outcomes(transaction, job.id, steps.refused)
        self._record_refused(steps, transaction)
        bulk_changes.set_state(transaction, job.id, BulkState.FAILED, now, why)
        record_job(transaction, job, "bulk.failed", job.by, now, {"why": why})
        numbers = bulk_changes.list_revisions(transaction, job.id)
        if not numbers:
            return
        id_ = uuid5(NAMESPACE_URL, f"bulk\n{job.id}\nundo").hex
        undone = {"bulk": job.id, "act": str(job.act)}
        undo = replace(job, id=id_, act=Act.UNDO, arguments=undone, at=now, total=len(numbers))
        bulk_changes.add_items(transaction, id_, list_items(map(str, numbers)))
        bulk_changes.add_job(transaction, undo)
        record_job(transaction, undo, "bulk.started", job.by, now, {"total": len(numbers)})

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


def list_items(names: Iterable[str]) -> list[Outcome]:
    """Return names as they are before a job has come to them."""
    return [Outcome(position, name, None) for position, name in enumerate(names)]


def count_progress(progress: Progress) -> dict[str, object]:
    """Return how many names a job has settled, and how."""
    return {
        "total": progress.job.total,
        "done": progress.done,
        "same": progress.same,
        "refused": progress.refused,
    }


def record_job(
    transaction: Transaction,
    job: BulkJob,
    action: str,
    by: str,
    at: datetime,
    detail: Mapping[str, object],
) -> None:
    """Enter into the audit what happened to a job."""
    details = {"act": str(job.act), "said": dict(job.arguments), "reason": job.reason, **detail}
    audit.append(transaction, at=at, actor=by, action=action, subject=job.id, detail=details)
