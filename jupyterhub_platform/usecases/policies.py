"""Puts a policy into force: from its file, recorded as a revision, or the last good one."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from jupyterhub_platform.core.document.faults import join
from jupyterhub_platform.core.errors import Fault, Place, PolicyError
from jupyterhub_platform.core.managed import Sources
from jupyterhub_platform.core.memberships import share_sets
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.core.typed_names import render_command
from jupyterhub_platform.documents import ReadPolicy, parse_revision
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.store import audit, claimed_people, managed, policies, suspensions
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.changes import Record, record
from jupyterhub_platform.usecases.snapshot import NOTHING, Snapshot, find_lockout
from jupyterhub_platform.usecases.sources import list_logins, unite

log = logging.getLogger(__name__)

PAIR_BATCH = 200
USER_BATCH = 500
"""Memberships that are remembered in one transaction, which takes a few milliseconds."""


def _now() -> datetime:
    return datetime.now(UTC)


def read_file(files: PolicyFiles) -> ReadPolicy:
    """Read the policy; a file that cannot be read, as while it is replaced, has that as fault."""
    with _readable(files.path):
        return files.read()


def read_digest(files: PolicyFiles, known: str | None) -> str:
    """Return the digest of the files; ``known`` is that of bytes that have no faults.

    Raises
    ------
    PolicyError
        Raised if they have faults.
    """
    with _readable(files.path):
        return files.read_digest(known)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"it cannot be read ({error.strerror or error})"
        fault = Fault((), what, "put it back, readable for the Hub", file=str(path))
        raise PolicyError((fault,)) from error


@dataclass(frozen=True, slots=True)
class PublishPolicy:
    """Puts the file into force; the same content as the newest revision keeps its number.

    Attributes
    ----------
    locked_out
        Whether all admins may be suspended: a Hub that did not start for that could not be asked to
        resume one.
    """

    files: PolicyFiles
    actor: str
    store: Store
    locked_out: bool = False

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Read the file, and unite it with what is managed and claimed.

        Raises
        ------
        PolicyError
            Raised if it has faults, does not fit to what is managed, or if each admin that it
            declares is suspended; nothing is recorded and the policy in force stays.
        """
        read, path = read_file(self.files), self.files.path
        sources, policy = unite(read, snapshot.sources.managed, list_logins(self.store), now)
        if not self.locked_out:
            check_admins(policy, snapshot.suspensions, path, now)
        after = replace(snapshot, policy=policy, sources=sources)
        return partial(record_file, read=read, after=after, path=path, actor=self.actor, now=now)


def record_file(
    transaction: Transaction,
    read: ReadPolicy,
    after: Snapshot,
    path: Path,
    actor: str,
    now: datetime,
) -> Snapshot:
    """Record what the file says as a revision, unless it is the newest one of the file already."""
    before = policies.latest_number(transaction)
    number = policies.record_revision(
        transaction,
        document_json=read.text,
        digest=read.digest,
        source=str(path),
        actor=actor,
        at=now,
    )
    if number != before:
        audit.append(
            transaction,
            at=now,
            actor=actor,
            action="policy.published",
            subject=f"revision {number}",
            detail={
                "file": str(path),
                "digest": read.digest,
                "before": {"revision": before},
                "after": {"revision": number},
            },
        )
    return replace(after, revision=number)


