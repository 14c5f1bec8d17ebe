"""Stops servers at their deadline, and servers that are idle for too long."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from aiohttp import ClientError, ClientTimeout
from jupyterhub import orm
from jupyterhub.httpclient import JupyterHubHTTPClient

from jupyterhub_platform.core.reservations import WARN_BEFORE, Reservation
from jupyterhub_platform.core.times import describe_duration
from jupyterhub_platform.hub.servers.inventory import stop_server
from jupyterhub_platform.hub.upstream.event_loop import Turn

_Running: TypeAlias = tuple[Any, Any, Reservation]
"""A user, one of their servers, and its reservation."""

LOOKS_WITHOUT_ANSWER: Final = 3
"""After so many missing answers in a row, a server counts as idle."""

_MAX_CONCURRENT_ASKS: Final = 10
_ANSWER_SECONDS: Final = 20.0  # beside a kernel that takes all its CPU a server is slow
_TOKEN_SECONDS: Final = 60
_NOTE: Final = "The Hub asks whether a server is busy"


class Lifetimes:
    """Checks running servers regularly, and stops expired ones. Belongs to the Hub's loop.

    A server is idle since its last activity, as it and the proxy report it, but no longer than this
    Hub runs: activity while no Hub listened has the whole timeout to be reported again. Before an
    idle server is stopped, it is asked whether a kernel is busy: a long computation reports nothing
    else. It may also compute too hard to answer soon, so a missing answer has to be seen several
    times.
    """

    def __init__(self, app: Any, book: Iterable[Reservation]) -> None:
        self._app = app
        self._book = book
        self._began = datetime.now(UTC)
        self._busy_at: dict[str, datetime] = {}
        self._unanswered: dict[str, int] = {}
        self._asks_with: set[int] = set()
        self._asking = asyncio.Semaphore(_MAX_CONCURRENT_ASKS)

    async def keep_deadlines(self) -> None:
        """Stop every server whose lifetime is over."""
        now = datetime.now(UTC)

        def is_over(held: Reservation) -> bool:
            return held.ends_at is not None and held.ends_at <= now

        over = [each async for each in self._list_running(is_over)]
        await asyncio.gather(*(self._stop(*each, "lifetime") for each in over))

    async def stop_unused(self) -> None:
        """Stop every idle server. Waiting for their answers may take minutes."""
        running, idle = [], []
        async for each in self._list_running(lambda held: held.idle_timeout is not None):
            running.append(each)
            # Asked here, where the loop is yielded: for thousands it takes long.
            if self._is_idle(*each[1:]):
                idle.append(each)
        _keep_only(running, self._busy_at)
        _keep_only(idle, self._unanswered)
        await asyncio.gather(*(self._stop_unless_busy(*each) for each in idle))

    async def _list_running(
        self, concerns: Callable[[Reservation], bool]
    ) -> AsyncIterator[_Running]:
        """Yield running servers with a reservation that this look ``concerns``."""
        if not any(map(concerns, self._book)):
            return  # to ask every user's servers takes far longer than this look
        turn = Turn()
        for user in tuple(self._app.users.values()):
            await turn.yield_if_due()
            for spawner, held in running_reservations(user):
                if concerns(held) and spawner.pending != "stop":
                    yield user, spawner, held

    def _is_idle(self, spawner: Any, held: Reservation) -> bool:
        if not spawner.ready or spawner.reservation != held or held.idle_timeout is None:
            return False
        used = last_used(spawner.orm_spawner, held)
        idle_since = max(used, self._busy_at.get(held.id, self._began))
        return datetime.now(UTC) - idle_since >= held.idle_timeout

    async def _stop_unless_busy(self, user: Any, spawner: Any, held: Reservation) -> None:
        async with self._asking:
            # While it waits for its turn, and for its answer, it may be used, or stopped.
            if not self._is_idle(spawner, held):
                return
            busy = await self._ask_whether_busy(user, spawner)
        unanswered = self._unanswered.pop(held.id, 0)
        if busy:
            self._busy_at[held.id] = datetime.now(UTC)
            return
        if busy is None:
            self._unanswered[held.id] = unanswered = unanswered + 1
            looks = f"look {unanswered} of {LOOKS_WITHOUT_ANSWER}"
            self._warn(user, spawner, f"does not say whether a kernel is busy ({looks})")
            if unanswered < LOOKS_WITHOUT_ANSWER:
                return
        if self._is_idle(spawner, held):
            await self._stop(user, spawner, held, "idle")

    async def _stop(self, user: Any, spawner: Any, held: Reservation, why: str) -> None:
        self._warn(user, spawner, f"is stopped: {_say_reason(held, why)}")
        try:
            await stop_server(self._app, user, spawner.name, reason=why)
        except Exception:
            self._app.log.exception("%s/%s could not be stopped", user.name, spawner.name)

    def asks_with(self, token_id: int) -> bool:
        """Tell whether this is a token with which the Hub asks a server now."""
        return token_id in self._asks_with

    async def _ask_whether_busy(self, user: Any, spawner: Any) -> bool | None:
        """Ask a server whether one of its kernels is busy; ``None`` if it does not answer."""
        scopes = [f"access:servers!server={user.name}/{spawner.name}"]
        token = user.new_api_token(note=_NOTE, scopes=scopes, expires_in=_TOKEN_SECONDS)
        row = orm.APIToken.find(user.db, token)
        number = row.id if row is not None else 0
        self._asks_with.add(number)
        try:
            kernels = await _read_kernels(spawner.server.url, token)
        finally:
            self._asks_with.discard(number)
            row = orm.APIToken.find(user.db, token)
            if row is not None:
                user.db.delete(row)
                user.db.commit()
        if kernels is None:
            return None
        return any(kernel.get("execution_state") == "busy" for kernel in kernels)

    def _warn(self, user: Any, spawner: Any, what: str) -> None:
        self._app.log.warning("%s/%s %s", user.name, spawner.name or "default", what)


async def _read_kernels(url: str, token: str) -> list[dict[str, Any]] | None:
    # The shared client has a queue, and time in it would count as the server's.
    client = JupyterHubHTTPClient()
    try:
        answer = await client.fetch(
            f"{url}api/kernels?no_track_activity=1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=ClientTimeout(total=_ANSWER_SECONDS),
            allow_redirects=False,
        )
        kernels = json.loads(await answer.read())
    except (ClientError, OSError, ValueError):
        return None
    finally:
        await client.close()
    if not isinstance(kernels, list):
        return None
    return [each for each in kernels if isinstance(each, dict)]


def _keep_only(servers: list[_Running], known: dict[str, Any]) -> None:
    for other in known.keys() - {held.id for _, _, held in servers}:
        del known[other]


def running_reservations(user: Any) -> Iterator[tuple[Any, Reservation]]:
    """Yield the active servers of a user that have a reservation, each with it."""
    for spawner in tuple(user.spawners.values()):
        held = spawner.reservation if spawner.active else None
        if held is not None:
            yield spawner, held


def last_used(orm_spawner: Any, held: Reservation) -> datetime:
    """Return when the Hub last saw a server used; its admission, if never."""
    at = orm_spawner.last_activity
    # The Hub keeps times without a zone, in UTC. Older times belong to an earlier run.
    return max(at.replace(tzinfo=UTC), held.opened_at) if at else held.opened_at


def list_endings(user: Any, now: datetime) -> list[dict[str, Any]]:
    """Return a user's servers that have a deadline, the next one first, for the Hub's pages.

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


def _say_reason(held: Reservation, why: str) -> str:
    if why == "idle" and held.idle_timeout is not None:
        return f"not used for {describe_duration(held.idle_timeout)}"
    return "its lifetime is over"
