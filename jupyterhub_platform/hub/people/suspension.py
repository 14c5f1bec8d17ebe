"""Enforces suspensions in the Hub: ends sessions, tokens, servers and shares; restores shares."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from jupyterhub import orm

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.core.suspensions import RevokedShare
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.people.hub_queries import end_access, find_ids, find_sharing
from jupyterhub_platform.hub.servers.inventory import list_active, stop_server
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.hub.upstream.auth_refresh import expire_auth
from jupyterhub_platform.hub.upstream.event_loop import Turn, wait_for_quiet_loop
from jupyterhub_platform.usecases.snapshot import Snapshot
from jupyterhub_platform.usecases.suspensions import EndExpiredSuspensions, Resume, Suspend

T = TypeVar("T")

USER_BATCH = 40
"""Suspended users who are looked at by the same statements, which takes a few milliseconds."""

_FOR_A_STOP_SECONDS = 0.25
"""How long the next user's servers wait at most, until the loop has begun to stop these."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What ended with a suspension: servers by name, and how many tokens and shares.

    ``still_open`` are other users' running servers that were shared with them, as ``OWNER/NAME``: a
    connection that was opened there before is not cut.
    """

    servers: tuple[str, ...] = ()
    tokens: int = 0
    shares: int = 0
    still_open: tuple[str, ...] = ()


class SuspensionEnforcer:
    """Suspends and resumes users, and enforces suspensions in the Hub. Belongs to its loop."""

    def __init__(self, app: Any, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime
        self._record = runtime.suspensions
        self._sharing = asyncio.Lock()
        self._settling = asyncio.Lock()
        # Users whose suspension is enforced in this Hub.
        self._enforced: set[str] = set()
        self._stopping: set[asyncio.Task[None]] = set()

    @property
    def _snapshot(self) -> Snapshot:
        return self._runtime.in_force.snapshot

    async def suspend(self, name: str, *, reason: str, until: datetime | None, by: str) -> Ended:
        """Suspend a user, at once and everywhere in this Hub.

        Raises
        ------
        SuspensionError
            Raised if that is refused.
        StoreUnreachableError
            Raised if it cannot be recorded; then nothing has changed.
        """
        await self._runtime.changes.apply(Suspend(name, reason, until, by))
        return await self._enforce(name)

    async def resume(self, name: str, *, reason: str, by: str) -> int:
        """Lift a suspension, and return how many shares were restored.

        Raises
        ------
        SuspensionError
            Raised if that is refused.
        StoreUnreachableError
            Raised if it cannot be recorded; then nothing has changed.
        """
        await self._runtime.changes.apply(Resume(name, reason, by))
        self._enforced.discard(name)
        return await self._give_back(name)

    async def settle(self) -> None:
        """Enforce what is in force now: after a start, a reload, or the end of a suspension."""
        async with self._settling:
            await self._settle_all()

    async def _settle_all(self) -> None:
        now, snapshot = datetime.now(UTC), self._snapshot
        # In a thread: with thousands of them it takes the loop several milliseconds.
        suspended, has_ended = await in_store_thread(_read_suspended, snapshot, now)
        self._enforced.intersection_update(suspended)
        # Keeping people out comes first: most of it needs no store, and all but that is retried.
        new = sorted(suspended - self._enforced)
        out = await self._end_access_of(new)
        turn = Turn()
        for name in await self._enforce_simple([each for each in new if each in out], turn):
            await turn.yield_if_due()
            await self._settle_one(partial(self._enforce, has_access=False), name)
        for name in (each for each in new if each not in out):
            await turn.yield_if_due()
            await self._settle_one(self._enforce, name)
        try:
            if has_ended:
                await self._runtime.changes.apply(EndExpiredSuspensions())
            kept = await in_store_thread(self._record.list_shares)
            ready = (share for share in kept if share.people.isdisjoint(suspended))
            for name in sorted({share.suspended for share in ready}):
                await self._settle_one(self._give_back, name)
        except StoreError as error:
            self._runtime.health.mark_down(error)

    async def _end_access_of(self, names: Sequence[str]) -> frozenset[str]:
        """First end sessions and tokens of all in few commits; return the names that succeeded."""
        database, turn = self._app.db, Turn()
        try:
            for first in range(0, len(names), USER_BATCH):
                ids = find_ids(database, names[first : first + USER_BATCH])
                end_access(database, list(ids.values()))
                await turn.yield_if_due()
        except Exception:
            # One by one, so that one of them delays no other.
            self._app.log.exception("Sessions and tokens of suspended users end one by one")
            database.rollback()
            return frozenset()
        return frozenset(names)

    async def _enforce_simple(self, names: Sequence[str], turn: Turn) -> list[str]:
        """Enforce suspensions of users without sessions and shares; return the other names.

        By ids: with a user, the Hub loads all groups and shares of theirs.
        """
        others: list[str] = []
        for first in range(0, len(names), USER_BATCH):
            some = names[first : first + USER_BATCH]
            try:
                ids = find_ids(self._app.db, some)
                sharing = find_sharing(self._app.db, list(ids.values()))
            except Exception:
                self._app.log.exception("Suspensions are enforced one by one")
                self._app.db.rollback()
                others += some
                continue
            for name in some:
                if ids.get(name) in sharing:
                    others.append(name)
                    continue
                if name in ids and self._stop_servers(ids[name]):
                    # All at once, they would hold the loop.
                    await wait_for_quiet_loop(_FOR_A_STOP_SECONDS)
                self._note_enforced(name)
            await turn.yield_if_due()
        return others

    def _note_enforced(self, name: str) -> None:
        self._enforced.add(name)
        self._app.log.warning("%s is suspended: logged out, their servers stop", name)

    async def _settle_one(self, settle: Callable[[str], Awaitable[object]], name: str) -> None:
        """Settle one user's suspension; failures are retried, and do not delay other users'."""
        try:
            await settle(name)
        except StoreError as error:
            self._runtime.health.mark_down(error)
        except Exception:
            self._app.db.rollback()
            self._app.log.exception("What a suspension of %s changes is not settled", name)

    async def _enforce(self, name: str, *, has_access: bool = True) -> Ended:
        """End a user's access; what needs the store comes last, and is retried.

        Once is enough: a suspended user gets no session, and none of their starts is admitted.
        """
        database = self._app.db
        orm_user = orm.User.find(database, name)
        if orm_user is None:
            self._enforced.add(name)
            return Ended()
        tokens = end_access(database, [orm_user.id]) if has_access else 0
        servers = self._stop_servers(orm_user.id)
        still_open = list_visited(database, orm_user)
        shares = await self._revoke_shares(name, orm_user)
        self._note_enforced(name)
        return Ended(servers, tokens, shares, still_open)

    def _stop_servers(self, user_id: int) -> tuple[str, ...]:
        if user_id not in self._app.users:
            return ()
        user = self._app.users[user_id]
        # Their next request checks the user again, however recent the last check is.
        expire_auth(user)
        names = list_active(user)
        for name in names:
            task = asyncio.ensure_future(self._stop(user, name))
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)
        return tuple(names)

    async def _stop(self, user: Any, name: str) -> None:
        try:
            await stop_server(self._app, user, name, reason="suspended", at_once=True)
        except Exception:
            self._app.log.exception("A server of %s, who is suspended, still runs", user.name)
            self._enforced.discard(user.name)

    async def _revoke_shares(self, name: str, orm_user: Any) -> int:
        async with self._sharing:
            shares = find_shares(self._app.db, orm_user)
            if shares:
                now = datetime.now(UTC)
                kept = [make_revoked_share(share, name, now) for share in shares]
                await in_store_thread(self._record.keep_shares, kept)
                for share in shares:
                    self._app.db.delete(share)
                self._app.db.commit()
            return len(shares)

    async def _give_back(self, name: str) -> int:
        """Restore the shares that wait for ``name`` and for no other suspended user."""
        given = 0
        async with self._sharing:
            for share in await in_store_thread(self._record.list_shares):
                if name in share.people and not any(map(self._is_out, share.people)):
                    given += give_share(self._app.db, share)
                    await in_store_thread(self._record.forget_shares, [share])
        return given

    def _is_out(self, name: str) -> bool:
        return self._snapshot.suspension_of(name, datetime.now(UTC)) is not None


def _read_suspended(snapshot: Snapshot, now: datetime) -> tuple[frozenset[str], bool]:
    """Return who is suspended, and whether the end of any suspension has come."""
    suspended = frozenset(snapshot.policy.list_suspended(snapshot.suspensions, now))
    return suspended, not all(each.holds(now) for each in snapshot.suspensions.values())


def find_shares(database: Any, orm_user: Any) -> list[Any]:
    """Return the shares that a user gave, and those that were given to them alone."""
    query = database.query(orm.Share)
    return [*query.filter_by(owner_id=orm_user.id), *query.filter_by(user_id=orm_user.id)]


def list_visited(database: Any, orm_user: Any) -> tuple[str, ...]:
    """Name other users' running servers that are shared with a user, alone or through a group."""
    spawners = {share.spawner for share in orm_user.all_shared_with_me}
    running = (s for s in spawners if s.server is not None and s.user is not orm_user)
    return tuple(sorted(f"{spawner.user.name}/{spawner.name}" for spawner in running))


