"""Tracks whether the store answers, so that no start waits for it to time out."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from jupyterhub_platform.core.errors import (
    StoreError,
    StoreInUseError,
    StoreMismatchError,
    StoreSchemaError,
    StoreUnreachableError,
)
from jupyterhub_platform.store.store import Store

log = logging.getLogger(__name__)

_REPAIRED_BY_AN_OPERATOR: Final = (StoreInUseError, StoreMismatchError, StoreSchemaError)


class StoreHealth:
    """Marks the store down at its first failure, and up again when a probe succeeds.

    While it is down, :meth:`check` refuses at once, and what must not be lost (a release) waits in
    order in :attr:`_pending` and is entered before the store counts as up again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reason = ""
        self._needs_operator = False
        self._pending: deque[Callable[[], None]] = deque()
        self._one_retry = threading.Lock()

    @property
    def reason(self) -> str:
        """Why the store counts as down; empty while it is up."""
        return self._reason

    @property
    def waiting(self) -> int:
        """How many entries wait for the store."""
        return len(self._pending)

    def check(self) -> None:
        """Refuse at once while the store is down.

        Raises
        ------
        StoreUnreachableError
            Raised if it is.
        """
        if self._reason:
            raise StoreUnreachableError(self._reason)

    def mark_down(self, error: StoreError) -> None:
        """Note that the store did not answer, or is not the one that it should be.

        One statement that it refused for what it says is neither: others can still be recorded.
        """
        if isinstance(error, (StoreUnreachableError, *_REPAIRED_BY_AN_OPERATOR)):
            self._mark_down(error)
        else:
            log.error("The platform's store does answer, and refuses a change. %s", error)

    def _mark_down(self, error: StoreError) -> None:
        needs_operator = isinstance(error, _REPAIRED_BY_AN_OPERATOR)
        if needs_operator and not self._needs_operator:
            log.error(
                "The platform's store cannot be used: no start is admitted until an operator "
                "repairs it. %s",
                error,
            )
        elif not self._reason:
            log.error("The platform's store does not answer: no start is admitted. %s", error)
        self._needs_operator = needs_operator
        self._reason = str(error) or "the store does not answer"

    def enter(self, entry: Callable[[], None]) -> None:
        """Make ``entry`` now, or as soon as the store is back; in order, and never lost."""
        if not self._reason and not self._pending:
            try:
                entry()
            except StoreError as error:
                self._mark_down(error)
            else:
                return
        self._pending.append(entry)

    def retry(self) -> bool:
        """Probe the store if it is down, enter what waits, and tell whether it is up now.

        May run in a thread of its own: a slow probe does not block callers that enter or check.
        """
        if not self._reason and not self._pending:
            return True
        with self._one_retry:
            try:
                self._store.probe()
                while self._pending:
                    self._pending[0]()
                    self._pending.popleft()
            except StoreError as error:
                self._mark_down(error)
                return False
            if self._reason:
                log.warning("The platform's store answers again: starts are admitted.")
            self._reason, self._needs_operator = "", False
        return True
