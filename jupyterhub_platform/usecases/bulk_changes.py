"""Bulk changes: jobs that make the same change of many names, in chunks."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from jupyterhub_platform.core.bulk_changes import (
    Act,
    BulkJob,
    BulkState,
    Outcome,
    Progress,
    Result,
)
from jupyterhub_platform.origin import RequestOrigin
from jupyterhub_platform.store import bulk_changes, managed
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.bulk_chunk import (
    BulkChunk,
    BulkError,
    count_progress,
    record_job,
)
from jupyterhub_platform.usecases.bulk_steps import MEMBER_BATCH, BulkSteps
from jupyterhub_platform.usecases.snapshot import Snapshot

NAME_BATCH: Final = 50
"""How many names one chunk writes, if each is a change of its own: others wait for that, too."""
NAME_BATCH_OF: Final = {Act.ADD: MEMBER_BATCH, Act.REMOVE: MEMBER_BATCH}
ENTRY_BATCH: Final = 500
PREVIEW_SECONDS: Final = 4.0
WHOLE_SECONDS: Final = 3600.0


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
                record_job(transaction, job, "bulk.started", job.by, job.at, {"total": len(items)})
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
            record_job(transaction, job, verb, by, now, {**count_progress(progress), "reason": why})
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


def origin_of(job: BulkJob) -> RequestOrigin:
    """Return where the request for a job came from."""
    return RequestOrigin(job.via, job.address)
