"""Changes of many people at once: how far each is, and what became of whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jupyterhub_platform.core.bulk_changes import Act, BulkState, Outcome, Progress, Result
from jupyterhub_platform.core.errors import NotFoundError
from jupyterhub_platform.core.times import describe_instant
from jupyterhub_platform.store import bulk_changes
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.reports.cursors import (
    explain_cursor,
    parse_cursor,
    render_cursor,
)
from jupyterhub_platform.usecases.reports.paging import Query
from jupyterhub_platform.usecases.reports.viewer import Viewer

NO_JOB: Final = "There is no such bulk change, or it is not yours to see."


@dataclass(frozen=True, slots=True)
class BulkLine:
    """One change of many, and how far it is.

    ``revisions`` counts what it changed of the policy, between revisions ``first`` and ``last``.
    """

    id: str
    act: str
    what: str
    said: Mapping[str, Any]
    reason: str
    by: str
    at: datetime
    state: str
    why: str
    ended_at: datetime | None
    total: int
    done: int
    same: int
    refused: int
    left: int
    revisions: int
    first: int | None
    last: int | None

    @property
    def sentence(self) -> str:
        """How it stands, in words."""
        counts = [f"{self.done:,} done"]
        counts += [f"{self.same:,} were so already"] if self.same else []
        counts += [f"{self.refused:,} refused"] if self.refused else []
        progress = ", ".join(counts)
        if self.state == BulkState.DONE:
            return f"Finished: {progress}."
        if self.state == BulkState.FAILED:
            return f"It failed, and what it did is undone: {progress} of {self.total:,}."
        state = "It runs" if self.state == BulkState.RUNNING else "It is stopped"
        return f"{state}: {progress}, {self.left:,} left of {self.total:,}."


@dataclass(frozen=True, slots=True)
class BulkLines:
    """Bulk changes, the newest first; ``next`` is the cursor of those before them."""

    items: tuple[BulkLine, ...]
    limit: int
    next: str | None


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """What became of one name: done, same, refused, or nothing yet."""

    name: str
    result: str | None
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class BulkReport:
    """One bulk change with a part of its names; ``next`` is the cursor of those after them."""

    bulk: BulkLine
    items: tuple[OutcomeLine, ...]
    limit: int
    next: str | None


def describe_act(act: Act, arguments: Mapping[str, Any]) -> str:
    """Say what is done to each, as the title of a page."""
    match act:
        case Act.ADD:
            return f"Add to the group {arguments['group']}"
        case Act.REMOVE:
            return f"Remove from the group {arguments['group']}"
        case Act.LEVEL:
            return f"Set the level {arguments['level']}"
        case Act.SUSPEND:
            until = arguments.get("until")
            end = f" until {describe_instant(datetime.fromisoformat(until))}" if until else ""
            return f"Suspend{end}"
        case Act.RESUME:
            return "Resume"
        case Act.RETIRE:
            return "Remove"
        case Act.GRANT:
            return "Give a grant"
        case Act.END_GRANT:
            return "End grants"
        case Act.ADD_PEOPLE:
            return "Add people"
        case _:
            return "Undo an earlier bulk change"


def report_bulk_list(store: Store, viewer: Viewer, query: Query) -> BulkLines:
    """Report bulk changes; those of the viewer alone, unless they see everything."""
    by, limit = None if viewer.reads_all else viewer.name, query.limit
    before = _read_cursor(query.cursor) if query.cursor else None
    with store.read() as transaction:
        jobs = bulk_changes.list_jobs(transaction, by=by, before=before, limit=limit + 1)
        items = tuple(_line(bulk_changes.measure(transaction, job)) for job in jobs[:limit])
    more = render_cursor(items[-1].at, items[-1].id) if len(jobs) > limit else None
    return BulkLines(items, limit, more)


def report_bulk(
    store: Store, viewer: Viewer, id_: str, query: Query, result: Result | None
) -> BulkReport:
    """Report one bulk change, with the names of which this became; of all without ``result``.

    Raises
    ------
    NotFoundError
        Raised if there is none, or the viewer may not see it.
    QueryError
        Raised if the cursor is not one of its names.
    """
    limit = query.limit
    after = parse_cursor(query.cursor, (int,))[0] if query.cursor else -1
    with store.read() as transaction:
        job = bulk_changes.find_job(transaction, id_)
        if job is None or not (viewer.reads_all or job.by == viewer.name):
            raise NotFoundError(NO_JOB)
        line = _line(bulk_changes.measure(transaction, job))
        found = bulk_changes.list_items(
            transaction, id_, after=after, result=result, limit=limit + 1
        )
    shown = found[:limit]
    return BulkReport(
        line,
        tuple(map(_outcome, shown)),
        limit,
        render_cursor(shown[-1].position) if len(found) > limit else None,
    )


def _read_cursor(text: str) -> tuple[datetime, str]:
    at, id_ = parse_cursor(text, (datetime, str))
    if at.tzinfo is None:
        raise explain_cursor()
    return at, id_


def _line(progress: Progress) -> BulkLine:
    job = progress.job
    return BulkLine(
        id=job.id,
        act=str(job.act),
        what=describe_act(job.act, job.arguments),
        said=job.arguments,
        reason=job.reason,
        by=job.by,
        at=job.at,
        state=str(job.state),
        why=job.why,
        ended_at=job.ended_at,
        total=job.total,
        done=progress.done,
        same=progress.same,
        refused=progress.refused,
        left=progress.left,
        revisions=progress.revisions,
        first=progress.first,
        last=progress.last,
    )


def _outcome(found: Outcome) -> OutcomeLine:
    result = str(found.result) if found.result else None
    return OutcomeLine(found.name, result, found.code, found.sentence)