class Policies:
    """Revisions of the policy, and which memberships it put into the Hub."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = _now) -> None:
        self._store = store
        self._clock = clock

    def publish(self, files: PolicyFiles, *, actor: str, locked_out: bool = False) -> Snapshot:
        """Put the file into force before anything is served; see :class:`PublishPolicy`."""
        with self._store.read() as transaction:
            objects = managed.list_objects(transaction)
            suspended = suspensions.list_suspensions(transaction)
        kept = replace(NOTHING, suspensions=suspended, sources=Sources({}, objects))
        change = PublishPolicy(files, actor, self._store, locked_out=locked_out)
        return record(self._store, change, kept, self._clock())

    def publish_or_last_good(
        self, files: PolicyFiles, *, actor: str
    ) -> tuple[Snapshot, PolicyError | None]:
        """Read the file, or fall back to the newest revision and return what was wrong beside it.

        Raises
        ------
        PolicyError
            Raised if the file has faults and there is no revision to fall back to.
        """
        try:
            return self.publish(files, actor=actor, locked_out=True), None
        except PolicyError as error:
            try:
                last = self.last_good()
            except PolicyError:
                # Written for another version: only the file can be corrected.
                last = None
            if last is None:
                raise
            return last, error

    def in_force_digest(self) -> str | None:
        """Return the digest of the newest revision; ``None`` if none was ever in force."""
        with self._store.read() as transaction:
            newest = policies.latest_key(transaction)
        return newest[1] if newest else None

    def last_good(self) -> Snapshot | None:
        """Return the newest revision, compiled; ``None`` if none was ever in force."""
        with self._store.read() as transaction:
            newest = policies.latest_revision(transaction)
            number = policies.latest_number(transaction)
            objects = managed.list_objects(transaction)
            suspended = suspensions.list_suspensions(transaction)
            logins = claimed_people.list_logins(transaction)
        if newest is None:
            return None
        read = parse_revision(newest.document_json, Path(newest.source).name)
        sources, policy = unite(read, objects, logins, self._clock())
        return Snapshot(policy, number, suspended, sources)

    def list_applied(self) -> dict[str, frozenset[str]]:
        """Return the memberships that a policy put into the Hub, by user."""
        with self._store.read() as transaction:
            pairs = policies.list_applied_memberships(transaction)
        groups: dict[str, set[str]] = {}
        for user, group in pairs:
            groups.setdefault(user, set()).add(group)
        return share_sets((user, frozenset(names)) for user, names in groups.items())

    def change_applied(
        self, before: Mapping[str, frozenset[str]], after: Mapping[str, frozenset[str]]
    ) -> None:
        """Remember for some users that the policy put them into other groups than before."""
        users = iter({**dict.fromkeys(before), **dict.fromkeys(after)})
        # Some at a time: no other thread runs while all of them are sorted, say.
        while some := list(islice(users, USER_BATCH)):
            was = {(user, group) for user in some for group in before.get(user, ())}
            now = {(user, group) for user in some for group in after.get(user, ())}
            with self._store.read() as transaction:
                present = policies.list_applied_memberships(transaction, some)
            self._change_applied(now - present, (was - now) & present)

    def _change_applied(
        self, added: Collection[tuple[str, str]], dropped: Collection[tuple[str, str]]
    ) -> None:
        """Write in several transactions: a concurrent start waits for only one of them."""
        for change, pairs in (
            (policies.add_applied_memberships, sorted(added)),
            (policies.drop_applied_memberships, sorted(dropped)),
        ):
            for first in range(0, len(pairs), PAIR_BATCH):
                with self._store.begin() as transaction:
                    change(transaction, pairs[first : first + PAIR_BATCH])


def say_locked_out(snapshot: Snapshot, now: datetime, path: Path) -> str:
    """Say that every admin is suspended, and how that ends; empty if one is not."""
    policy, admins = snapshot.policy, snapshot.policy.admins()
    if policy.admins_let_in(snapshot.suspensions, now):
        return ""
    return (
        f"Every admin is suspended ({join(admins)}): no user can govern this platform. Let one in "
        f"again with {render_command('jhp resume', admins[0])}, or declare another admin in {path}."
    )


def check_admins(
    policy: Policy, suspended: Mapping[str, Suspension], path: Path, now: datetime
) -> None:
    """Refuse a policy all of whose admins are suspended, in the file or in the store."""
    fault = find_lockout(policy, suspended, now)
    if fault is not None:
        place = policy.lines.get(f"users.{fault.path[1]}") or policy.lines.get("users")
        raise PolicyError((fault.at(place or Place(str(path), 0)),))
