"""What a start costs the Hub: the hook, statements and commits, CPU; and what a denial costs."""

import random
import statistics
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure, compare, quantile, ratios
from benchmarks.hub_driver import Hub
from tests.support.postgres import PostgresServer

MAX_HOOK_MILLISECONDS: Final = 0.4
SAME_CPU: Final = 1.02
_START: Final = "start"
_DENIAL: Final = "denial"


async def start(setup: BenchSetup, hub: Hub, name: str) -> None:
    """Start a server that must be admitted."""
    status = await hub.spawn(name, setup.accounts[name])
    if status != HTTPStatus.CREATED:
        raise RuntimeError(f"{name} should have started, and the answer was {status}")


async def be_denied(setup: BenchSetup, hub: Hub, name: str) -> None:
    """Ask for a server that must be denied."""
    status = await hub.spawn(name, setup.accounts[name])
    if status != HTTPStatus.CONFLICT:
        raise RuntimeError(f"{name} should have been denied, and the answer was {status}")


async def measure_statements(setup: BenchSetup) -> list[Figure]:
    """Count what a start and a denial ask of the databases: exact, and the same in every run."""
    stock_hub = setup.make_hub("stock", governed=False)
    governed = setup.make_hub("governed", governed=True)
    people = setup.population.free[: setup.size.spawns]
    async with setup.running(stock_hub, governed):
        stock = await _count_starts(setup, stock_hub, people)
        ours = await _count_starts(setup, governed, people)
        denial = await _count_denials(
            setup, governed, setup.population.refused[: setup.size.spawns]
        )
    beside = f"stock {stock.statements} and {stock.commits} that write"
    return [
        Figure(
            _START,
            "statements on the Hub's database, beyond stock",
            ours.statements - stock.statements,
            "",
            0,
            beside,
        ),
        Figure(
            _START,
            "commits on the Hub's database, beyond stock",
            ours.commits - stock.commits,
            "",
            1,
        ),
        Figure(_START, "rows written in our store", ours.rows, "", 1),
        Figure(_START, "commits on our store", ours.store_commits, "", 1),
        Figure(
            _DENIAL, "statements on the Hub's database", denial.statements, "", stock.statements
        ),
        Figure(_DENIAL, "commits on the Hub's database", denial.commits, "", stock.commits),
    ]


class Counts(NamedTuple):
    """What one start asked of the Hub's database, and what it did to our store."""

    statements: int
    commits: int
    rows: int
    store_commits: int

    @classmethod
    def middle(cls, probes: Iterable[dict[str, Any]]) -> "Counts":
        """Return the middle of many: a user's first start may differ."""
        keys = ("hub_statements", "hub_commits", "store_writes", "store_commits")
        return cls(
            *(
                int(statistics.median(column))
                for column in zip(*([probe[key] for key in keys] for probe in probes), strict=True)
            )
        )


async def _count_starts(setup: BenchSetup, hub: Hub, people: Sequence[str]) -> Counts:
    probes = []
    for name in people:
        await hub.reset()
        await start(setup, hub, name)
        probes.append(await hub.read_probe())
        await hub.despawn(name)
    return Counts.middle(probes)


async def _count_denials(setup: BenchSetup, hub: Hub, people: Sequence[str]) -> Counts:
    probes = []
    for name in people:
        await hub.reset()
        await be_denied(setup, hub, name)
        probes.append(await hub.read_probe())
    return Counts.middle(probes)


async def measure_hooks(setup: BenchSetup) -> list[Figure]:
    """Time the admission hook within real starts, one after the other, on each kind of store."""
    figures = await _measure_hook(setup, setup.make_hub("governed", governed=True), "SQLite")
    server = PostgresServer.create(fsync="on")
    try:
        url = server.create_database()
        hub = setup.make_hub("postgres", governed=True, store_url=url)
        figures += await _measure_hook(setup, hub, "PostgreSQL")
    finally:
        server.remove()
    return figures


async def _measure_hook(setup: BenchSetup, hub: Hub, store: str) -> list[Figure]:
    async with setup.running(hub):
        await hub.reset()
        for name in setup.population.free[: setup.size.spawns]:
            await start(setup, hub, name)
            await hub.despawn(name)
        times = [seconds * 1_000 for seconds in (await hub.read_probe())["hook_seconds"]]
    most = MAX_HOOK_MILLISECONDS if store == "SQLite" else None
    return [
        Figure("hook", f"{store}, p50", quantile(times, 0.5), "ms", most),
        Figure("hook", f"{store}, p99", quantile(times, 0.99), "ms"),
    ]


async def measure_cpu(setup: BenchSetup) -> list[Figure]:
    """Start and stop servers on each Hub in turn, and be denied, round by round."""
    dice = random.Random(setup.seed)  # noqa: S311 - no secret
    names = ("stock", "again", "governed", "denials")
    costs: dict[str, list[float]] = {name: [] for name in names}
    async with setup.running_trio() as trio:
        hubs = dict(zip(names, (*trio, trio.governed), strict=True))
        for _ in range(setup.size.rounds):
            people = dice.sample(setup.population.free, setup.size.burst)
            for name in dice.sample(names, len(names)):
                measure = _deny_all if name == "denials" else _start_all
                costs[name].append(await measure(setup, hubs[name], people) * 1_000)
    stock, again, ours, denials = (costs[name] for name in names)
    share = statistics.median(ratios(denials, stock))
    return [
        Figure(_START, "CPU of the Hub, stock", statistics.median(stock), "ms"),
        compare(_START, "CPU of the Hub", ours, stock, again, at_least=SAME_CPU),
        Figure(_DENIAL, "CPU of the Hub", share, "x stock start", 1),
    ]


async def _start_all(setup: BenchSetup, hub: Hub, people: Sequence[str]) -> float:
    """Return the CPU seconds of one start; the stops are not counted."""
    before = await _read_cpu(hub)
    for name in people:
        await start(setup, hub, name)
    cost = (await _read_cpu(hub) - before) / len(people)
    for name in people:
        await hub.despawn(name)
    return cost


async def _deny_all(setup: BenchSetup, hub: Hub, people: Sequence[str]) -> float:
    """Return the CPU seconds of one denial; as many as there are ``people``."""
    before = await _read_cpu(hub)
    for number in range(len(people)):
        await be_denied(
            setup, hub, setup.population.refused[number % len(setup.population.refused)]
        )
    return (await _read_cpu(hub) - before) / len(people)


async def _read_cpu(hub: Hub) -> float:
    return float((await hub.read_probe())["cpu_seconds"])
