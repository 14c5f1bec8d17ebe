"""What is noted inside of the Hub: statements, commits, the hook, and how long its loop stood."""

import asyncio
import gc
import json
import os
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import Connection, Engine, event
from tornado import web

TICK_SECONDS: Final = 0.002
MAX_STALLS: Final = 10
STACKS: Final = "BENCHMARK_STACKS"
"""The environment variable with the file that shows what all threads did in each long stall."""
LONG_SECONDS: Final = 0.015
_FRAMES: Final = 12
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
        self.without_disk: list[float] = []
        self.working: list[float] = []
        self._disk_seconds = 0.0
        self.times_commits = False
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
        self.without_disk.clear()
        self.working.clear()
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
            "stall_seconds_without_disk": sorted(self.without_disk, reverse=True)[:MAX_STALLS],
            "working_seconds": sorted(self.working, reverse=True)[:MAX_STALLS],
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
        stand in its queue; that is not a stall of the Hub. Nor is it if the thread that has
        Python's lock stands there. Only disks and locks stop the loop while the whole process
        works for less long.
        """
        stacks = _Stacks(os.environ.get(STACKS, ""))
        while True:
            queued, disk, worked = _seconds_in_queue(), self._disk_seconds, time.process_time()
            due = time.perf_counter() + TICK_SECONDS
            stacks.due = due
            await asyncio.sleep(TICK_SECONDS)
            late = time.perf_counter() - due
            if late > TICK_SECONDS:
                late = max(0.0, late - (_seconds_in_queue() - queued))
                work = min(late, time.process_time() - worked)
                self.stalls.append(late)
                self.working.append(work)
                self.without_disk.append(max(0.0, late - (self._disk_seconds - disk)))
                stacks.note(late, work)

    def time_commits(self, engine: Any) -> None:
        """Add up how long the loop's thread sleeps in commits: SQLite waits for the disk there."""
        commit = engine.dialect.do_commit
        self.times_commits = True

        def do_commit(connection: Any) -> None:
            if threading.current_thread() is not threading.main_thread():
                commit(connection)
                return
            began, worked = time.perf_counter(), time.thread_time()
            queued = _seconds_in_queue()
            try:
                commit(connection)
            finally:
                slept = time.perf_counter() - began - (time.thread_time() - worked)
                self._disk_seconds += max(0.0, slept - (_seconds_in_queue() - queued))

        engine.dialect.do_commit = do_commit


def _seconds_in_queue() -> float:
    try:
        text = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text()
    except OSError:
        return 0.0
    return int(text.split()[1]) / 1e9


class _Stacks:
    """Writes to a file what each thread did while the loop stood still for long."""

    def __init__(self, path: str) -> None:
        self.due = time.perf_counter()
        self._path, self._seen = path, ""
        if path:
            threading.Thread(target=self._look, args=(threading.get_ident(),), daemon=True).start()

    def _look(self, loop: int) -> None:
        while True:
            time.sleep(TICK_SECONDS)
            if time.perf_counter() - self.due > LONG_SECONDS and not self._seen:
                self._seen = "\n".join(
                    f"{'the loop' if thread == loop else 'a thread'}\n"
                    + "".join(traceback.format_stack(frame)[-_FRAMES:])
                    for thread, frame in sys._current_frames().items()
                )

    def note(self, late: float, work: float) -> None:
        """Write what was seen in a stall that is over."""
        if self._path and self._seen and work > LONG_SECONDS:
            with Path(self._path).open("a") as file:
                file.write(f"--- {late * 1e3:.1f} ms, {work * 1e3:.1f} ms of work\n{self._seen}\n")
        self._seen = ""


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
        if not self.probe.times_commits:
            self.probe.time_commits(self.settings["db"].get_bind())
        self.probe.reset()
