"""Heads of the audit that this Hub has seen, and their copy in its log.

The Hub's log usually leaves the machine: anyone who can write the database can rewrite a whole
chain, and only a head that was noted elsewhere shows it.
"""

import time
from logging import Logger
from typing import Final

from jupyterhub_platform.hub.metrics import platform_metrics
from jupyterhub_platform.usecases.audit_verification import Head, say_head

LOG_SECONDS: Final = 3600.0
"""The interval at which the head is logged, if it has changed."""

MAX_SEEN: Final = 1000
"""Heads kept while the record is not intact: one a minute, for most of a day."""


class AuditHeads:
    """Remembers heads, and logs the last one regularly. Belongs to the Hub's loop."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        # Heads seen since the chain last led to all of them. A rewritten chain does not, and is
        # reported until the Hub ends: the log has the heads after that.
        self.seen: list[Head] = []
        self.last: Head | None = None
        self._logged: Head | None = None
        self._log_again = 0.0

    def see(self, head: Head | None) -> None:
        """Remember a head. Earlier ones are kept, since a truncated chain does not reach them."""
        if head is None:
            return
        if head not in self.seen[-1:] and len(self.seen) < MAX_SEEN:
            self.seen.append(head)
        if self.last is None or head.seq >= self.last.seq:
            self.last = head
            platform_metrics.AUDIT_SEQUENCE.set(head.seq)

    def forget_all_but_last_of(self, known: int) -> None:
        """Forget heads that are proven by a chain which leads to the last of the ``known`` ones."""
        self.seen = self.seen[known - 1 :]

    def log_when_due(self, head: Head | None) -> None:
        """Log a head if it has changed, once an hour."""
        if time.monotonic() >= self._log_again and head != self._logged:
            self.log(head)

    def log(self, head: Head | None) -> None:
        """Log a head, and have the metrics name it."""
        self.see(head)
        if head is None:
            return
        self._log.info(say_head(head))
        platform_metrics.report_head(*head)
        self._logged, self._log_again = head, time.monotonic() + LOG_SECONDS
