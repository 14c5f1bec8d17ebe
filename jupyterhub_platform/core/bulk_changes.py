"""The same change of many people or grants: what it is, how far it is, what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

MAX_NAMES: Final = 20_000
"""How many people one bulk change may be about."""


class Act(StrEnum):
    """What is done to each."""

    ADD = "add-to-group"
    REMOVE = "remove-from-group"
    LEVEL = "set-level"
    SUSPEND = "suspend"
    RESUME = "resume"
    RETIRE = "retire"
    GRANT = "grant"
    END_GRANT = "end-grant"
    UNDO = "undo"

    @property
    def is_for_admins(self) -> bool:
        """Whether managers may never do it."""
        return self in {Act.SUSPEND, Act.RESUME, Act.UNDO}

    @property
    def is_of_group(self) -> bool:
        """Whether it changes one group, and not each person."""
        return self in {Act.ADD, Act.REMOVE}

    @property
    def makes_revisions(self) -> bool:
        """Whether its changes are revisions, which can be undone."""
        return self not in {Act.SUSPEND, Act.RESUME}


class BulkState(StrEnum):
    """Where a bulk change is in its life."""

    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"


class Result(StrEnum):
    """What became of one name: ``SAME`` is one that was so already."""

    DONE = "done"
    SAME = "same"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one name, and why if it was refused."""

    position: int
    name: str
    result: Result | None
    code: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class BulkJob:
    """One change of many.

    Attributes
    ----------
    said
        What the act needs to know: a group, a level, an end, what a grant says, or what it undoes.
    manager
        The manager on whose authority it is done; empty for an admin.
    via, address
        From where it was asked for, for the audit of each change.
    """

    id: str
    act: Act
    arguments: Mapping[str, Any]
    reason: str
    by: str
    manager: str
    at: datetime
    total: int
    state: BulkState = BulkState.RUNNING
    ended_at: datetime | None = None
    why: str = ""
    via: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a bulk change is; its revisions are between ``first`` and ``last``."""

    job: BulkJob
    done: int
    same: int
    refused: int
    revisions: int
    first: int | None
    last: int | None

    @property
    def handled(self) -> int:
        """How many names are settled, either way."""
        return self.done + self.same + self.refused

    @property
    def left(self) -> int:
        """How many are not settled yet."""
        return self.job.total - self.handled
