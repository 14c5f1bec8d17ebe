"""What is noted inside of the Hub: statements, commits, the hook, and how long its loop stood."""

import asyncio
import gc
import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import Connection, Engine, event
from tornado import web

TICK_SECONDS: Final = 0.002
MAX_STALLS: Final = 10
_WRITES: Final = ("INSERT", "UPDATE", "DELETE")


class Probe:
    """Counters of one Hub process; :meth:`reset` begins to count anew."""

    def __init__(self) -> None:
        self.statements: Counter[Engine] = Counter()
        self.writes: Counter[Engine] = Counter()
        self.commits: Counter[Engine] = Counter()
        self._writing: WeakSet[Connection] = WeakSet()
        self.hooks: list[float] = []
        self.stalls: list[float] = []
        self.longest_collection = 0.0
        self._collection_began = 0.0
        self._watching: asyncio.Task[None] | None = None
        event.listen(Engine, "before_cursor_execute", self._on_statement)
        event.listen(Engine, "commit", self._on_commit)
        gc.callbacks.append(self._on_collection)

    def reset(self) -> None:
        """Forget everything, and watch the loop from now on."""
        self.statements.clear()
        self.writes.clear()
        self.commits.clear()
        self.hooks.clear()
        self.stalls.clear()
        self.longest_collection = 0.0
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    def timing(self, authenticator: type[Any]) -> type[Any]:
        """Return the authenticator with a clock around the admission hook."""
        hooks = self.hooks

        class Timed(authenticator):  # type: ignore[misc]
            """Notes how long every admission took."""

            def pre_spawn_start(self, user: Any, spawner: Any) -> Any:
                """Ask admission, and note how long it took."""
                began = time.perf_counter()
                try:
                    return super().pre_spawn_start(user, spawner)
                finally:
                    hooks.append(time.perf_counter() - began)

        return Timed

    def report(self, hub_engine: Any) -> dict[str, Any]:
        """Return what was noted; every engine that is not the Hub's is that of our store."""
        everything = self.statements.keys() | self.commits.keys()
        stores = [engine for engine in everything if engine is not hub_engine]
        return {
            "cpu_seconds": time.process_time(),
            "hub_statements": self.statements[hub_engine],
            "hub_commits": self.commits[hub_engine],
            "store_writes": sum(self.writes[engine] for engine in stores),
            "store_commits": sum(self.commits[engine] for engine in stores),
            "hook_seconds": self.hooks,
            "stall_seconds": sorted(self.stalls, reverse=True)[:MAX_STALLS],
            "collection_seconds": self.longest_collection,
        }

    def _on_statement(self, connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.statements[connection.engine] += 1
        if statement.startswith(_WRITES):
            self.writes[connection.engine] += 1
            self._writing.add(connection)

    def _on_commit(self, connection: Any) -> None:
        # One after nothing but SELECT costs nothing, and the Hub makes many of them.
        if connection in self._writing:
            self._writing.discard(connection)
            self.commits[connection.engine] += 1

    def _on_collection(self, phase: str, _info: Any) -> None:
        if phase == "start":
            self._collection_began = time.perf_counter()
        else:
            took = time.perf_counter() - self._collection_began
            self.longest_collection = max(self.longest_collection, took)

    async def _watch(self) -> None:
        """Note by how much this task wakes up late, apart from waiting for a processor.

        What other processes of a busy machine take is the time that the kernel had this thread
        stand in its queue; that is not a stall of the Hub.
        """
        while True:
            queued, due = _seconds_in_queue(), time.perf_counter() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            late = time.perf_counter() - due
            if late > TICK_SECONDS:
                self.stalls.append(max(0.0, late - (_seconds_in_queue() - queued)))


def _seconds_in_queue() -> float:
    try:
        text = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text()
    except OSError:
        return 0.0
    return int(text.split()[1]) / 1e9


class ProbeHandler(web.RequestHandler):
    """Tells what was noted (GET), or begins anew (POST)."""

    # Not an argument of the route: configuration is copied deep, and a copy notes nothing.
    probe: Probe

    def check_xsrf_cookie(self) -> None:
        """Ask for none: only the benchmark on this machine comes here."""

    def get(self) -> None:
        """Answer with the figures."""
        self.write(json.dumps(self.probe.report(self.settings["db"].get_bind())))

    def post(self) -> None:
        """Begin anew."""
        self.probe.reset()
