"""Stops the servers of users whom no rule lets in any more."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from jupyterhub import orm

from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.times import describe_duration
from jupyterhub_platform.hub.servers.inventory import list_active, stop_server

REASON = "not_let_in"


class Leavers:
    """Looks regularly for users who are not let in any more. Belongs to the Hub's loop.

    Nobody can reach their servers, and nobody would end them. They go on for a while: a rule that
    was written wrongly, and corrected, costs no work. How long a user is gone counts from when this
    Hub noticed.
    """

    def __init__(
        self,
        app: Any,
        book: Iterable[Reservation],
        get_policy: Callable[[], Policy],
        stays: timedelta,
    ) -> None:
        self._app = app
        self._book = book
        self._get_policy = get_policy
        self._stays = stays
        self._gone_since: dict[str, datetime] = {}

    async def stop_servers(self) -> None:
        """Stop what runs of each user who is gone for long enough."""
        now = datetime.now(UTC)
        gone = self._find_gone(now)
        for name in gone - self._gone_since.keys():
            self._app.log.warning(
                "No rule lets %s in any more: their servers are stopped in %s, unless one does",
                name,
                describe_duration(self._stays),
            )
        self._gone_since = {name: self._gone_since.get(name, now) for name in gone}
        for name, since in sorted(self._gone_since.items()):
            if now - since >= self._stays:
                await self._stop_all(name)

    def _find_gone(self, now: datetime) -> frozenset[str]:
        """Return who holds something, and was let in by a rule alone, which does not any more.

        Servers of users whom the file had are left to those who wrote it.
        """
        policy = self._get_policy()
        found = set()
        for name in {held.user for held in self._book if not held.pod}:
            person = policy.people.get(name)
            if person is not None and person.claimed is not None and not person.is_let_in(now):
                found.add(name)
        return frozenset(found)

    async def _stop_all(self, name: str) -> None:
        row = orm.User.find(self._app.db, name)
        if row is None:
            return
        user = self._app.users[row]
        for server in list_active(user):
            self._app.log.warning(
                "%s/%s is stopped: no rule lets %s in", name, server or "default", name
            )
            try:
                await stop_server(self._app, user, server, reason=REASON)
            except Exception:
                self._app.log.exception("%s/%s could not be stopped", name, server or "default")
