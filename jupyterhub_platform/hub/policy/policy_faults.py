"""Reports that the policy file has faults, while an older policy is in force, and their repair."""

import logging
from datetime import UTC, datetime

from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.policy_files import PolicyFiles

log = logging.getLogger(__name__)


class PolicyFaults:
    """Logs that the file has faults, and that it was repaired.

    ``since`` is when it was first broken, ``None`` while it is valid.
    """

    def __init__(self, files: PolicyFiles) -> None:
        self.since: datetime | None = None
        self._files = files

    def begin(self, error: PolicyError) -> None:
        """Note that the file has faults; called for each change of it."""
        self.since = self.since or self._changed_at()
        log.error("The last good policy stays in force. What is wrong with the file:\n%s", error)

    def end(self, revision: int) -> None:
        """Note that the file is in force, as ``revision``; reported only if it was broken."""
        if self.since is not None:
            self.since = None
            # A warning, like everything that an operator should read.
            log.warning(
                "The policy file has no faults any more, and is in force: revision %i, %s",
                revision,
                self._files.path,
            )

    def _changed_at(self) -> datetime:
        """Return the last change of a file, which may be long before this Hub started."""
        changed = self._files.read_time()
        return datetime.fromtimestamp(changed, UTC) if changed else datetime.now(UTC)
