"""After the Hub's own database failed: every server is looked at, as after a restart.

JupyterHub writes several times while a server starts or stops. Where one of these fails, it lets
go of the server half-way and does not look at it again: it would be held, or run, for ever.
"""

from collections.abc import Iterator
from typing import Any, Final

from jupyterhub_platform.hub.servers.inventory import stop_server
from jupyterhub_platform.hub.upstream.database_errors import (
    HubDatabaseError,
    answer_while_finding_out_who_asks,
    explain_failures,
)
from jupyterhub_platform.usecases.book import Book

_ROUNDS: Final = 2
"""After the last failure: what is still half-way in the second one is not worked at by the Hub."""


class ServerRecovery:
    """Finishes what the Hub could not, once its database works again."""

    def __init__(self, app: Any, book: Book) -> None:
        self._app = app
        self._book = book
        self._rounds = 0
        explain_failures(app.db.get_bind(), self._note_failure)
        answer_while_finding_out_who_asks()

    def _note_failure(self) -> None:
        self._rounds = _ROUNDS

    async def recover(self) -> None:
        """Look at all servers if the database failed since they were looked at last."""
        if not self._rounds:
            return
        self._rounds -= 1
        if not self._app.db.is_active:
            # A failed write of no request: nobody else gives the session back.
            self._app.db.rollback()
        last = not self._rounds
        for spawner in tuple(self._list_spawners()):
            try:
                if not _is_worked_at(spawner, last=last):
                    await self._mend_one(spawner)
            except HubDatabaseError as error:
                self._app.log.warning("Servers cannot be looked at yet. %s", error)
                return
            except Exception:
                self._note_failure()
                self._app.log.exception("%s could not be looked at", spawner._log_name)

    def _list_spawners(self) -> Iterator[Any]:
        """Yield what the Hub counts as active, and then what only holds something."""
        users = {user.name: user for user in self._app.users.values()}
        seen = set()
        for user in users.values():
            for spawner in tuple(user.spawners.values()):
                if spawner.active:
                    seen.add((user.name, spawner.name))
                    yield spawner
        for held in self._book:
            known = held.user in users and held.server in users[held.user].orm_spawners
            if known and (held.user, held.server) not in seen:
                yield users[held.user].spawners[held.server]

    async def _mend_one(self, spawner: Any) -> None:
        if not spawner.active:
            held = spawner.reservation
            await spawner.end_lingering(held.id if held else "")
        elif await spawner.poll() is None:
            spawner._stop_pending = False
            spawner.start_polling()
        else:
            self._app.log.warning("%s had ended: stopping it again", spawner._log_name)
            spawner._stop_pending = False
            await stop_server(self._app, spawner.user, spawner.name, reason="stopped")


def _is_worked_at(spawner: Any, *, last: bool) -> bool:
    """Tell whether the Hub is busy with a server; a stop that nothing waits for may be dead."""
    stop = getattr(spawner, "_stop_future", None)  # set by the first stop that is asked for
    if spawner._spawn_pending or spawner._check_pending or stop is not None:
        return True
    return bool(spawner._stop_pending) and not last
