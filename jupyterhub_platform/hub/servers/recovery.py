"""Recovers servers that the Hub has lost track of half-way, as after a restart.

JupyterHub (6.1) writes several times while a server starts or stops. If one of these writes fails,
it does not check the server again. Nor does it if a start yields to its interruption only after the
interrupting DELETE has stopped waiting. Such a server would run, or keep its reservation, for ever.
"""

import weakref
from collections.abc import Iterator
from typing import Any, Final

from jupyterhub_platform.hub.servers.inventory import stop_server
from jupyterhub_platform.hub.upstream.database_errors import (
    HubDatabaseError,
    explain_failed_identification,
    explain_failures,
)
from jupyterhub_platform.hub.upstream.event_loop import Turn
from jupyterhub_platform.hub.upstream.spawner_state import (
    is_awaited,
    is_polled,
    is_stopping,
    log_name,
    mark_stopping,
)
from jupyterhub_platform.usecases.book import Book

_ROUNDS: Final = 2
"""A server that is half-way in two rounds is not being worked on by the Hub."""


class ServerRecovery:
    """Finishes what the Hub could not finish, or has lost track of."""

    def __init__(self, app: Any, book: Book) -> None:
        self._app = app
        self._book = book
        self._rounds = 0
        self._unpolled: weakref.WeakSet[Any] = weakref.WeakSet()
        explain_failures(app.db.get_bind(), self._note_failure)
        explain_failed_identification()

    def _note_failure(self) -> None:
        self._rounds = _ROUNDS

    async def recover(self) -> None:
        """Check unpolled servers, and all servers if the database has failed since."""
        before, self._unpolled = self._unpolled, await self._find_unpolled()
        found = [each for each in self._unpolled if each in before]
        if self._rounds:
            self._rounds -= 1
            last = not self._rounds
            if not self._app.db.is_active:
                # A failed write outside a request: nothing else rolls the session back.
                self._app.db.rollback()
            found = [each for each in self._list_all() if not _is_in_progress(each, last=last)]
        for spawner in found:
            try:
                await self._recover_one(spawner)
            except HubDatabaseError as error:
                self._app.log.warning("Servers cannot be looked at yet. %s", error)
                return
            except Exception:
                self._note_failure()
                self._app.log.exception("%s could not be looked at", log_name(spawner))

    async def _find_unpolled(self) -> weakref.WeakSet[Any]:
        found: weakref.WeakSet[Any] = weakref.WeakSet()
        turn = Turn()
        for user in tuple(self._app.users.values()):
            found.update(each for each in tuple(user.spawners.values()) if _is_unpolled(each))
            await turn.yield_if_due()
        return found

    def _list_active(self) -> Iterator[Any]:
        for user in tuple(self._app.users.values()):
            yield from (each for each in tuple(user.spawners.values()) if each.active)

    def _list_all(self) -> Iterator[Any]:
        """Yield what the Hub counts as active, and then what only holds a reservation."""
        users = {user.name: user for user in self._app.users.values()}
        seen = set()
        for spawner in self._list_active():
            seen.add((spawner.user.name, spawner.name))
            yield spawner
        for held in self._book:
            known = held.user in users and held.server in users[held.user].orm_spawners
            if known and (held.user, held.server) not in seen:
                yield users[held.user].spawners[held.server]

    async def _recover_one(self, spawner: Any) -> None:
        if not spawner.active:
            held = spawner.reservation
            await spawner.end_lingering(held.id if held else "")
        elif await spawner.poll() is None:
            mark_stopping(spawner, False)
            spawner.start_polling()
        else:
            self._app.log.warning("%s had ended: stopping it again", log_name(spawner))
            mark_stopping(spawner, False)
            await stop_server(self._app, spawner.user, spawner.name, reason="stopped")


def _is_unpolled(spawner: Any) -> bool:
    """Tell whether a server counts as running, and nothing would notice its end."""
    # Of thousands nearly all are polled: that is asked first.
    if is_polled(spawner) or spawner.poll_interval <= 0:
        return False
    return bool(spawner.active and not spawner.pending)


def _is_in_progress(spawner: Any, *, last: bool) -> bool:
    """Tell whether the Hub is busy with a server; a stop that nothing awaits may be dead."""
    return is_awaited(spawner) or (is_stopping(spawner) and not last)