def make_revoked_share(share: Any, suspended: str, now: datetime) -> RevokedShare:
    """Describe a share that ends now with a suspension."""
    with_whom = share.user or share.group
    return RevokedShare(
        suspended,
        share.owner.name,
        share.spawner.name,
        with_whom.kind,
        with_whom.name,
        " ".join(share.scopes),
        share.owner.id,
        share.spawner.id,
        with_whom.id,
        now,
    )


def give_share(database: Any, share: RevokedShare) -> bool:
    """Share a server again as before; ``False`` if the server or the recipient is gone."""
    owner = orm.User.find(database, share.owner)
    spawner = owner and owner.orm_spawners.get(share.server)
    kind = orm.Group if share.kind == "group" else orm.User
    shared_with = kind.find(database, share.shared_with)
    if not spawner or not shared_with:
        return False
    ids = (owner.id, spawner.id, shared_with.id)
    if ids != (share.owner_id, share.spawner_id, share.shared_with_id):
        return False
    # SQLite reuses the last id once it is free: only the time distinguishes those.
    users = [party for party in (owner, shared_with) if party.kind == "user"]
    if any(user.created.replace(tzinfo=UTC) > share.at for user in users):
        return False
    orm.Share.grant(database, spawner, shared_with, share.scopes.split())
    return True
