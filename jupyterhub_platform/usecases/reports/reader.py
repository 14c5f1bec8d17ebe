"""Reads the store for reports: read-only, complete, and as of one moment.

The Hub alone writes. A reader compiles each policy revision once, and adds up open reservations
in a book of its own, so that every report asks the same rules as admission does.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeVar

from jupyterhub_platform.core.branding import name_of_pages
from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.core.local_accounts import why_no_password
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.store import (
    access_requests,
    credentials,
    decision_log,
    suspensions,
)
from jupyterhub_platform.store.decision_log import DecisionRecord
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.reports.compiled import Compiled, Derived, PolicyCompiler
from jupyterhub_platform.usecases.reports.invites import say_invite
from jupyterhub_platform.usecases.reports.kept_book import KeptBook
from jupyterhub_platform.usecases.reports.kept_runs import KeptRuns
from jupyterhub_platform.usecases.snapshot import Snapshot

_Made = TypeVar("_Made")

MAX_DENIALS: Final = 200
"""How many of the last denials a report looks at."""

RETRY_SECONDS: Final = 1.0
"""How long a store that could not be opened is left alone."""

PATIENCE_SECONDS: Final = 2.0
"""How long a new file is waited for, since it began to be compiled."""


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """Policy and reservations, as of one moment ``at``.

    ``source`` is where the revision was read from, ``applied_at`` since when it is in force.
    ``asked`` are account and user of each open request for access.
    """

    snapshot: Snapshot
    source: str
    applied_at: datetime
    book: Book
    at: datetime
    asked: tuple[tuple[str, str], ...] = ()
    derived: Derived = field(default_factory=Derived, repr=False, compare=False)

    def derive(self, make: Callable[[Policy], _Made]) -> _Made:
        """Return what ``make`` makes of the policy, made once for each revision of it."""
        return self.derived.get(self.policy, make)

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.snapshot.policy

    @property
    def revision(self) -> int:
        """The number of its revision."""
        return self.snapshot.revision

    def suspension_of(self, name: str) -> Suspension | None:
        """Return what keeps ``name`` out now."""
        return self.snapshot.suspension_of(name, self.at)


def _now() -> datetime:
    return datetime.now(UTC)


class StoreReader:
    """Reads the store at a URL, which need not be there yet. Safe to use from several threads.

    Every method may block for as long as the store takes: call them in a thread.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], datetime] = _now,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._url = url
        self._clock = clock
        self._compiler = PolicyCompiler(clock, patience)
        self._book = KeptBook()
        self.runs = KeptRuns()
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._failed: tuple[float, StoreError] | None = None

    def read(self) -> ReportFacts:
        """Return the newest policy and everything that is held.

        Raises
        ------
        StoreError
            Raised if the store does not answer, is not there, or holds no policy yet.
        PolicyError
            Raised if this code cannot read the policy that another version of it recorded.
        """
        compiled: Compiled | None = None
        while compiled is None:
            at = self._clock()
            with self._opened().read() as transaction:
                newest = self._compiler.read(transaction)
                book = self._book.read(transaction)
                suspended = suspensions.list_suspensions(transaction)
                asked = access_requests.list_open_askers(transaction)
            compiled = self._compiler.compile(newest)
            is_behind = compiled.number < newest.number
            if is_behind and compiled.revision.digest == newest.revision.digest:
                # An object was changed while the file was compiled.
                compiled = None
        return ReportFacts(
            Snapshot(compiled.policy, compiled.number, suspended, compiled.sources),
            compiled.revision.source,
            compiled.revision.at,
            book,
            at,
            tuple(asked),
            compiled.derived,
        )

    @property
    def site_name(self) -> str:
        """What the policy that was read last calls the platform; empty if nothing was read yet."""
        last = self._compiler.last
        return name_of_pages(last.policy.name) if last else ""

    def may_have_password(self, name: str) -> bool:
        """Tell whether the policy that was read last lets a user log in with a password."""
        last = self._compiler.last
        return last is not None and not why_no_password(last.policy, name)

    def list_decisions(
        self,
        *,
        user: str | None = None,
        accounts: frozenset[str] | None = None,
        admitted: bool | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> tuple[DecisionRecord, ...]:
        """Return decisions, newest first: of one user, or charged to one of some accounts.

        Raises
        ------
        NotFoundError
            Raised if there is no decision ``before``.
        StoreError
            Raised if the store does not answer.
        """
        found: list[DecisionRecord] = []
        with self._opened().read() as transaction:
            for account in [None] if accounts is None else sorted(accounts):
                found += decision_log.list_decisions(
                    transaction,
                    user=user,
                    account=account,
                    admitted=admitted,
                    limit=limit,
                    before=before,
                )
        found.sort(key=lambda record: (record.at, record.id), reverse=True)
        return tuple(found[:limit])

    def get_decision(self, decision_id: str) -> DecisionRecord | None:
        """Return one decision.

        Raises
        ------
        StoreError
            Raised if the store does not answer.
        """
        with self._opened().read() as transaction:
            return decision_log.get_decision(transaction, decision_id)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give a transaction, for a report that reads more than fits into the facts.

        Raises
        ------
        StoreError
            Raised if the store does not answer.
        """
        with self._opened().read() as transaction:
            yield transaction

    def say_invite(self, name: str) -> str:
        """Return what a user is to know of invites that concern their password; mostly nothing.

        Raises
        ------
        StoreError
            Raised if the store does not answer.
        """
        with self._opened().read() as transaction:
            found = credentials.get_credentials(transaction, name)
        return say_invite(found, self._clock())

    def open_store(self) -> Store:
        """Return the store, for reports of what only rows say; open it first if it is not.

        Raises
        ------
        StoreError
            Raised if it cannot be opened.
        """
        return self._opened()

    def close(self) -> None:
        """Let go of the store."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _opened(self) -> Store:
        if not self._url:
            raise StoreError("no store is named; set PLATFORM_DB_URL")
        with self._lock:
            if self._store is None:
                self._store = self._open()
            return self._store

    def _open(self) -> Store:
        # After a failed try the next caller does not wait: the store is tried again a little later.
        if self._failed is not None and time.monotonic() < self._failed[0] + RETRY_SECONDS:
            raise self._failed[1]
        try:
            store = Store.open(self._url, read_only=True)
        except StoreError as error:
            self._failed = (time.monotonic(), error)
            raise
        self._failed = None
        return store
