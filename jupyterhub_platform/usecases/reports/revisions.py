"""Revisions of the policy, of its file and of managed objects: who, when, why, before and after."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jupyterhub_platform.core.errors import NotFoundError
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.store import managed, policies, revisions
from jupyterhub_platform.store.revisions import RevisionRow
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.reports.cursors import parse_cursor, render_cursor
from jupyterhub_platform.usecases.reports.differences import (
    Difference,
    compare_documents,
    compare_files,
)
from jupyterhub_platform.usecases.reports.paging import Page, Query
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.troubles import Trouble

FILE = "file"


@dataclass(frozen=True, slots=True)
class RevisionLine:
    """One revision. ``kind`` is ``file``, or that of the object ``name``.

    ``change`` is ``published``, ``made``, ``changed`` or ``retired``. ``whom`` is the user or group
    that a grant is for: its name is an id.
    """

    number: int
    kind: str
    name: str
    change: str
    by: str
    reason: str
    at: datetime
    whom: str = ""

    @property
    def sentence(self) -> str:
        """What it did, in words."""
        if self.kind == FILE:
            return f"The policy file {self.name} was put into force"
        called = f"a grant for {self.whom}" if self.whom else f"the {self.kind} {self.name}"
        return f"{self.by} {self.change} {called}"


@dataclass(frozen=True, slots=True)
class Revisions:
    """A page of revisions, the newest first, and what is wrong with the file now."""

    sentence: str
    troubles: tuple[Trouble, ...]
    revisions: Page[RevisionLine]
    revision: int
    at: datetime


@dataclass(frozen=True, slots=True)
class WholeRevision:
    """One revision with what it changed.

    Attributes
    ----------
    differences
        What differs in a managed object.
    lines
        What differs in the file, as ``diff -u`` shows it; null if that is too long to show.
    later
        The changes of managed objects after it, which a rollback to it would undo.
    """

    revision: RevisionLine
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    differences: tuple[Difference, ...]
    lines: tuple[str, ...] | None
    later: int
    in_force: int


def report_revisions(
    store: Store, facts: ReportFacts, query: Query, troubles: tuple[Trouble, ...] = ()
) -> Revisions:
    """Report the revisions in which each word of the search occurs."""
    before = parse_cursor(query.cursor, (int,))[0] if query.cursor else None
    with store.read() as transaction:
        # One more than is shown: whether there is another part.
        found, total = revisions.find_rows(
            transaction,
            words=query.search.split(),
            limit=query.limit + 1,
            offset=query.offset,
            before=before,
        )
    rows = found[: query.limit]
    further = render_cursor(rows[-1].number) if len(found) > query.limit else None
    page = Page(tuple(map(_line, rows)), total, query, further)
    objects = len(facts.snapshot.sources.managed)
    things = {0: "nothing is", 1: "1 object is"}.get(objects, f"{objects} objects are")
    sentence = f"Revision {facts.revision} is in force; {things} managed in the Hub."
    return Revisions(sentence, troubles, page, facts.revision, facts.at)


def report_revision(store: Store, facts: ReportFacts, number: int) -> WholeRevision:
    """Report one revision.

    Raises
    ------
    NotFoundError
        Raised if there is none of this number.
    """
    with store.read() as transaction:
        row = revisions.get_row(transaction, number)
        if row is None:
            raise NotFoundError(f"There is no policy revision {number}.")
        later = managed.list_revisions(transaction, since=number, limit=None)
        lines: tuple[str, ...] | None = ()
        differences: tuple[Difference, ...] = ()
        if row.key is not None:
            (change,) = managed.list_revisions(transaction, since=number - 1, until=number)
            before, after = change.before, change.after
            differences = compare_documents(before, after)
        else:
            before = after = None
            previous = revisions.previous_file(transaction, number)
            texts = (policies.get_files(transaction, each) for each in (previous, number))
            lines = compare_files(*texts)
    return WholeRevision(
        _line(row),
        dict(before) if before is not None else None,
        dict(after) if after is not None else None,
        differences,
        lines,
        len(later),
        facts.revision,
    )


def list_later(store: Store, number: int) -> tuple[RevisionLine, ...]:
    """Return the changes of managed objects after revision ``number``, the newest first."""
    with store.read() as transaction:
        found = managed.list_revisions(transaction, since=number, limit=None)
    return tuple(
        RevisionLine(
            each.number,
            str(each.key.kind),
            each.key.name,
            _name(each.before is None, each.after is None),
            each.actor,
            each.reason,
            each.at,
            _find_whom(each.after or each.before) if each.key.kind is Kind.GRANT else "",
        )
        for each in found
    )


def _line(row: RevisionRow) -> RevisionLine:
    if row.key is None:
        name = row.source.rpartition("/")[2]
        return RevisionLine(row.number, FILE, name, "published", row.actor, "", row.at)
    kind, name = row.key
    change = _name(row.made, row.retired)
    whom = _find_whom(row.grant)
    return RevisionLine(row.number, str(kind), name, change, row.actor, row.reason, row.at, whom)


def _find_whom(grant: Mapping[str, Any] | None) -> str:
    return str((grant or {}).get("user") or (grant or {}).get("group") or "")


def _name(made: bool, retired: bool) -> str:
    if made:
        return "made"
    return "retired" if retired else "changed"
