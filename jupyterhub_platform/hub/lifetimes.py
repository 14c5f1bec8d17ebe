"""Stops servers whose time is over: the deadline of their reservation, or too long without use."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from jupyterhub import orm
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from jupyterhub_platform.core.durations import describe_duration
from jupyterhub_platform.core.usage import Reservation
from jupyterhub_platform.hub.pace import Pace
from jupyterhub_platform.hub.servers import stop_server

WARN_BEFORE: Final = timedelta(minutes=10)
_ANSWER_SECONDS: Final = 5.0
_TOKEN_SECONDS: Final = 60
_NOTE: Final = "The Hub asks whether a server is busy"


class Lifetimes:
    """Looks at what runs now and then, and stops what has had its time. Belongs to the Hub's loop.

    A server is idle since its last activity, as it and the proxy report it. Before one is stopped
    for that, it is asked whether a kernel works: one that computes for hours says nothing else.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._busy_at: dict[str, datetime] = {}
        self._looking = asyncio.Lock()

    async def settle(self) -> None:
        """Stop every server whose time is over."""
        if self._looking.locked():
            return
        async with self._looking:
            due = [each async for each in self._list_due(datetime.now(UTC))]
            await asyncio.gather(*(self._end(*each) for each in due))

    async def _list_due(self, now: datetime) -> Any:
        seen: set[str] = set()
        pace = Pace()
        for user in tuple(self._app.users.values()):
            await pace.keep()
            for spawner, held in running_reservations(user):
                seen.add(held.id)
                if spawner.pending == "stop":
                    continue
                if held.ends_at is not None and held.ends_at <= now:
                    yield user, spawner, held, "lifetime"
                elif held.idle_timeout and self._is_idle(spawner, held, now):
                    yield user, spawner, held, "idle"
        self._busy_at = {key: at for key, at in self._busy_at.items() if key in seen}

    def _is_idle(self, spawner: Any, held: Reservation, now: datetime) -> bool:
        if not spawner.ready or held.idle_timeout is None:
            return False
        used = [last_used(spawner.orm_spawner, held), self._busy_at.get(held.id, held.opened_at)]
        return now - max(used) >= held.idle_timeout

    async def _end(self, user: Any, spawner: Any, held: Reservation, why: str) -> None:
        if why == "idle" and await self._is_busy(user, spawner):
            self._busy_at[held.id] = datetime.now(UTC)
            return
        self._app.log.warning(
            "%s/%s is stopped: %s", user.name, spawner.name or "default", _say(held, why)
        )
        try:
            await stop_server(self._app, user, spawner.name, reason=why)
        except Exception:
            self._app.log.exception("%s/%s could not be stopped", user.name, spawner.name)

    async def _is_busy(self, user: Any, spawner: Any) -> bool:
        """Ask a server whether one of its kernels works; one that does not answer is not in use."""
        scopes = [f"access:servers!server={user.name}/{spawner.name}"]
        token = user.new_api_token(note=_NOTE, scopes=scopes, expires_in=_TOKEN_SECONDS)
        try:
            kernels = await _read_kernels(spawner.server.url, token)
        finally:
            row = orm.APIToken.find(user.db, token)
            if row is not None:
                user.db.delete(row)
                user.db.commit()
        return any(kernel.get("execution_state") == "busy" for kernel in kernels)


async def _read_kernels(url: str, token: str) -> list[dict[str, Any]]:
    try:
        answer = await AsyncHTTPClient().fetch(
            f"{url}api/kernels?no_track_activity=1",
            headers={"Authorization": f"Bearer {token}"},
            request_timeout=_ANSWER_SECONDS,
            connect_timeout=_ANSWER_SECONDS,
            follow_redirects=False,
        )
        kernels = json.loads(answer.body)
    except (HTTPClientError, OSError, ValueError):
        return []
    return [each for each in kernels if isinstance(each, dict)] if isinstance(kernels, list) else []


def running_reservations(user: Any) -> Iterator[tuple[Any, Reservation]]:
    """Yield the active servers of a user that have a reservation, each with it."""
    for spawner in tuple(user.spawners.values()):
        held = spawner.reservation if spawner.active else None
        if held is not None:
            yield spawner, held


def last_used(orm_spawner: Any, held: Reservation) -> datetime:
    """Return when a server was used last, as the Hub knows; its admission, if never."""
    at = orm_spawner.last_activity
    # The Hub keeps times without a zone, in UTC. What is older than this run was another run.
    return max(at.replace(tzinfo=UTC), held.opened_at) if at else held.opened_at


def list_endings(user: Any, now: datetime) -> list[dict[str, Any]]:
    """Return the servers of a user that have a deadline, the next one first, for the Hub's pages.

    ``soon`` are those that end within :data:`WARN_BEFORE`.
    """
    endings = [
        {
            "name": spawner.name or "default server",
            "at": held.ends_at,
            "left": describe_duration(held.ends_at - now),
            "soon": held.ends_at - now <= WARN_BEFORE,
        }
        for spawner, held in running_reservations(user)
        if held.ends_at is not None
    ]
    return sorted(endings, key=lambda ending: ending["at"])


def _say(held: Reservation, why: str) -> str:
    if why == "idle" and held.idle_timeout is not None:
        return f"not used for {describe_duration(held.idle_timeout)}"
    return "its lifetime is over"
