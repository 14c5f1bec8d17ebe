"""Objects that are managed in the Hub: made, changed, retired, and put back as they were."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.managed import Key, ManagedObject
from jupyterhub_platform.store import audit, managed, policies
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.managed import ManagedRevision
from jupyterhub_platform.usecases.changes import Record
from jupyterhub_platform.usecases.snapshot import Snapshot


class ManagedError(PlatformError):
    """Raised if an object cannot be changed in the Hub as asked; the sentence says why."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class LostUpdateError(ManagedError):
    """Raised if an object was changed since its caller saw it; ``current`` is how it is now."""

    def __init__(self, key: Key, current: ManagedObject | None) -> None:
        self.current = current
        if current is None:
            what = f"The {key.kind} {key.name} is gone. Look at it again before you change it."
        else:
            what = (
                f"{current.by} changed the {key.kind} {key.name} since you saw it: it has version "
                f"{current.version} now. Look at both, and send your change again."
            )
        super().__init__("managed.changed", what)


@dataclass(frozen=True, slots=True)
class PutObject:
    """Makes an object, or replaces what it says.

    Attributes
    ----------
    seen
        The version that the caller saw; 0 if the object must be new, None to replace any.
    """

    key: Key
    document: Mapping[str, Any]
    reason: str
    by: str
    seen: int | None = None

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Refuse what the file declares, a lost update, and whatever the file could not say.

        Raises
        ------
        ManagedError
            Raised if the object is declared, or was changed meanwhile.
        PolicyError
            Raised with every fault of the object, and of what no longer fits to it.
        """
        before = _find(snapshot, self.key, self.seen)
        step = _Step(self.key, before.document if before else None, self.document)
        return partial(_record, _take(snapshot, step, self.by, now), (step,), self, now)


@dataclass(frozen=True, slots=True)
class RetireObject:
    """Takes an object away that nothing names any more; its revisions stay."""

    key: Key
    reason: str
    by: str
    seen: int | None = None

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Refuse what is not there, what the file declares, a lost update, and what is in use.

        Raises
        ------
        ManagedError
            Raised if the object is not managed, is declared, or was changed meanwhile.
        PolicyError
            Raised with whatever still names it.
        """
        before = _find(snapshot, self.key, self.seen)
        if before is None:
            kind, name = self.key
            raise ManagedError("managed.none", f"There is no managed {kind} {name}.")
        step = _Step(self.key, before.document, None)
        return partial(_record, _take(snapshot, step, self.by, now), (step,), self, now)


@dataclass(frozen=True, slots=True)
class RollBack:
    """Puts every managed object back as it was at revision ``number``; the file is left alone."""

    number: int
    reason: str
    by: str

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Leave to the record what there is to undo: only the store knows it.

        Raises
        ------
        ManagedError
            Raised, once it is recorded, if there is nothing to undo.
        PolicyError
            Raised, once it is recorded, if something of before no longer fits to the file.
        """
        return partial(self._record, snapshot, now)

    def _record(self, snapshot: Snapshot, now: datetime, transaction: Transaction) -> Snapshot:
        undone = managed.list_revisions(transaction, since=self.number, limit=None)
        if not undone:
            raise ManagedError(
                "managed.nothing", f"Nothing that is managed changed since revision {self.number}."
            )
        steps, after = [], snapshot
        for revision in undone:
            step = _Step(revision.key, revision.after, revision.before)
            after = _take(after, step, self.by, now)
            steps.append(step)
        return _record(after, steps, self, now, transaction)


class _Said(Protocol):
    """Who changes something, and why."""

    @property
    def by(self) -> str: ...

    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Step:
    """What one revision changes: None is an object that is not there."""

    key: Key
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def _find(snapshot: Snapshot, key: Key, seen: int | None) -> ManagedObject | None:
    """Return the managed object, if the caller may change the one that they saw."""
    sources, (kind, name) = snapshot.sources, key
    if sources.is_declared(key):
        where = snapshot.policy.lines.get(key.path, "the policy file")
        raise ManagedError(
            "managed.declared",
            f"The {kind} {name} is declared at {where}. Change it there, or move it into the Hub "
            f"with jhp release {kind} {name}.",
        )
    current = sources.managed.get(key)
    if seen is not None and seen != (current.version if current else 0):
        raise LostUpdateError(key, current)
    return current


def _take(snapshot: Snapshot, step: _Step, by: str, now: datetime) -> Snapshot:
    """Return what is in force with a step, if it may be taken."""
    sources, policy = snapshot.sources.change(snapshot.policy, step.key, step.after, by, now)
    return replace(snapshot, sources=sources, policy=policy)


def _record(
    after: Snapshot, steps: Sequence[_Step], said: _Said, now: datetime, transaction: Transaction
) -> Snapshot:
    """Record steps as revisions, each with its row of the audit."""
    number = policies.latest_number(transaction)
    for number, step in enumerate(steps, start=number + 1):  # noqa: B020 the last one is returned
        new = after.sources.managed.get(step.key)
        if new is None:
            managed.remove_object(transaction, step.key)
        else:
            managed.put_object(transaction, new)
        revision = ManagedRevision(
            number, step.key, step.before, step.after, said.by, said.reason, now
        )
        managed.record_revision(transaction, revision)
        audit.append(
            transaction,
            at=now,
            actor=said.by,
            action=f"{step.key.kind}.{_name_change(step)}",
            subject=step.key.name,
            detail={
                "revision": number,
                "reason": said.reason,
                "before": step.before,
                "after": step.after,
            },
        )
    return replace(after, revision=number)


def _name_change(step: _Step) -> str:
    if step.before is None:
        return "made"
    return "retired" if step.after is None else "changed"
