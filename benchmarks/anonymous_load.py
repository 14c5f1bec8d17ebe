"""How well a Hub answers those whom it knows while strangers send the worst that they can."""

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any, Final

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure, quantile
from benchmarks.hub_driver import ROOT, Hub

MAX_MILLISECONDS: Final = 200
MAX_SUSPENSION_SECONDS: Final = 5
PAUSE_SECONDS: Final = 0.05
SETTLING_SECONDS: Final = 1.0
_WATCHED: Final = {"health": "health", "platform/health with a token": "api/platform/health"}


async def measure_anonymous_load(setup: BenchSetup) -> list[Figure]:
    """Ask a governed Hub how it is, and suspend a user, while strangers send."""
    hub = setup.make_hub("strangers", governed=True)
    async with setup.running(hub):
        quiet = await _watch(hub, SETTLING_SECONDS)
        clients, seconds = setup.size.strangers, setup.size.stranger_seconds
        load = asyncio.create_task(_send(hub.port, clients, seconds))
        await asyncio.sleep(min(SETTLING_SECONDS, seconds / 4))
        watching = asyncio.create_task(_watch(hub, seconds * 0.75))
        suspensions = [await _suspend(hub, name) for name in setup.population.free[:3]]
        busy, answers = await watching, await load
    note = f"{clients} clients, {sum(answers.values())} requests in {seconds:.0f} s"
    figures = []
    for what, times in busy.items():
        alone = quantile(quiet[what], 0.5) * 1_000
        figures += [
            Figure("strangers", f"{what}, p50", quantile(times, 0.5) * 1_000, "ms"),
            Figure(
                "strangers",
                f"{what}, p99",
                quantile(times, 0.99) * 1_000,
                "ms",
                MAX_MILLISECONDS,
                f"{alone:.0f} ms without them; {note}",
            ),
        ]
    longest = max(suspensions)
    figures.append(Figure("strangers", "longest suspension", longest, "s", MAX_SUSPENSION_SECONDS))
    wrong = sum(count for status, count in answers.items() if status.startswith("5"))
    wrong -= answers["503"]
    said = ", ".join(f"{status}: {count}" for status, count in sorted(answers.items()))
    figures.append(Figure("strangers", "errors of the Hub", wrong, "", 0, said))
    return figures


async def _send(port: int, clients: int, seconds: float) -> Counter[str]:
    command = ["-m", "benchmarks.anonymous_clients", str(port), str(clients), str(seconds)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    written, _ = await process.communicate()
    answers: dict[str, Any] = json.loads(written)
    return Counter(answers)


async def _watch(hub: Hub, seconds: float) -> dict[str, list[float]]:
    """Ask again and again, and return how long each answer took, by what was asked."""
    times: dict[str, list[float]] = {what: [] for what in _WATCHED}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for what, path in _WATCHED.items():
            began = time.perf_counter()
            (await hub.command("GET", path)).raise_for_status()
            times[what].append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE_SECONDS)
    return times


async def _suspend(hub: Hub, name: str) -> float:
    """Return after how many seconds the Hub says that a user is out."""
    body = {"reason": "measured"}
    began = time.perf_counter()
    answer = await hub.command("POST", f"api/platform/users/{name}/suspend", body)
    answer.raise_for_status()
    return time.perf_counter() - began
