"""How fast many people are changed at once, and what others notice of it meanwhile."""

import asyncio
import time
from typing import Any, Final

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure
from benchmarks.hub_driver import Hub
from benchmarks.single_changes import measure_single_changes
from benchmarks.stalls import MAX_MILLISECONDS, started

_GROUP: Final = "api/platform/groups/course"
_STOPPED: Final = 500
"""So many servers stop at most: each stop is JupyterHub's own work."""
_MAX_CHANGE: Final = 250
"""Milliseconds for another change meanwhile: it waits for one chunk."""


async def measure_bulk(setup: BenchSetup) -> list[Figure]:
    """Have everybody join a managed group and leave it by undo, and many be suspended."""
    names = list(setup.population.names)
    async with started(setup.make_hub("bulk", governed=True)) as hub:
        # JupyterHub enters the routes of all servers first, which holds the loop, too.
        await hub.wait_until_quiet()
        made = await hub.command(
            "PUT", _GROUP, {"document": {}, "reason": "bench"}, {"If-None-Match": "*"}
        )
        made.raise_for_status()
        figures = []
        joined, joining = await _measure(hub, "everybody joins a group", "", _body(names))
        figures += joining
        undo = f"/{joined['id']}/undo"
        free = list(setup.population.free)
        busy = list(setup.population.busy[:_STOPPED])
        for what, path, body in (
            ("that is undone", undo, {"reason": "bench"}),
            ("those without servers are suspended", "", _suspend("suspend", free)),
            ("those are resumed", "", _suspend("resume", free)),
            ("those with servers are suspended", "", _suspend("suspend", busy)),
        ):
            _, found = await _measure(hub, what, path, body)
            figures += found
    return figures + await asyncio.to_thread(measure_single_changes, setup.size)


def _suspend(act: str, names: list[str]) -> dict[str, Any]:
    return {"act": act, "names": names, "reason": "bench"}


def _body(names: list[str]) -> dict[str, Any]:
    return {"act": "add-to-group", "names": names, "group": "course", "reason": "bench"}


async def _measure(
    hub: Hub, what: str, path: str, body: dict[str, Any]
) -> tuple[dict[str, Any], list[Figure]]:
    """Begin a bulk change, make single changes until it is done, and say what each took."""
    await hub.reset()
    began = time.perf_counter()
    answer = await hub.command("POST", f"api/platform/bulk{path}", body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    changes = []
    while found["state"] == "running":
        asked = time.perf_counter()
        document = {"title": f"at {asked}"}
        changed = await hub.command(
            "PUT",
            "api/platform/groups/meanwhile",
            {"document": document, "reason": "bench"},
            {"If-Match": "*"},
        )
        changed.raise_for_status()
        changes.append(time.perf_counter() - asked)
        await asyncio.sleep(0.1)
        found = (await hub.command("GET", f"api/platform/bulk/{found['id']}")).json()
    seconds = time.perf_counter() - began
    if found["refused"] or found["left"]:
        raise RuntimeError(f"{what}: not all of it was done: {found}")
    note = f"{found['done']:,} in {seconds:.1f} s"
    probe, longest = await hub.read_probe(), max(changes, default=0.0) * 1_000
    work = max(probe["working_seconds"], default=0.0) * 1_000
    stall = max(probe["stall_seconds_without_disk"], default=0.0) * 1_000
    disk = max(probe["stall_seconds"], default=0.0) * 1_000
    return found, [
        Figure("bulk", f"{what}, longest stall", work, "ms", MAX_MILLISECONDS, note),
        Figure("bulk", f"{what}, longest stall with waits of the process", stall, "ms"),
        Figure("bulk", f"{what}, longest stall with waits for the disk", disk, "ms"),
        Figure("bulk", f"{what}, another change meanwhile", longest, "ms", _MAX_CHANGE),
    ]
