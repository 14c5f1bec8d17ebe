"""The newest revision of the policy, compiled once, and what reports make of it.

A new file with very many people takes seconds. It is compiled in a thread of its own, once for all
who ask; after a moment they are answered from the revision before, until it is done.
"""

import gc
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from jupyterhub_platform.core.claimed_people import ClaimedLogin
from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.core.managed import Key, ManagedObject, Sources
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.documents import parse_revision
from jupyterhub_platform.store import claimed_people, managed, policies
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.managed import ManagedRevision
from jupyterhub_platform.store.policies import Revision
from jupyterhub_platform.usecases.reports.memory import return_memory
from jupyterhub_platform.usecases.sources import unite

_Made = TypeVar("_Made")


class Derived:
    """What reports make of a policy: once for each revision, by the first who needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[object, Any] = {}

    def get(self, policy: Policy, make: Callable[[Policy], _Made]) -> _Made:
        """Return what ``make`` makes of the policy."""
        with self._lock:
            if make not in self._made:
                self._made[make] = make(policy)
            made: _Made = self._made[make]
            return made


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled policy: the revision of its file, and the ``number`` of the newest of all.

    ``login`` is the number of the last login by a provider that it knows.
    """

    revision: Revision
    number: int
    login: int
    sources: Sources
    policy: Policy
    derived: Derived = field(default_factory=Derived)


@dataclass(frozen=True, slots=True)
class Newest:
    """What the store says of the policy: its file, and of managed objects all, or what changed.

    ``changes`` are of what was compiled before, oldest first. ``logins`` are all by providers, or
    those that changed, and ``forgotten`` names that were given free.
    """

    revision: Revision
    number: int
    login: int
    objects: Mapping[Key, ManagedObject] | None = None
    changes: tuple[ManagedRevision, ...] = ()
    logins: Sequence[ClaimedLogin] = ()
    forgotten: Sequence[str] = ()


class PolicyCompiler:
    """Compiles what the store says. Safe to use from several threads.

    ``patience`` is for how many seconds a new file is waited for, since it began to be compiled.
    """

    def __init__(self, clock: Callable[[], datetime], patience: float) -> None:
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._file: Revision | None = None
        self._began = 0.0
        self._done: Future[Compiled] = Future()
        self.last: Compiled | None = None

    def read(self, tx: Transaction) -> Newest:
        """Read the newest revision, as far as it is not compiled already.

        Raises
        ------
        StoreUnreachableError
            Raised if there is none yet.
        """
        key, last = policies.latest_key(tx), self.last
        if last is not None and key == (last.revision.number, last.revision.digest):
            revision: Revision | None = last.revision
        else:
            revision = policies.latest_revision(tx)
        if revision is None:
            raise StoreUnreachableError(
                "the store holds no policy yet; the Hub enters one when it starts"
            )
        number, login = policies.latest_number(tx), claimed_people.latest_change(tx)
        if last is None or last.revision.digest != revision.digest:
            objects, logins = managed.list_objects(tx), claimed_people.list_logins(tx)
            return Newest(revision, number, login, objects, logins=logins)
        newest = Newest(revision, number, login)
        if last.number != number:
            changes = managed.list_revisions(tx, since=last.number, limit=None)
            newest = replace(newest, changes=tuple(reversed(changes)))
        if last.login != login:
            logins, forgotten = claimed_people.list_changes(tx, last.login)
            newest = replace(newest, logins=logins, forgotten=forgotten)
        return newest

    def compile(self, newest: Newest) -> Compiled:
        """Return the newest revision, or the one before while a file takes long.

        Raises
        ------
        PolicyError
            Raised if this code cannot read the policy that another version of it recorded.
        """
        compiled = self._follow(newest)
        # A grant of a level may have begun or ended since.
        policy = compiled.policy.with_levels(self._clock())
        if policy is compiled.policy:
            return compiled
        lent = replace(compiled, policy=policy, derived=Derived())
        with self._lock:
            if self.last is compiled:
                self.last = lent
        return lent

    def _follow(self, newest: Newest) -> Compiled:
        last = self.last
        if newest.objects is not None or last is None:
            return self._compile_file(newest, last)
        if (newest.number, newest.login) == (last.number, last.login):
            return last
        sources, policy = last.sources, last.policy
        for each in newest.changes:
            sources, policy = sources.change(policy, each.key, each.after, each.actor, each.at)
        now = self._clock()
        for name in newest.forgotten:
            sources, policy = sources.forget(policy, name, now)
        for login in newest.logins:
            sources, policy = sources.log_in(policy, login, now)
        revision = _strip(newest.revision)
        changed = Compiled(revision, newest.number, newest.login, sources, policy)
        with self._lock:
            if self.last is last:
                self.last = changed
        return changed

    def _compile_file(self, newest: Newest, last: Compiled | None) -> Compiled:
        with self._lock:
            if self._file != _strip(newest.revision):
                self._file, self._began = _strip(newest.revision), time.monotonic()
                self._done = Future()
                arguments = newest, self._done
                threading.Thread(target=self._run, args=arguments, daemon=True).start()
            done, until = self._done, self._began + self._patience
        if last is None:
            return done.result()
        try:
            return done.result(max(0.0, until - time.monotonic()))
        except TimeoutError:
            return last

    def _run(self, newest: Newest, done: Future[Compiled]) -> None:
        try:
            compiled = self._make(newest)
            with self._lock:
                if self._done is done:
                    self.last = compiled
            done.set_result(compiled)
        except BaseException as error:  # noqa: BLE001 - every caller that waits is told
            with self._lock:
                # Tried anew by the next who asks.
                if self._done is done:
                    self._file = None
            done.set_exception(error)
        # A look of the collector at a million objects takes half a second of some request.
        gc.freeze()
        return_memory()

    def _make(self, newest: Newest) -> Compiled:
        revision = newest.revision
        read = parse_revision(revision.document_json, Path(revision.source).name)
        objects, now = newest.objects or {}, self._clock()
        sources, policy = unite(read, objects, newest.logins, now)
        return Compiled(_strip(revision), newest.number, newest.login, sources, policy)


def _strip(revision: Revision) -> Revision:
    """Return a revision without its text, which is large."""
    return replace(revision, document_json="")
