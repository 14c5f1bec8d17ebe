"""The steps of a change of managed objects: each is a revision, and a row of the audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from jupyterhub_platform.core.errors import PlatformError, PolicyError
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject
from jupyterhub_platform.core.typed_names import render_command
from jupyterhub_platform.store import audit, managed, policies
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.managed import ManagedRevision
from jupyterhub_platform.usecases.snapshot import Snapshot, find_lockout

MADE: Final = "made"
CHANGED: Final = "changed"
RETIRED: Final = "retired"


class ManagedError(PlatformError):
    """Raised if an object cannot be changed in the Hub as asked; the sentence says why."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class NoObjectError(ManagedError):
    """Raised if no such object is managed in the Hub."""

    def __init__(self, key: Key) -> None:
        super().__init__("managed.none", f"There is no managed {key.kind} {key.name}.")


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


class NotAllowedError(ManagedError):
    """Raised if a manager changes what is not theirs, or gives what they do not hold."""

    def __init__(self, why_not: str) -> None:
        super().__init__("managed.not_allowed", why_not)


class AttributedChange(Protocol):
    """A change whose record names who made it, and why."""

    @property
    def by(self) -> str:
        """The name of who does it."""
        ...

    @property
    def reason(self) -> str:
        """Why."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What one revision changes: None is an object that is not there."""

    key: Key
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def find(snapshot: Snapshot, key: Key, seen: int | None) -> ManagedObject | None:
    """Return the managed object, if the caller may change the one that they saw."""
    refuse_declared(snapshot, key)
    current = snapshot.sources.managed.get(key)
    if seen is not None and seen != (current.version if current else 0):
        raise LostUpdateError(key, current)
    return current


def refuse_declared(snapshot: Snapshot, key: Key) -> None:
    """Refuse to manage what the file declares.

    Raises
    ------
    ManagedError
        Raised if the file declares it.
    """
    kind, name = key
    if snapshot.sources.is_declared(key):
        where = snapshot.policy.lines.get(key.path, "the policy file")
        raise ManagedError(
            "managed.declared",
            f"The {kind} {name} is declared at {where}. Change it there, or move it into the Hub "
            f"with {render_command(f'jhp release {kind}', name)}.",
        )


def take(snapshot: Snapshot, step: Step, by: str, now: datetime) -> Snapshot:
    """Return what is in force with a step, if it may be taken.

    Raises
    ------
    ManagedError
        Raised if the file declares the object by now, as it may when a change is undone.
    PolicyError
        Raised with every fault, and if it leaves suspended admins alone.
    """
    refuse_declared(snapshot, step.key)
    sources, policy = snapshot.sources.change(snapshot.policy, step.key, step.after, by, now)
    suspended = snapshot.suspensions
    if step.key.kind is Kind.USER and snapshot.policy.admins_let_in(suspended, now):
        lockout = find_lockout(policy, suspended, now)
        if lockout is not None:
            raise PolicyError((lockout,))
    return replace(snapshot, sources=sources, policy=policy)


def record(
    after: Snapshot,
    steps: Sequence[Step],
    change: AttributedChange,
    now: datetime,
    transaction: Transaction,
) -> Snapshot:
    """Record steps as revisions, each with its row of the audit."""
    first = policies.latest_number(transaction) + 1
    left = {step.key: after.sources.managed.get(step.key) for step in steps}
    managed.remove_objects(transaction, [key for key, new in left.items() if new is None])
    managed.put_objects(transaction, [new for new in left.values() if new is not None])
    revisions = [
        ManagedRevision(number, step.key, step.before, step.after, change.by, change.reason, now)
        for number, step in enumerate(steps, start=first)
    ]
    managed.record_revisions(transaction, revisions)
    audit.append_all(transaction, [_make_event(each) for each in revisions])
    return replace(after, revision=first + len(steps) - 1)


def _make_event(revision: ManagedRevision) -> audit.Event:
    key = revision.key
    details = {
        "revision": revision.number,
        **({"grant": key.name} if key.kind is Kind.GRANT else {}),
        "reason": revision.reason,
        "before": revision.before,
        "after": revision.after,
    }
    action = f"{key.kind}.{_name_change(revision)}"
    return audit.Event(revision.at, revision.actor, action, _name_subject(revision), details)


def _name_subject(step: ManagedRevision) -> str:
    """Return on whom it is done: a grant is given to a user or a group, who are searched for."""
    if step.key.kind is not Kind.GRANT:
        return step.key.name
    document = step.after or step.before or {}
    return str(document.get("user") or document.get("group") or step.key.name)


def _name_change(step: ManagedRevision) -> str:
    if step.before is None:
        return MADE
    return RETIRED if step.after is None else CHANGED
