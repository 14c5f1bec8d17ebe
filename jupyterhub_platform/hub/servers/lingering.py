"""Servers whose stop failed: looked after until their backend is gone."""

import asyncio
from collections.abc import Iterable
from typing import Any, Protocol

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.usecases.consistency import LiveServer


class Lingering(Protocol):
    """A server whose stop failed: its backend may live, so it goes on holding what it holds."""

    @property
    def reservation(self) -> Reservation | None:
        """What it holds."""
        ...

    async def end_lingering(self, held: str) -> bool:
        """Try again to stop it, and tell whether nothing of what it ``held`` is held any more."""
        ...


class LingeringServers:
    """Tries again and again to stop them, each by itself. Belongs to the Hub's loop."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._held: dict[str, tuple[Lingering, asyncio.Future[None] | None]] = {}

    def watch(self, spawner: Lingering) -> None:
        """Look after a server whose stop failed, until its backend is gone."""
        held = spawner.reservation
        # By what is held, not by spawner: each refused start of that server has another one.
        if held is not None:
            self._held.setdefault(held.id, (spawner, None))

    def take_up(self, unstopped: Iterable[LiveServer]) -> None:
        """Look after those that the Hub of before could not stop."""
        for server in unstopped:
            self.watch(self._app.users[server.user].spawners[server.server])

    def end(self) -> None:
        """Try each of them again that is not being tried."""
        # Each by itself: one that takes its minute must not keep the others.
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
