"""From managed to declared and back: each in one change, so that an object is always one of them.

The file and the store cannot be written at once. To adopt, the file is written first: until the
Hub is told, the object stays managed, and the file has a fault that says so. To release, the store
goes first: until the file is written, the object is managed, and the file has that fault.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject
from jupyterhub_platform.document_writer import WriteError, remove_object
from jupyterhub_platform.documents import ReadPolicy, decode
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.changes import Record
from jupyterhub_platform.usecases.managed_steps import ManagedError, NoObjectError, Step, record
from jupyterhub_platform.usecases.policies import check_admins, read_file, record_file
from jupyterhub_platform.usecases.snapshot import Snapshot
from jupyterhub_platform.usecases.sources import list_logins, unite

_DIFFERS: Final = "managed.differs"
_CONFLICT: Final = "managed.declared"


@dataclass(frozen=True, slots=True)
class AdoptObject:
    """Retires a managed object that the file declares by now, and puts the file into force.

    With ``take_file`` the file may say something else, and wins; what was managed stays a revision.
    """

    key: Key
    files: PolicyFiles
    store: Store
    reason: str
    by: str
    take_file: bool = False

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Read the file, which must declare the object.

        Raises
        ------
        ManagedError
            Raised if the object is not managed, or the file does not say the same of it.
        PolicyError
            Raised with the other faults of the file.
        """
        found = snapshot.sources.managed.get(self.key)
        if found is None:
            raise NoObjectError(self.key)
        read = read_file(self.files)
        self._compare(read, found)
        others = {k: each for k, each in snapshot.sources.managed.items() if k != self.key}
        after = _unite(read, others, snapshot, self, now)
        return _Recording(read, after, (Step(self.key, found.document, None),), self, now)

    def _compare(self, read: ReadPolicy, found: ManagedObject) -> None:
        kind, name = self.key
        entries = _list_declared(read, self.key)
        if not entries:
            raise ManagedError(
                "managed.undeclared",
                f"{self.files.path} does not declare the {kind} {name} yet. Bring the file there "
                "that jhp adopt wrote, and adopt it again; until then it stays managed.",
            )
        if not self.take_file and not any(_is_same(each, found.document) for each in entries):
            at = read.policy.lines.get(self.key.path, self.files.path)
            raise ManagedError(
                _DIFFERS,
                f"{at} says something else of the {kind} {name} than the Hub. Make both the same, "
                "or let the file win with --take-file; the managed values stay a revision.",
            )


@dataclass(frozen=True, slots=True)
class ReleaseObject:
    """Makes a declared object a managed one that says the same.

    What is in force from then on is the file without it, whether or not it was written by then.
    """

    key: Key
    files: PolicyFiles
    store: Store
    reason: str
    by: str

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Take the object out of the file's text, and manage it.

        Raises
        ------
        ManagedError
            Raised if the file does not declare it, or it cannot be taken out.
        PolicyError
            Raised if the file has faults, or still names it elsewhere.
        """
        kind, name = self.key
        read = read_file(self.files)
        entries = _list_declared(read, self.key)
        if kind is Kind.GRANT or self.key in snapshot.sources.managed or not entries:
            raise ManagedError(
                _CONFLICT if entries else "managed.none",
                f"The file declares no {kind} {name} that could be released. Grants are not: they "
                "end by themselves.",
            )
        document = json.loads(json.dumps(entries[0]))
        left = remove_declared(read, self.key).policy
        new = ManagedObject(self.key, document, 1, self.by, now)
        managed = {**snapshot.sources.managed, self.key: new}
        after = _unite(left, managed, snapshot, self, now)
        return _Recording(left, after, (Step(self.key, None, document),), self, now)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A policy with another text of one of its files."""

    path: Path
    text: str
    policy: ReadPolicy


def remove_declared(read: ReadPolicy, key: Key) -> Rewritten:
    """Return the policy without an object, which nothing else of it may name.

    Raises
    ------
    ManagedError
        Raised if it cannot be taken out without touching more.
    PolicyError
        Raised with whatever of the files still names it.
    """
    section = key.kind.section
    entries: Mapping[str, Any] = read.document.get(section) or {}
    (name,) = (each for each in entries if _fold(key.kind, each) == key.name)
    path = read.policy.lines[f"{section}.{name}"].file
    file = read.find_file(path)
    try:
        text = remove_object(decode(file.text), section, name)
    except WriteError as error:
        raise ManagedError(_CONFLICT, f"{path}: {error}") from None
    left = read.with_text(file.name, text)
    rest = {each: entry for each, entry in entries.items() if each != name}
    if dict(left.document) != {**read.document, section: rest}:
        raise ManagedError(
            _CONFLICT, f"{path} cannot be changed without touching more than {name}."
        )
    return Rewritten(Path(path), text, left)


@dataclass(frozen=True, slots=True)
class _Recording:
    """Records the object's revision and the file's, in one transaction."""

    read: ReadPolicy
    after: Snapshot
    steps: Sequence[Step]
    change: "AdoptObject | ReleaseObject"
    now: datetime

    def __call__(self, transaction: Transaction) -> Snapshot:
        """Write the rows, and return what is in force with them."""
        after = record(self.after, self.steps, self.change, self.now, transaction)
        change = self.change
        return record_file(transaction, self.read, after, change.files.path, change.by, self.now)


def _unite(
    read: ReadPolicy,
    managed: Mapping[Key, ManagedObject],
    snapshot: Snapshot,
    change: AdoptObject | ReleaseObject,
    now: datetime,
) -> Snapshot:
    sources, policy = unite(read, managed, list_logins(change.store), now)
    check_admins(policy, snapshot.suspensions, change.files.path, now)
    return replace(snapshot, sources=sources, policy=policy)


def _list_declared(read: ReadPolicy, key: Key) -> list[Mapping[str, Any]]:
    """Return what the file says of an object; grants have no names, so all that it declares."""
    section = read.document.get(key.kind.section) or {}
    if key.kind is Kind.GRANT:
        return list(section)
    return [each or {} for name, each in section.items() if _fold(key.kind, name) == key.name]


def _fold(kind: Kind, name: str) -> str:
    return fold_user(name) if kind is Kind.USER else name


def _is_same(declared: Mapping[str, Any], managed: Mapping[str, Any]) -> bool:
    return dict(declared) == dict(managed)
