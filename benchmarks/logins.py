"""What a login by OpenID Connect costs the Hub, beside stock oauthenticator, and many at once."""

import asyncio
import random
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure, ratios
from benchmarks.hub_driver import ROOT, Hub, find_port
from benchmarks.identity_provider import AS, CLIENT
from benchmarks.population import make_document, render_document
from benchmarks.stalls import longest_stall

MAX_RATIO: Final = 1.2
MAX_MILLISECONDS: Final = 20
FEW_GROUPS: Final = 5
MANY_GROUPS: Final = 200
SECONDS: Final = 60.0
_START_SECONDS: Final = 20.0
_PAUSE_SECONDS: Final = 0.05


async def measure_logins(setup: BenchSetup) -> list[Figure]:
    """Log in at stock Hubs and at a governed one in turn; then many at once with many groups."""
    return [*await _measure_cpu(setup), *await _measure_rush(setup)]


async def _measure_cpu(setup: BenchSetup) -> list[Figure]:
    dice = random.Random(setup.seed)  # noqa: S311 - no secret
    first: dict[str, list[float]] = {"stock": [], "again": [], "governed": []}
    later: dict[str, list[float]] = {name: [] for name in first}
    async with _running_provider(FEW_GROUPS) as issuer:
        hubs = {name: _make_hub(setup, name, issuer) for name in first}
        async with setup.running(*hubs.values()):
            for hub in hubs.values():
                # What a provider says of itself is asked for once.
                await _log_in(hub, "first")
            for number in range(setup.size.rounds):
                people = [f"new{number}-{each}" for each in range(setup.size.burst)]
                for costs in (first, later):
                    for name in dice.sample(list(hubs), len(hubs)):
                        costs[name].append(await _log_in_all(hubs[name], people))
    return [
        Figure("login", "CPU of the Hub, stock", statistics.median(later["stock"]) * 1_000, "ms"),
        _compare("first login of a user, CPU of the Hub", first),
        _compare("later login, CPU of the Hub", later),
    ]


def _compare(what: str, costs: dict[str, list[float]]) -> Figure:
    ratio = statistics.median(ratios(costs["governed"], costs["stock"]))
    noise = max(ratios(costs["again"], costs["stock"]))
    note = f"stock against itself up to {noise:.2f}"
    return Figure("login", what, ratio, "x stock", MAX_RATIO, note)


async def _log_in_all(hub: Hub, people: Sequence[str]) -> float:
    """Return the CPU seconds of one login."""
    await hub.reset()
    before = await _read_cpu(hub)
    for name in people:
        await _log_in(hub, name)
    return (await _read_cpu(hub) - before) / len(people)


async def _measure_rush(setup: BenchSetup) -> list[Figure]:
    """Have people log in, evenly over a minute, each with many groups."""
    async with _running_provider(MANY_GROUPS) as issuer:
        hub = _make_hub(setup, "governed", issuer)
        async with setup.running(hub):
            names = [f"rush{number:04d}" for number in range(setup.size.logins)]
            figures = []
            for what in ("first logins", "later logins"):
                await hub.reset()
                took = await _log_in_evenly(hub, names, SECONDS * setup.size.logins / 1_000)
                longest = await longest_stall(hub)
                work = max((await hub.read_probe())["working_seconds"], default=0.0) * 1_000
                note = (
                    f"{len(names):,} in {took:.0f} s, {MANY_GROUPS} groups each; "
                    f"{longest:.1f} ms with waits for disk and lock"
                )
                figures.append(
                    Figure("login", f"{what}, longest stall", work, "ms", MAX_MILLISECONDS, note)
                )
    return figures


async def _log_in_evenly(hub: Hub, names: Iterable[str], seconds: float) -> float:
    listed = list(names)
    began = time.perf_counter()

    async def log_in(number: int, name: str) -> None:
        await asyncio.sleep(max(0.0, began + number * seconds / len(listed) - time.perf_counter()))
        await _log_in(hub, name)

    await asyncio.gather(*(log_in(number, name) for number, name in enumerate(listed)))
    return time.perf_counter() - began


async def _log_in(hub: Hub, name: str) -> None:
    """Log in as a browser does: to the provider, and back."""
    root = f"http://127.0.0.1:{hub.port}"
    async with httpx.AsyncClient(base_url=root, trust_env=False, timeout=60) as browser:
        asked = await browser.get(hub.login_page)
        there = await browser.get(f"{asked.headers['Location']}&{AS}={name}")
        back = await browser.get(there.headers["Location"])
        # The cookie is of the Hub's own path.
        if "jupyterhub-hub-login" not in {cookie.name for cookie in browser.cookies.jar}:
            raise RuntimeError(f"{name} was not let in: {back.status_code}\n{back.text}")


def _make_hub(setup: BenchSetup, name: str, issuer: str) -> Hub:
    governed = name == "governed"
    environment = {"BENCHMARK_ISSUER": issuer}
    hub = setup.make_hub(f"login-{name}", governed=governed, environment=environment)
    hub.login_page = "/hub/oauth_login/company" if governed else "/hub/oauth_login"
    if governed:
        document: dict[str, Any] = make_document(setup.population)
        document["identity"] = {
            "providers": {
                "company": {
                    "issuer": issuer,
                    "client": {"id": CLIENT, "secret": {"env": "BENCHMARK_CLIENT_SECRET"}},
                }
            },
            "rules": [{"provider": "company", "when": {"groups": "/projects/*"}, "level": "user"}],
        }
        (hub.directory / "platform.yaml").write_text(render_document(document))
    return hub


@asynccontextmanager
async def _running_provider(groups: int) -> AsyncIterator[str]:
    port = find_port()
    command = [sys.executable, "-m", "benchmarks.identity_provider", str(port), str(groups)]
    process = subprocess.Popen(command, cwd=ROOT)  # noqa: ASYNC220, S603 - our own program
    issuer = f"http://127.0.0.1:{port}"
    try:
        await _wait_for(issuer)
        yield issuer
    finally:
        process.terminate()
        process.wait(10)


async def _wait_for(issuer: str) -> None:
    ends = time.perf_counter() + _START_SECONDS
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            try:
                (await client.get(f"{issuer}/keys")).raise_for_status()
            except httpx.TransportError:
                if time.perf_counter() > ends:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return


async def _read_cpu(hub: Hub) -> float:
    return float((await hub.read_probe())["cpu_seconds"])
