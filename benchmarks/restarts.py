"""How long a Hub takes to come back to its running servers, and how large it is then."""

import random
import statistics

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure, compare

MAX_EXTRA_MEGABYTES = 30
NAMES = ("stock", "again", "governed")


async def measure_restarts(setup: BenchSetup) -> list[Figure]:
    """Start each Hub in turn, several times, on the files of one that was killed."""
    dice = random.Random(setup.seed)  # noqa: S311 - no secret
    seconds: dict[str, list[float]] = {name: [] for name in NAMES}
    cpu: dict[str, list[float]] = {name: [] for name in NAMES}
    memory: dict[str, list[float]] = {name: [] for name in NAMES}
    for _ in range(setup.size.restarts):
        for name in dice.sample(NAMES, len(NAMES)):
            hub = setup.make_hub(f"restart-{name}", governed=name == "governed")
            try:
                seconds[name].append(await hub.start())
                cpu[name].append(hub.cpu_seconds())
                await hub.wait_until_quiet()
                memory[name].append(hub.memory_bytes() / 2**20)
            finally:
                await hub.stop()
    stock, again, ours = (statistics.median(memory[name]) for name in NAMES)
    note = f"stock {stock:.0f} MiB, again {again:.0f} MiB, governed {ours:.0f} MiB"
    return [
        Figure("restart", "until a stock Hub answers", statistics.median(seconds["stock"]), "s"),
        compare("restart", "time until it answers", *(seconds[n] for n in _ORDER)),
        compare("restart", "CPU until it answers", *(cpu[n] for n in _ORDER)),
        Figure("memory", "more than stock", ours - stock, "MiB", MAX_EXTRA_MEGABYTES, note),
    ]


_ORDER = ("governed", "stock", "again")
