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
from benchmarks.public_proxy import running_proxy

MAX_MILLISECONDS: Final = 200
MAX_SUSPENSION_SECONDS: Final = 5
PAUSE_SECONDS: Final = 0.05
SETTLING_SECONDS: Final = 1.0
ROUTE_SECONDS: Final = 120
MAX_EXTRA_SECONDS: Final = 90
"""How much longer than its strangers send a measurement may take."""
_WATCHED: Final = {"health": "health", "platform/health with a token": "api/platform/health"}


async def measure_anonymous_load(setup: BenchSetup) -> list[Figure]:
    """Ask a governed Hub how it is, and suspend users, while strangers send.

    First at the Hub's own port, as from inside a server or pod, then at the proxy's.
    """
    # Each Hub is one of its own: this one believes no client what its address is.
    hub = setup.make_hub("anonymous", governed=True)
    async with setup.running(hub):
        figures = await _measure(setup, hub, hub.port, "")
    with running_proxy(setup.directory / "proxy.log") as door:
        hub = setup.make_hub("anonymous", governed=True, environment=door.environment)
        async with setup.running(hub):
            return [*figures, *await _measure(setup, hub, door.port, " through the proxy")]


async def _measure(setup: BenchSetup, hub: Hub, port: int, where: str) -> list[Figure]:
    await _wait_for_route(hub, port)
    victims = {name: await hub.make_token(name) for name in setup.population.free[:3]}
    quiet = await _watch(hub, port, SETTLING_SECONDS)
    clients, seconds = setup.size.strangers, setup.size.stranger_seconds
    load = asyncio.create_task(_send(port, clients, seconds))
    await asyncio.sleep(min(SETTLING_SECONDS, seconds / 4))
    watching = asyncio.create_task(_watch(hub, port, seconds * 0.75))
    # The last senders wait for an answer until they give up.
    async with asyncio.timeout(seconds + MAX_EXTRA_SECONDS):
        suspensions = [await _suspend(hub, name, token) for name, token in victims.items()]
        busy, answers = await watching, await load
    note = f"{clients} clients, {sum(answers.values())} requests in {seconds:.0f} s"
    figures = []
    for what, times in busy.items():
        alone = quantile(quiet[what], 0.5) * 1_000
        figures += [
            Figure("anonymous", f"{what}{where}, p50", quantile(times, 0.5) * 1_000, "ms"),
            Figure(
                "anonymous",
                f"{what}{where}, p99",
                quantile(times, 0.99) * 1_000,
                "ms",
                MAX_MILLISECONDS,
                f"{alone:.0f} ms without them; {note}",
            ),
        ]
    longest = max(suspensions)
    what = f"longest suspension{where}"
    figures.append(Figure("anonymous", what, longest, "s", MAX_SUSPENSION_SECONDS))
    wrong = sum(count for status, count in answers.items() if status.startswith("5"))
    wrong -= answers["503"]
    said = ", ".join(f"{status}: {count}" for status, count in sorted(answers.items()))
    figures.append(Figure("anonymous", f"errors of the Hub{where}", wrong, "", 0, said))
    return figures


async def _wait_for_route(hub: Hub, port: int) -> None:
    """Wait until the door leads to the Hub, which makes its routes after it answers itself.

    Until then the proxy of users answers that the Hub is starting, and one by itself knows nothing.
    """
    end = time.perf_counter() + ROUTE_SECONDS
    address = f"http://127.0.0.1:{port}/hub/health"
    while (await hub.command("GET", address)).status_code in {404, 503}:
        if time.perf_counter() > end:
            raise RuntimeError(f"port {port} does not lead to the Hub")
        await asyncio.sleep(PAUSE_SECONDS)


async def _send(port: int, clients: int, seconds: float) -> Counter[str]:
    command = ["-m", "benchmarks.anonymous_clients", str(port), str(clients), str(seconds)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    written, _ = await process.communicate()
    answers: dict[str, Any] = json.loads(written)
    return Counter(answers)


async def _watch(hub: Hub, port: int, seconds: float) -> dict[str, list[float]]:
    """Ask again and again, and return how long each answer took, by what was asked."""
    times: dict[str, list[float]] = {what: [] for what in _WATCHED}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for what, path in _WATCHED.items():
            began = time.perf_counter()
            address = f"http://127.0.0.1:{port}/hub/{path}"
            (await hub.command("GET", address)).raise_for_status()
            times[what].append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE_SECONDS)
    return times


async def _suspend(hub: Hub, name: str, token: str) -> float:
    """Return after how many seconds a user who is suspended is let in no more."""
    if not await hub.accepts(token):
        raise RuntimeError(f"{name} is not let in before the suspension")
    began = time.perf_counter()
    body = {"reason": "measured"}
    answer = await hub.command("POST", f"api/platform/users/{name}/suspend", body)
    answer.raise_for_status()
    while await hub.accepts(token):
        if time.perf_counter() - began > MAX_SUSPENSION_SECONDS * 4:
            raise RuntimeError(f"{name} is let in for ever")
    return time.perf_counter() - began
