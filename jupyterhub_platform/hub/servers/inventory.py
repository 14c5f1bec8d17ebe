"""The Hub's servers: which may be running, which are active, and how to stop one."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final

from jupyterhub import orm

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.hub.upstream.event_loop import Turn
from jupyterhub_platform.hub.upstream.spawner_state import find_start, mark_stopping
from jupyterhub_platform.usecases.consistency import LiveServer

_CANCEL_SECONDS: Final = 10.0
_EVENT: Final = "https://schema.jupyter.org/jupyterhub/events/server-action"


def stored_servers(database: Any) -> Iterator[LiveServer]:
    """Yield the servers that the Hub's database counts as active."""
    # With names joined: asked of each row, they would take a query each.
    rows = database.query(orm.Spawner, orm.User.name).join(orm.Spawner.user)
    for row, user in rows.filter(orm.Spawner.server != None):  # noqa: E711 - SQL
        yield LiveServer(user, row.name, row.id, _held_by(row), row.user_options)


def unstopped_servers(database: Any, held: Iterable[Reservation]) -> Iterator[LiveServer]:
    """Yield servers with a reservation that the Hub gave up on without seeing them end.

    The Hub takes a server off its list whether or not its stop succeeds.
    """
    for reservation in held:
        row = database.get(orm.Spawner, reservation.spawner_id)
        state = None if row is None or row.server is not None else _held_by(row)
        if isinstance(state, dict) and state.get("id") == reservation.id:
            yield LiveServer(row.user.name, row.name, row.id, state, row.user_options)


def _held_by(row: Any) -> object:
    return row.state.get("platform") if isinstance(row.state, dict) else None


async def live_servers(users: Iterable[Any]) -> list[LiveServer]:
    """List the servers that this Hub process counts as active, yielding the loop between users."""
    turn = Turn()
    found = []
    for user in tuple(users):
        found += [
            LiveServer(user.name, spawner.name, spawner.orm_spawner.id)
            for spawner in tuple(user.spawners.values())
            if spawner.active
        ]
        await turn.yield_if_due()
    return found


def list_active(user: Any) -> list[str]:
    """Return the names of a user's active servers; that of the default server is empty."""
    return sorted(name for name, spawner in tuple(user.spawners.items()) if spawner.active)


async def stop_server(
    app: Any, user: Any, name: str, *, reason: str, at_once: bool = False
) -> None:
    """Stop a server as the Hub's own API does, whatever its state; a start is aborted.

    ``reason`` is entered in the ledger; ``at_once`` skips the graceful shutdown.
    """
    spawner = user.spawners[name]
    if spawner.pending == "stop":
        return
    spawner.stop_reason, spawner.stops_at_once = reason, at_once
    start = find_start(spawner)
    if spawner.pending == "spawn" and start is not None:
        start.cancel()
        await asyncio.wait([start], timeout=_CANCEL_SECONDS)
    mark_stopping(spawner, True)
    try:
        await _delete_route(app, user, name)
        await user.stop(name)
        data = {"action": "stop", "username": user.name, "servername": name}
        app.eventlog.emit(schema_id=_EVENT, data=data)
    finally:
        mark_stopping(spawner, False)


async def _delete_route(app: Any, user: Any, name: str) -> None:
    try:
        await app.proxy.delete_user(user, name)
    except Exception:
        # An unresponsive proxy must not keep a server alive; its routes are checked again.
        app.log.exception("The route of %s/%s is not deleted yet", user.name, name)
