"""How often the same thing happened, since when and until when."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class RepeatCount:
    """Counts repeats of what stands on record already; ``first_at`` and ``last_at`` are theirs."""

    times: int = 0
    first_at: datetime = _NEVER
    last_at: datetime = _NEVER

    def add(self, at: datetime) -> None:
        """Count one more."""
        if not self.times:
            self.first_at = at
        self.times += 1
        self.last_at = at

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in the audit."""
        return {
            "times": self.times,
            "first": self.first_at.isoformat(),
            "last": self.last_at.isoformat(),
        }
