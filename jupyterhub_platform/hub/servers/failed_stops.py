"""Servers whose stop failed: stopping is retried until their backend is gone."""

import asyncio
from collections.abc import Iterable
from typing import Any, Protocol

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.usecases.consistency import LiveServer


class Lingering(Protocol):
    """A server whose stop failed: its backend may live, so it keeps its reservation."""

    @property
    def reservation(self) -> Reservation | None:
        """What it holds."""
        ...

    async def end_lingering(self, held: str) -> bool:
        """Retry the stop, and tell whether everything that it ``held`` is released."""
        ...


class FailedStops:
    """Retries each of them independently. Belongs to the Hub's loop."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._held: dict[str, tuple[Lingering, asyncio.Future[None] | None]] = {}

    def watch(self, spawner: Lingering) -> None:
        """Retry the stop of a server until its backend is gone."""
        held = spawner.reservation
        # By reservation, not by spawner: each refused start of that server has another one.
        if held is not None:
            self._held.setdefault(held.id, (spawner, None))

    def take_up(self, unstopped: Iterable[LiveServer]) -> None:
        """Take over servers that the previous Hub could not stop."""
        for server in unstopped:
            self.watch(self._app.users[server.user].spawners[server.server])

    def end(self) -> None:
        """Retry each of them, unless a retry is under way."""
        # Each independently: a slow one must not delay the others.
        for held, (spawner, trying) in tuple(self._held.items()):
            if trying is None or trying.done():
                trying = asyncio.ensure_future(self._end(held, spawner))
                self._held[held] = (spawner, trying)

    async def _end(self, held: str, spawner: Lingering) -> None:
        try:
            if await spawner.end_lingering(held):
                self._held.pop(held, None)
        except Exception:
            self._app.log.exception("A server still cannot be stopped")
