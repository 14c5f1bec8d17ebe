"""Counts how often something was repeated, with the first and the last time."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class RepeatCount:
    """The number of repeats of something that is on record, and when the first and last were."""

    times: int = 0
    first_at: datetime = _NEVER
    last_at: datetime = _NEVER

    def add(self, at: datetime) -> None:
        """Count one more repeat."""
        if not self.times:
            self.first_at = at
        self.times += 1
        self.last_at = at

    def to_json(self) -> dict[str, Any]:
        """Render the count as the audit has it."""
        return {
            "times": self.times,
            "first": self.first_at.isoformat(),
            "last": self.last_at.isoformat(),
        }
