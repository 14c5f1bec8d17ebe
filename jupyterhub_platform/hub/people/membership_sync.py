"""Keeps the Hub's users and groups in line with the policy, and tries again until they are.

What counts is whether the policy in force is the one that was settled last. How it came into force
does not matter, nor what failed then: the store, the Hub's database, or the Hub itself.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.core.memberships import settle_memberships
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.people.memberships import (
    apply_memberships,
    apply_to_fed,
    apply_to_moved,
    settle_person,
)

T = TypeVar("T")

LOOK_SECONDS: Final = 1.0
"""The interval at which it is checked whether something is left to settle."""

FIRST_WAIT_SECONDS: Final = 1.0
MAX_WAIT_SECONDS: Final = 60.0
"""Seconds from a failure to the next try: they double with each failure, up to the longest."""


class MembershipSync:
    """Settles memberships, and repeats what failed. Belongs to the Hub's loop.

    Nothing is raised when many are settled, since that follows a change that is in force already.
    ``fault`` says why the last try failed, and ``since`` when the first did. With ``levels_only``
    groups without a level are left as the Hub has them.
    """

    def __init__(
        self,
        app: Any,
        runtime: Runtime,
        *,
        levels_only: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._runtime = runtime
        self._levels_only = levels_only
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._settled: Policy | None = None
        self._moving = 0
        self._wait = FIRST_WAIT_SECONDS
        self._next_try = 0.0
        self.fault = ""
        self.since: datetime | None = None

    @property
    def _in_force(self) -> Policy:
        return self._runtime.in_force.snapshot.policy

    @property
    def is_settled(self) -> bool:
        """Whether users and groups are in line with the policy in force."""
        return self._settled is self._in_force

    async def settle(self) -> None:
        """Settle all users, and again if the policy changes meanwhile."""
        async with self._one_at_a_time:
            settled = await self._try(self._settle_until_in_force())
            if settled is not None:
                self._settled = settled
                self._note_success()

    async def _settle_until_in_force(self) -> Policy:
        while True:
            settled = self._in_force
            await self._settle_all(settled)
            await self._feed(self._settled)
            if settled is self._in_force:
                return settled

    async def _settle_all(self, policy: Policy) -> None:
        in_force = self._runtime.in_force
        declared = in_force.snapshot.sources.declared
        await apply_memberships(
            self._app,
            policy,
            self._runtime.policies,
            # A managed change settles those who moved by itself; another file moves any user.
            lambda: in_force.snapshot.sources.declared is declared,
            levels_only=self._levels_only,
        )

    async def settle_moved(self, before: Policy) -> frozenset[str]:
        """Settle those whose level or groups differ from an earlier policy; return their names.

        If that fails, all users are settled later, since it is not known how far it went.
        """
        after = self._in_force
        self._moving += 1
        try:
            moved = await self._try(self._apply_to_moved(before))
        finally:
            self._moving -= 1
        if moved is not None and self._settled is before:
            self._settled = after
        return moved or frozenset()

    async def _apply_to_moved(self, before: Policy) -> frozenset[str]:
        moved = await apply_to_moved(
            self._app,
            before,
            self._runtime.in_force,
            self._runtime.policies,
            levels_only=self._levels_only,
        )
        await self._feed(before)
        return moved

    async def _feed(self, before: Policy | None) -> None:
        """Settle those whom providers' groups put into others than by the policy ``before``."""
        if before is not None and not self._levels_only:
            added_of = self._runtime.added_memberships.of_user
            await apply_to_fed(self._app, before, self._runtime.in_force, added_of)

    def groups_of(self, name: str, current: Iterable[str]) -> list[str]:
        """Return the groups that a user who is in ``current`` belongs in, sorted."""
        groups = settle_memberships(
            self._in_force, name, frozenset(current), frozenset(), levels_only=self._levels_only
        )
        return sorted(groups)

    def settle_user(self, user: Any) -> None:
        """Bring the Hub's database in line with what the policy declares of one user."""
        policy = self._in_force
        groups = sorted(group.name for group in user.groups)
        is_settled = groups == self.groups_of(user.name, groups)
        if is_settled and (user.name in policy.admins()) == bool(user.admin):
            return  # nothing is written where nothing has changed
        database = self._app.db
        settle_person(database, policy, user.name, frozenset(), levels_only=self._levels_only)
        database.commit()

    async def sync_if_due(self) -> None:
        """Settle what is not settled, unless that is under way or failed a moment ago."""
        if self.is_settled or self._moving or self._one_at_a_time.locked():
            return
        if self._runtime.health.reason or self._clock() < self._next_try:
            return
        await self.settle()

    def to_json(self) -> dict[str, Any]:
        """Render the state, for the health of the platform."""
        since = self.since and self.since.isoformat()
        return {"settled": self.is_settled, "fault": self.fault, "since": since}

    async def _try(self, work: Awaitable[T]) -> T | None:
        """Return what the work returns, ``None`` if it failed."""
        try:
            return await work
        except StoreError as error:
            # What it refuses of memberships says nothing of the rows of starts.
            if type(error) is not StoreError:
                self._runtime.health.mark_down(error)
            self._app.log.warning("Memberships are not settled yet, and tried again: %s", error)
            self._note_failure(error)
        except Exception as error:
            self._app.log.exception("Memberships are not settled yet, and tried again")
            self._app.db.rollback()
            self._note_failure(error)
        return None

    def _note_failure(self, error: Exception) -> None:
        self._settled = None  # it is not known how far it went
        self.fault = str(error) or type(error).__name__
        self.since = self.since or datetime.now(UTC)
        self._next_try = self._clock() + self._wait
        self._wait = min(2 * self._wait, MAX_WAIT_SECONDS)

    def _note_success(self) -> None:
        if self.fault:
            self._app.log.warning("Memberships are settled: users and groups follow the policy.")
        self.fault, self.since = "", None
        self._wait, self._next_try = FIRST_WAIT_SECONDS, 0.0
