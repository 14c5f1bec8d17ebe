"""Undo changes of managed objects: each comes back as it was at an older revision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from jupyterhub_platform.store import managed
from jupyterhub_platform.store.managed import ManagedRevision
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.changes import Record
from jupyterhub_platform.usecases.managed_steps import ManagedError, Step, record, take
from jupyterhub_platform.usecases.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class RollBack:
    """Undoes what changed managed objects; the file is left alone.

    Attributes
    ----------
    undone
        The changes to undo, the newest first: see :func:`list_changes_since`.
    seen
        The revision that was in force when those were listed.
    """

    undone: Sequence[ManagedRevision]
    seen: int
    reason: str
    by: str

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Undo one change after another.

        Raises
        ------
        ManagedError
            Raised if there is nothing to undo, or something changed since it was listed.
        PolicyError
            Raised if something of before no longer fits to the file.
        """
        if snapshot.revision != self.seen:
            raise ManagedError(
                "managed.changed",
                f"Revision {snapshot.revision} is in force, and you saw {self.seen}. Look at what "
                "changed, and roll back again.",
            )
        if not self.undone:
            raise ManagedError("managed.nothing", "Nothing that is managed changed since then.")
        steps, after = [], snapshot
        for revision in self.undone:
            step = Step(revision.key, revision.after, revision.before)
            after = take(after, step, self.by, now)
            steps.append(step)
        return partial(record, after, steps, self, now)


def list_changes_since(store: Store, number: int) -> tuple[ManagedRevision, ...]:
    """Return the changes of managed objects after revision ``number``, the newest first."""
    with store.read() as transaction:
        return tuple(managed.list_revisions(transaction, since=number, limit=None))
