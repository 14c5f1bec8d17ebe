"""What is wrong with the policy file while an older policy stays in force, and its repair."""

import logging
from datetime import UTC, datetime
from pathlib import Path

from jupyterhub_platform.core.errors import PolicyError

log = logging.getLogger(__name__)


class PolicyFaults:
    """Says on the terminal that the file is broken, and that it is in order again.

    ``since`` is when it was broken first, ``None`` while it is in order.
    """

    def __init__(self, path: Path) -> None:
        self.since: datetime | None = None
        self._path = path

    def begin(self, error: PolicyError) -> None:
        """Note that the file has faults; called for each change of it."""
        self.since = self.since or self._changed_at()
        log.error("The last good policy stays in force. What is wrong with the file:\n%s", error)

    def end(self, revision: int) -> None:
        """Note that the file is in force, as ``revision``; said only if it was broken before."""
        if self.since is not None:
            self.since = None
            # A warning, as all that an operator is to read.
            log.warning(
                "The policy file has no faults any more, and is in force: revision %i, %s",
                revision,
                self._path,
            )

    def _changed_at(self) -> datetime:
        """Return when the file became what it is, which may be long before this Hub started."""
        try:
            return datetime.fromtimestamp(self._path.stat().st_ctime, UTC)
        except OSError:
            return datetime.now(UTC)
