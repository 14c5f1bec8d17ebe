"""Bulk changes: their jobs, the outcomes of names, and the revisions that they made."""

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from jupyterhub_platform.core.bulk_changes import Act, BulkJob, BulkState, Outcome, Progress, Result
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import bulk_item, bulk_job, bulk_revision

_JOB = bulk_job.c
_ITEM = bulk_item.c
_REVISION = bulk_revision.c


def add_job(tx: Transaction, job: BulkJob) -> None:
    """Enter a change, whose names were entered before."""
    tx.execute(
        insert(bulk_job),
        {
            "id": job.id,
            "act": str(job.act),
            "said": json.dumps(dict(job.arguments), ensure_ascii=False, sort_keys=True),
            "reason": job.reason,
            "by_name": job.by,
            "manager": job.manager,
            "at": job.at,
            "total": job.total,
            "state": str(job.state),
            "why": job.why,
            "via": job.via,
            "address": job.address,
        },
    )


def add_items(tx: Transaction, id_: str, items: Collection[Outcome]) -> None:
    """Enter names of a change that is not entered yet."""
    rows = [
        {
            "job": id_,
            "position": each.position,
            "name": each.name,
            "code": "",
            "sentence": "",
            "arguments": (
                None if each.arguments is None else json.dumps(each.arguments, ensure_ascii=False)
            ),
        }
        for each in items
    ]
    if rows:
        tx.execute(insert(bulk_item), rows)


def remove_items(tx: Transaction, id_: str) -> None:
    """Remove names of a change that was never entered."""
    tx.execute(delete(bulk_item).where(_ITEM.job == id_))


def find_job(tx: Transaction, id_: str) -> BulkJob | None:
    """Return a job; ``None`` if there is none of this id."""
    row = tx.execute(select(bulk_job).where(_JOB.id == id_)).first()
    return None if row is None else _read(row)


def list_jobs(
    tx: Transaction,
    *,
    by: str | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[BulkJob]:
    """Return jobs, the newest first; those that came before the one that is named."""
    query = select(bulk_job).order_by(_JOB.at.desc(), _JOB.id.desc()).limit(limit)
    if by is not None:
        query = query.where(_JOB.by_name == by)
    if before is not None:
        at, id_ = before
        query = query.where((_JOB.at < at) | ((_JOB.at == at) & (_JOB.id < id_)))
    return [_read(row) for row in tx.execute(query)]


def find_running(tx: Transaction) -> BulkJob | None:
    """Return the oldest job that runs."""
    running = select(bulk_job).where(_JOB.state == str(BulkState.RUNNING))
    row = tx.execute(running.order_by(_JOB.at, _JOB.id).limit(1)).first()
    return None if row is None else _read(row)


def set_state(
    tx: Transaction, id_: str, state: BulkState, ended_at: datetime | None, why: str = ""
) -> None:
    """Write the state of a job."""
    values = {"state": str(state), "ended_at": ended_at, "why": why}
    tx.execute(update(bulk_job).where(_JOB.id == id_).values(**values))


def list_items(
    tx: Transaction,
    id_: str,
    *,
    after: int = -1,
    result: Result | None = None,
    is_open: bool = False,
    limit: int = 50,
) -> list[Outcome]:
    """Return outcomes of names after a position, in order; only open ones, or of one result."""
    query = select(bulk_item).where(_ITEM.job == id_, _ITEM.position > after)
    if is_open:
        query = query.where(_ITEM.result.is_(None))
    if result is not None:
        query = query.where(_ITEM.result == str(result))
    rows = tx.execute(query.order_by(_ITEM.position).limit(limit))
    return [
        Outcome(
            row.position,
            row.name,
            Result(row.result) if row.result else None,
            row.code,
            row.sentence,
            None if row.arguments is None else json.loads(row.arguments),
        )
        for row in rows
    ]


def put_outcomes(tx: Transaction, id_: str, outcomes: Iterable[Outcome]) -> None:
    """Write what became of names."""
    same = (_ITEM.job == id_, _ITEM.position == bindparam("at_position"))
    rows = [
        {
            "at_position": each.position,
            "result": str(each.result),
            "code": each.code,
            "sentence": each.sentence,
        }
        for each in outcomes
    ]
    if rows:
        tx.execute(update(bulk_item).where(*same), rows)


def add_revisions(tx: Transaction, id_: str, numbers: Iterable[int]) -> None:
    """Note the revisions that a job made."""
    rows = [{"job": id_, "number": number} for number in numbers]
    if rows:
        tx.execute(insert(bulk_revision), rows)


def list_revisions(tx: Transaction, id_: str) -> list[int]:
    """Return the numbers of the revisions that a job made, the newest first."""
    query = select(_REVISION.number).where(_REVISION.job == id_)
    return list(tx.execute(query.order_by(_REVISION.number.desc())).scalars())


def measure(tx: Transaction, job: BulkJob) -> Progress:
    """Return the progress of a job."""
    count = select(_ITEM.result, func.count()).where(_ITEM.job == job.id).group_by(_ITEM.result)
    counts = {row[0]: int(row[1]) for row in tx.execute(count)}
    number = _REVISION.number
    made = select(func.count(), func.min(number), func.max(number)).where(_REVISION.job == job.id)
    revisions, first, last = tx.execute(made).one()
    done, same, refused = (counts.get(str(each), 0) for each in Result)
    return Progress(job, done, same, refused, int(revisions), first, last)


def _read(row: "Row[Any]") -> BulkJob:
    return BulkJob(
        row.id,
        Act(row.act),
        json.loads(row.said),
        row.reason,
        row.by_name,
        row.manager,
        row.at,
        row.total,
        BulkState(row.state),
        row.ended_at,
        row.why,
        row.via,
        row.address,
    )
