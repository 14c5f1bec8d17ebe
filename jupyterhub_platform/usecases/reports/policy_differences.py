"""Compares two revisions of the policy: each object, by what it said then and now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.errors import NotFoundError, PolicyError
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.core.partial_document import GRANTS, NAMED
from jupyterhub_platform.documents import read_sections
from jupyterhub_platform.file_texts import FileText
from jupyterhub_platform.store import managed, policies, revisions
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.reports.cursors import QueryError
from jupyterhub_platform.usecases.reports.differences import (
    Difference,
    compare_documents,
    compare_files,
)

MAX_OBJECTS: Final = 200
"""How many objects are shown; of more, there is the count."""
MAX_REVISIONS: Final = 30_000
MAX_FILE: Final = 2**18
"""The size of a file up to which it is compared by objects; a larger one is compared by lines."""
FILE: Final = "file"
_WHOLE: Final = "settings"
Documents = Mapping[tuple[str, str], Mapping[str, Any]]
_CHANGES: Final = ("added", "changed", "removed")


@dataclass(frozen=True, slots=True)
class ObjectDifference:
    """What differs of one object.

    ``kind`` is ``settings`` for what the file says beside its objects. ``change`` is ``added``,
    ``changed`` or ``removed``. ``revision`` is the last one that changed it, if it is managed.
    """

    kind: str
    name: str
    change: str
    revision: int | None
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class PolicyDifference:
    """What differs from one revision to another, which may be the earlier one.

    Attributes
    ----------
    objects
        Some of them; ``total`` counts all.
    lines
        What differs in the file, if that is too large to be compared by objects: as ``diff -u``
        shows it; null if that is too long to show as well.
    later
        How many changes of managed objects a rollback to the earlier one would undo.
    """

    first: int
    last: int
    in_force: int
    sentence: str
    objects: tuple[ObjectDifference, ...]
    total: int
    lines: tuple[str, ...] | None
    later: int


def report_difference(store: Store, in_force: int, first: int, last: int) -> PolicyDifference:
    """Report what differs from revision ``first`` to ``last``; 0 is before the first one.

    Raises
    ------
    NotFoundError
        Raised if there is none of these numbers.
    QueryError
        Raised if there are too many revisions between them.
    """
    low, high = sorted((first, last))
    with store.read() as transaction:
        for number in (low, high):
            if number and revisions.get_row(transaction, number) is None:
                raise NotFoundError(f"There is no policy revision {number}.")
        old, new, last_changes = _list_managed(transaction, low, high)
        files = [_read_files(transaction, number) for number in (low, high)]
        later = revisions.count_objects(transaction, since=low)
    lines: tuple[str, ...] | None = ()
    if files[0] != files[1]:
        declared = [_read_objects(each) for each in files]
        if all(each is not None for each in declared):
            old, new = ({**(d or {}), **m} for d, m in zip(declared, (old, new), strict=True))
        else:
            lines = compare_files(*(files if first <= last else reversed(files)))
    if first > last:
        old, new = new, old
    found = tuple(compare_objects(old, new, last_changes))
    return PolicyDifference(
        first,
        last,
        in_force,
        say_objects(found, lines),
        found[:MAX_OBJECTS],
        len(found),
        lines,
        later,
    )


def _list_managed(
    transaction: Transaction, low: int, high: int
) -> tuple[Documents, Documents, dict[tuple[str, str], int]]:
    """Return what was managed before and after, of all that changed, and when it changed last."""
    found = managed.list_revisions(transaction, since=low, until=high, limit=MAX_REVISIONS + 1)
    if len(found) > MAX_REVISIONS:
        raise QueryError(
            f"More than {MAX_REVISIONS:,} changes lie between them; choose nearer ones."
        )
    old, new, numbers = {}, {}, {}
    for each in found:
        key = str(each.key.kind), each.key.name
        if key not in numbers:
            numbers[key], new[key] = each.number, each.after
        old[key] = each.before
    return (
        {key: each for key, each in old.items() if each is not None},
        {key: each for key, each in new.items() if each is not None},
        numbers,
    )


def _read_files(transaction: Transaction, number: int) -> list[FileText]:
    """Return the files that were in force with a revision."""
    of_file = revisions.previous_file(transaction, number + 1)
    return policies.get_files(transaction, of_file)


def _read_objects(files: Sequence[FileText]) -> Documents | None:
    """Return what files say, by object; ``None`` if they are too large for that."""
    if sum(len(each.text) for each in files) > MAX_FILE:
        return None
    try:
        document = read_sections(files) if files else {}
    except PolicyError:
        return None
    return dict(list_objects(document))


def list_objects(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Yield what a file says, by kind and name of the object; settings are one of no name."""
    rest = {key: each for key, each in document.items() if key not in {*NAMED, GRANTS}}
    if rest:
        yield (_WHOLE, ""), rest
    for kind in (Kind.USER, Kind.GROUP, Kind.IMAGE, Kind.TIER):
        for key, entry in (document.get(kind.section) or {}).items():
            name = fold_user(str(key)) if kind is Kind.USER else str(key)
            yield (str(kind), name), entry or {}
    for number, grant in enumerate(document.get(GRANTS) or (), start=1):
        # A grant of the file has no name; it is called by its place.
        yield (str(Kind.GRANT), f"{number} of the file"), grant or {}


def compare_objects(
    old: Documents, new: Documents, numbers: Mapping[tuple[str, str], int]
) -> Iterator[ObjectDifference]:
    """Yield what differs of each object; ``numbers`` are the revisions that changed them last."""
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        differences = compare_documents(before, after)
        if (before is None) == (after is None) and not differences:
            continue
        change = "added" if before is None else "removed" if after is None else "changed"
        yield ObjectDifference(*key, change, numbers.get(key), differences)


def say_objects(found: tuple[ObjectDifference, ...], lines: tuple[str, ...] | None) -> str:
    """Say how many objects differ, and how."""
    counts = {each: sum(f.change == each for f in found) for each in _CHANGES}
    parts = [f"{number:,} {change}" for change, number in counts.items() if number]
    of_file = "" if lines == () else " The file differs, and is compared by lines."
    if not parts:
        return f"No object differs.{of_file}" if of_file else "Nothing differs."
    number = len(found)
    things = "1 object differs" if number == 1 else f"{number:,} objects differ"
    return f"{things}: {', '.join(parts)}.{of_file}"
