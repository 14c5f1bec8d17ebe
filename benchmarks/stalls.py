"""How long the Hub's loop stands still for background work of ours."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure
from benchmarks.hub_driver import Hub
from benchmarks.population import make_document, render_document
from benchmarks.spawns import start

MAX_MILLISECONDS: Final = 20
CHECK_SECONDS: Final = 1.0
SETTLING_SECONDS: Final = 3.0


async def measure_stalls(setup: BenchSetup) -> list[Figure]:
    """Leave stock Hubs alone, and start a server; then let a governed one do its work."""
    figures = []
    for name in ("stock", "again"):
        async with started(setup.make_hub(name, governed=False)) as hub:
            longest = await _watch(hub, setup.size.quiet_seconds)
            figures.append(Figure("stall", f"{name}, left alone", longest, "ms"))
            await hub.reset()
            await start(setup, hub, setup.population.free[0])
            figures.append(Figure("stall", f"{name}, one start", await longest_stall(hub), "ms"))
    governed = setup.make_hub("checked", governed=True, check_seconds=CHECK_SECONDS)
    async with started(governed) as hub:
        longest = await _watch(hub, setup.size.quiet_seconds)
        what = f"periodic work, the checker every {CHECK_SECONDS:.0f} s"
        figures.append(Figure("stall", what, longest, "ms", MAX_MILLISECONDS))
    async with started(setup.make_hub("reloaded", governed=True)) as hub:
        return figures + await _measure_reloads(setup, hub)


@asynccontextmanager
async def started(hub: Hub) -> AsyncIterator[Hub]:
    """Run a Hub, from a little after it answers: one that checks often is never quiet."""
    try:
        await hub.start()
        await asyncio.sleep(SETTLING_SECONDS)
        yield hub
    finally:
        await hub.stop()


async def _watch(hub: Hub, seconds: float) -> float:
    """Return the longest stall of so many seconds, in milliseconds."""
    await hub.reset()
    await asyncio.sleep(seconds)
    return await longest_stall(hub)


async def longest_stall(hub: Hub) -> float:
    """Return the longest stall since the Hub was reset, in milliseconds."""
    stalls = (await hub.read_probe())["stall_seconds"]
    return max(stalls, default=0.0) * 1_000


async def _measure_reloads(setup: BenchSetup, hub: Hub) -> list[Figure]:
    """Have a policy read, and one that moves everybody; then back, while servers start."""
    policy = hub.directory / "platform.yaml"
    same = policy.read_text()
    unchanged = await _reload(hub)
    policy.write_text(
        render_document(make_document(setup.population, everybody_also_in="everybody"))
    )
    began = time.perf_counter()
    settling = await _reload(hub)
    seconds = time.perf_counter() - began
    policy.write_text(same)
    await hub.reset()
    await _start_while(setup, hub, asyncio.create_task(hub.reload()))
    hooks = max((await hub.read_probe())["hook_seconds"]) * 1_000
    note = f"{len(setup.population.names):,} people in {seconds:.0f} s"
    return [
        Figure("stall", "policy read again, nothing changed", unchanged, "ms", MAX_MILLISECONDS),
        Figure("stall", "everybody joins a group", settling, "ms", MAX_MILLISECONDS, note),
        Figure("stall", "longest admission hook meanwhile", hooks, "ms", MAX_MILLISECONDS),
    ]


async def _reload(hub: Hub) -> float:
    await hub.reset()
    await hub.reload()
    return await longest_stall(hub)


async def _start_while(setup: BenchSetup, hub: Hub, work: "asyncio.Task[None]") -> None:
    """Start and stop servers until ``work`` is done."""
    while True:
        for name in setup.population.free:
            await start(setup, hub, name)
            await hub.despawn(name)
            if work.done():
                await work
                return
