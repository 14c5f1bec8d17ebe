"""Bulk changes: the same change of many people or grants, its progress, and its outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

MAX_NAMES: Final = 20_000
"""How many people one bulk change may be about."""


class Act(StrEnum):
    """What a bulk change does to each name."""

    ADD = "add-to-group"
    REMOVE = "remove-from-group"
    LEVEL = "set-level"
    SUSPEND = "suspend"
    RESUME = "resume"
    RETIRE = "retire"
    GRANT = "grant"
    END_GRANT = "end-grant"
    ADD_PEOPLE = "add-people"
    UNDO = "undo"

    @property
    def is_for_admins(self) -> bool:
        """Whether only admins may do it."""
        return self in {Act.SUSPEND, Act.RESUME, Act.UNDO}

    @property
    def is_of_group(self) -> bool:
        """Whether it changes one group, and not each person."""
        return self in {Act.ADD, Act.REMOVE}

    @property
    def is_whole(self) -> bool:
        """Whether all of it is done, or nothing: what is refused undoes the rest."""
        return self is Act.ADD_PEOPLE

    @property
    def makes_revisions(self) -> bool:
        """Whether its changes are revisions, which can be undone."""
        return self not in {Act.SUSPEND, Act.RESUME}


class BulkState(StrEnum):
    """The state of a bulk change."""

    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


class Result(StrEnum):
    """The outcome of one name; with ``SAME`` there was nothing to change."""

    DONE = "done"
    SAME = "same"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one name, and why if it was refused.

    ``arguments`` are those of this name alone: the document and the groups of a new user.
    """

    position: int
    name: str
    result: Result | None
    code: str = ""
    sentence: str = ""
    arguments: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class BulkJob:
    """One change of many.

    Attributes
    ----------
    arguments
        What the act needs: a group, a level, an end, the document of a grant, or what it undoes.
    manager
        The manager on whose authority it is done; empty for an admin.
    via, address
        Where the request came from, for the audit of each change.
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
    """The progress of a bulk change; its revisions are between ``first`` and ``last``."""

    job: BulkJob
    done: int
    same: int
    refused: int
    revisions: int
    first: int | None
    last: int | None

    @property
    def handled(self) -> int:
        """The number of names that have an outcome."""
        return self.done + self.same + self.refused

    @property
    def left(self) -> int:
        """The number of names without an outcome."""
        return self.job.total - self.handled
