"""A thousand pods: how fast they start beside plain KubeSpawner, and that they are no more."""

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Final

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure, compare, ratios
from benchmarks.hub_driver import Hub
from benchmarks.pod_bench_setup import PodBenchSetup, Site, open_pod_bench_setup

MIN_RATE: Final = 0.95
MAX_RESTART: Final = 1.1
CLIENTS: Final = 50
_NAMES: Final = ("stock", "again", "governed")
_TOPIC: Final = "pods"
_QUOTA: Final = "capacity.servers"
"""The code of a denial by what the whole platform may hold."""


async def measure_pods(setup: BenchSetup) -> list[Figure]:
    """Start pods on each Hub in turn, restart the Hubs above them, and race for too few."""
    dice = random.Random(setup.seed)  # noqa: S311 - no secret
    with open_pod_bench_setup(setup) as pods:
        hubs = [pods.sites[name].hub for name in _NAMES]
        async with setup.running(*hubs):
            figures = await _measure_rate(setup, pods, dice)
            figures.append(_compare_pods(pods))
            figures += await _measure_restarts(setup, pods, dice)
            figures += await _restart_into_a_full_book(pods)
        race = pods.sites["race"]
        async with setup.running(race.hub):
            figures += await _race(pods, race)
        return figures


# -- how fast ----------------------------------------------------------------------------------


async def _measure_rate(
    setup: BenchSetup, pods: PodBenchSetup, dice: random.Random
) -> list[Figure]:
    seconds: dict[str, list[float]] = {name: [] for name in _NAMES}
    cpu: dict[str, list[float]] = {name: [] for name in _NAMES}
    for block in _divide(pods.people, setup.size.pod_rounds):
        for name in dice.sample(_NAMES, len(_NAMES)):
            hub = pods.sites[name].hub
            before, began = hub.cpu_seconds(), time.perf_counter()
            await _start_all(pods, hub, block)
            seconds[name].append(time.perf_counter() - began)
            cpu[name].append(hub.cpu_seconds() - before)
    rate = len(pods.people) / sum(seconds["stock"])
    share = statistics.median(ratios(seconds["stock"], seconds["governed"]))
    same = ratios(seconds["stock"], seconds["again"])
    least = min(*same, *(1 / ratio for ratio in same))
    note = f"stock against itself down to {least:.2f}"
    return [
        Figure(_TOPIC, "starts in a second, stock", rate, "/s"),
        Figure(_TOPIC, "rate of starts", share, "x stock", note=note, least=MIN_RATE),
        compare(_TOPIC, "CPU of the Hub for a start", *(cpu[name] for name in _ORDER)),
    ]


def _compare_pods(pods: PodBenchSetup) -> Figure:
    """Count the fields that only pods of one of the Hubs have: the work would not be the same."""
    stock, ours = (pods.sites[name].list_fields() for name in ("stock", "governed"))
    unlike = sorted(stock ^ ours)
    return Figure(
        _TOPIC, "fields that only one Hub's pods have", len(unlike), "", 0, ", ".join(unlike)
    )


async def _start_all(pods: PodBenchSetup, hub: Hub, people: Iterable[str]) -> None:
    """Start a server for everybody, asked for by so many at a time, until all are ready."""
    turns = asyncio.Semaphore(CLIENTS)

    async def start(name: str) -> None:
        async with turns:
            status = await hub.spawn(name, pods.accounts[name])
        if status != HTTPStatus.CREATED:
            raise RuntimeError(f"{name} should have started, and the answer was {status}")

    await asyncio.gather(*map(start, people))


