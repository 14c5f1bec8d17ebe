"""Plans of the policy: what it does to put other files into force, beside all that is managed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.managed import Key, ManagedObject
from jupyterhub_platform.core.masked_secrets import Mask
from jupyterhub_platform.core.policy_plan import PolicyPlan, plan_policy
from jupyterhub_platform.core.policy_warnings import list_warnings
from jupyterhub_platform.documents import ReadPolicy, parse_files, parse_revision
from jupyterhub_platform.file_texts import FileText
from jupyterhub_platform.store import policies, revisions
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.policies import check_admins
from jupyterhub_platform.usecases.reports.differences import Difference, compare_files
from jupyterhub_platform.usecases.reports.policy_differences import (
    ObjectDifference,
    compare_objects,
    list_objects,
)
from jupyterhub_platform.usecases.snapshot import NOTHING, Snapshot
from jupyterhub_platform.usecases.sources import list_logins, unite


@dataclass(frozen=True, slots=True)
class PlannedPolicy:
    """What it does to put files into force.

    Attributes
    ----------
    revision
        What is in force now: any change of a managed object gives another number.
    digest
        That of the files in force now; ``None`` if none were.
    proposed
        That of the planned ones.
    objects
        What they say otherwise, object by object, without secrets.
    lines
        The same as ``diff -u`` shows it; ``None`` if that is too long.
    conflicts
        The managed objects that they declare as well: they cannot be in force before those are
        adopted or retired. The effects are those with the files' word of them.
    warnings
        What is valid in them and probably a mistake.
    """

    revision: int
    digest: str | None
    proposed: str
    objects: tuple[ObjectDifference, ...]
    lines: tuple[str, ...] | None
    conflicts: tuple[ManagedObject, ...]
    warnings: tuple[str, ...]
    effects: PolicyPlan


def plan_files(
    store: Store, snapshot: Snapshot, book: Book, text: str, file: str, now: datetime
) -> PlannedPolicy:
    """Plan to put files into force in place of those that ``snapshot`` has.

    Parameters
    ----------
    book
        What is held now, which nobody changes meanwhile.
    text
        The files as a revision keeps them.
    file
        The name of the first in messages.

    Raises
    ------
    PolicyError
        Raised if they have faults, or do not fit to what is managed.
    """
    read = parse_revision(text, file)
    conflicts = tuple(_list_conflicts(read, snapshot))
    left = {
        key: each
        for key, each in snapshot.sources.managed.items()
        if key not in {found.key for found in conflicts}
    }
    _, after = unite(read, left, list_logins(store), now)
    check_admins(after, snapshot.suspensions, Path(file), now)
    with store.read() as transaction:
        number = revisions.previous_file(transaction, snapshot.revision + 1)
        now_in_force = policies.get_revision(transaction, number) if number else None
        files = policies.get_files(transaction, number)
    mask = Mask()
    return PlannedPolicy(
        snapshot.revision,
        now_in_force.digest if now_in_force else None,
        read.digest,
        _compare(snapshot.sources.declared, read, mask),
        _compare_lines(files, read.files, mask),
        conflicts,
        tuple(list_warnings(after)),
        plan_policy(snapshot.policy, after, book, book, now),
    )


def plan_alone(
    before: ReadPolicy | None, files: Sequence[FileText], file: str, now: datetime
) -> PlannedPolicy:
    """Plan without a Hub: beside the files that were applied last, whatever is managed.

    Raises
    ------
    PolicyError
        Raised if the files have faults.
    """
    read = parse_files(files, file)
    mask, nothing = Mask(), Book()
    return PlannedPolicy(
        0,
        before.digest if before else None,
        read.digest,
        _compare(before.document if before else {}, read, mask),
        _compare_lines(before.files if before else (), read.files, mask),
        (),
        tuple(list_warnings(read.policy)),
        plan_policy(
            before.policy if before else NOTHING.policy, read.policy, nothing, nothing, now
        ),
    )


def _list_conflicts(read: ReadPolicy, snapshot: Snapshot) -> list[ManagedObject]:
    declared = {
        Key(key.kind, fold_user(str(name)) if key.kind == "user" else str(name))
        for key in {Key(kind, "") for kind in {each.kind for each in snapshot.sources.managed}}
        if isinstance(names := read.document.get(key.kind.section), dict)
        for name in names
    }
    managed = snapshot.sources.managed
    return [managed[key] for key in sorted(declared & managed.keys())]


def _compare(
    before: Mapping[str, Any], read: ReadPolicy, mask: Mask
) -> tuple[ObjectDifference, ...]:
    old, new = (dict(list_objects(each)) for each in (before, read.document))
    return tuple(
        replace(each, differences=tuple(_mask(mask, line) for line in each.differences))
        for each in compare_objects(old, new, {})
    )


def _mask(mask: Mask, line: Difference) -> Difference:
    before, after = (mask.mask_value(line.path, each) for each in (line.before, line.after))
    return Difference(line.path, before, after)


def _compare_lines(
    before: Sequence[FileText], after: Sequence[FileText], mask: Mask
) -> tuple[str, ...] | None:
    known = {each.name: each.text for each in before}
    if len(before) == len(after) == 1:
        # It may have another name where it is kept.
        before = [replace(before[0], name=after[0].name)]
        known = {before[0].name: before[0].text}
    same = {each.name for each in after if known.get(each.name) == each.text}
    return compare_files(
        *(
            [
                each if each.name in same else replace(each, text=_mask_file(each, mask))
                for each in files
            ]
            for files in (before, after)
        )
    )


def _mask_file(file: FileText, mask: Mask) -> bytes:
    return mask.mask_text(file.text.decode(errors="replace")).encode()
