"""Rollback of what the Hub wrote for a start that is refused."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SpawnRollback:
    """A spawner's row as it was before a start that is refused.

    ``options`` are those before the start. ``known`` is false for a server that the Hub did not
    know before that start.
    """

    options: Any
    last_activity: datetime | None
    known: bool

    @classmethod
    def start_of(cls, spawner: Any, options_before: Any) -> "SpawnRollback":
        """Note what has to be restored for ``spawner``, while its row still says so."""
        row = spawner.orm_spawner
        used = options_before or row.state or row.last_activity is not None
        return cls(options_before, row.last_activity, not spawner.name or bool(used))

    def restore(self, spawner: Any) -> None:
        """Undo what the Hub wrote. The next start finds a new spawner."""
        user, row = spawner.user, spawner.orm_spawner
        if user.spawners.get(spawner.name) is spawner:
            user.spawners.pop(spawner.name)
        if self.known:
            row.user_options = self.options
            row.last_activity = self.last_activity
        else:
            user.db.delete(row)
        user.db.commit()