def _divide(people: Sequence[str], parts: int) -> list[Sequence[str]]:
    length = -(-len(people) // parts)
    return [people[start : start + length] for start in range(0, len(people), length)]


# -- above running pods --------------------------------------------------------------------------


async def _measure_restarts(
    setup: BenchSetup, pods: PodBenchSetup, dice: random.Random
) -> list[Figure]:
    answered: dict[str, list[float]] = {name: [] for name in _NAMES}
    routed: dict[str, list[float]] = {name: [] for name in _NAMES}
    for _ in range(setup.size.restarts):
        for name in dice.sample(_NAMES, len(_NAMES)):
            first, last = await _restart(pods, pods.sites[name])
            answered[name].append(first)
            routed[name].append(last)
    middle = statistics.median(answered["stock"])
    return [
        Figure(_TOPIC, "restart, until a stock Hub knows its servers and answers", middle, "s"),
        _compare_restarts("restart, until it knows its servers and answers", answered),
        _compare_restarts("restart, until its proxy has every route, too", routed),
    ]


def _compare_restarts(what: str, seconds: Mapping[str, Sequence[float]]) -> Figure:
    same = ratios(seconds["again"], seconds["stock"])
    most = max(*same, *(1 / ratio for ratio in same))
    share = statistics.median(ratios(seconds["governed"], seconds["stock"]))
    note = f"stock against itself up to {most:.2f}"
    return Figure(_TOPIC, what, share, "x stock", MAX_RESTART, note)


async def _restart(pods: PodBenchSetup, site: Site) -> tuple[float, float]:
    """Kill the Hub, and return after how long another answers, and routes every server.

    It answers once it has looked at every server, and tells its proxy once its services are up.
    """
    count = len(pods.people)
    site.hub.kill()
    began = time.perf_counter()
    answered = await site.hub.start()
    while await site.hub.count_routes() < count:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    routed = time.perf_counter() - began
    active, there = await site.hub.count_active(), len(site.list_reservations())
    if (active, there) != (count, count):
        raise RuntimeError(f"Of {count} servers, {active} were found again; there are {there} pods")
    await site.hub.wait_until_quiet()
    return answered, routed


async def _restart_into_a_full_book(pods: PodBenchSetup) -> list[Figure]:
    """Ask for more than the quota in the first instant of a Hub that still looks at its servers."""
    site, name = pods.sites["governed"], pods.late[0]
    before = site.list_reservations()
    site.hub.kill()
    status = await site.hub.start_spawning(name, pods.accounts[name], BENCHMARK_INIT_SECONDS="1")
    await site.hub.wait_until_quiet()
    codes = site.list_denials(1)
    denied = status == HTTPStatus.SERVICE_UNAVAILABLE and len(codes) == 1 and _is_by_quota(codes[0])
    after = site.list_reservations()
    changed = len(set(before) ^ set(after)) + len(set(after) ^ set(site.list_held()))
    note = f"answered {status} {', '.join(codes[0]) if codes else ''}".strip()
    return [
        Figure(_TOPIC, "first answer after a restart, not denied", int(not denied), "", 0, note),
        Figure(_TOPIC, "pods or rows that changed meanwhile", changed, "", 0),
    ]


# -- no more than there may be ----------------------------------------------------------------


async def _race(pods: PodBenchSetup, site: Site) -> list[Figure]:
    """Have everybody ask at once, a tenth more than the quota allows."""
    quota = len(pods.people)
    everybody = [*pods.people, *pods.late]
    answers = await asyncio.gather(
        *(site.hub.spawn(name, pods.accounts[name]) for name in everybody)
    )
    started = sum(status == HTTPStatus.CREATED for status in answers)
    denials = [codes for codes in site.list_denials(len(everybody)) if _is_by_quota(codes)]
    refused = sum(status == HTTPStatus.SERVICE_UNAVAILABLE for status in answers)
    there, held = set(site.list_reservations()), set(site.list_held())
    most = max(site.peak.pods, len(there))
    note = f"{len(everybody)} at once for {quota}; at most {most} pods at any instant"
    return [
        Figure(_TOPIC, "beyond the quota", max(0, most - quota, started - quota), "", 0, note),
        Figure(_TOPIC, "short of the quota", max(0, quota - min(started, len(there))), "", 0),
        Figure(
            _TOPIC,
            "answers that are neither a server nor a quota's denial",
            len(everybody) - started - min(refused, len(denials)),
            "",
            0,
            _render_counts(answers),
        ),
        Figure(
            _TOPIC, "pods without an open row, and rows without a pod", len(there ^ held), "", 0
        ),
    ]


def _render_counts(answers: Iterable[int]) -> str:
    counts = sorted(Counter(answers).items())
    return ", ".join(f"{count} times {status}" for status, count in counts)


def _is_by_quota(codes: Sequence[str]) -> bool:
    return _QUOTA in codes


_ORDER: Final = ("governed", "stock", "again")
