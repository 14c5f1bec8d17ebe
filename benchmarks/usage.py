"""What usage costs: settling the days of a year, and reading a year of them."""

import asyncio
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure, quantile
from benchmarks.ledger import name_group, name_person
from benchmarks.pages import LEDGER, fill
from benchmarks.sizes import Size
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.reports.paging import Query
from jupyterhub_platform.usecases.reports.reader import StoreReader
from jupyterhub_platform.usecases.reports.usage import list_usage, report_usage
from jupyterhub_platform.usecases.reports.usage_arguments import read_usage_arguments
from jupyterhub_platform.usecases.reports.viewer import Viewer
from jupyterhub_platform.usecases.usage_sums import UsageSums
from tests.support.postgres import PostgresServer

MAX_YEAR_MILLISECONDS: Final = 500
MAX_PAGE_MILLISECONDS: Final = 100
MAX_STEP_MILLISECONDS: Final = 20

_TIMES: Final = 7
_EVERYTHING: Final = Viewer("root", reads_all=True)


async def measure_usage(setup: BenchSetup) -> list[Figure]:
    """Fill a ledger of a year, settle it, and ask for it, in a database of each kind."""
    return await asyncio.to_thread(_measure, setup.size, setup.seed, setup.directory)


def _measure(size: Size, seed: int, directory: Path) -> list[Figure]:
    figures = measure_store(size, seed, f"sqlite:///{directory / LEDGER}", "SQLite")
    # As a site's does, it looks at what its tables are like.
    server = PostgresServer.create(autovacuum="on", autovacuum_naptime="1s")
    try:
        url = server.create_database()
        figures += measure_store(size, seed, url, "PostgreSQL")
    finally:
        server.remove()
    return figures


def measure_store(size: Size, seed: int, url: str, kind: str) -> list[Figure]:
    """Measure with the store at ``url``, which is filled first."""
    store = Store.open(url)
    try:
        fill(store, size, seed)
        figures = _settle(store, kind)
    finally:
        store.close()
    return figures + read_usage(url, kind)


def _settle(store: Store, kind: str) -> list[Figure]:
    """Settle a year as the Hub does, but for the rests between its steps."""
    steps, began, cpu = [], time.perf_counter(), time.process_time()
    last = began
    for _ in UsageSums(store).settle(datetime.now(UTC)):
        now = time.perf_counter()
        steps.append((now - last) * 1000)
        last = now
    took = time.process_time() - cpu
    what = f"{kind}, settle"
    return [
        Figure("usage", f"{what} a year", took, "s CPU"),
        Figure("usage", f"{what}, a step, p50", quantile(steps, 0.5), "ms", MAX_STEP_MILLISECONDS),
        Figure("usage", f"{what}, a step, p99", quantile(steps, 0.99), "ms", note="reads, too"),
    ]


def read_usage(url: str, kind: str) -> list[Figure]:
    """Ask for the usage of a year, and for the file of it."""
    reader = StoreReader(url)
    facts = reader.read()

    def time_report(arguments: dict[str, str]) -> float:
        query = read_usage_arguments(arguments, Query())
        return median_milliseconds(lambda: report_usage(reader, facts, _EVERYTHING, query))

    year = {"since": f"{(facts.at - timedelta(days=334)).replace(day=1):%Y-%m-%d}"}
    cases = {
        f"a year by {by}, per {per}": year | {"by": by, "per": per}
        for by, per in (
            *(("person", "month"), ("person", "day"), ("group", "month"), ("group", "week")),
            *(("tier", "day"), ("image", "month")),
        )
    }
    group, person = name_group(1), name_person(1)
    cases["a year of one group, by person"] = year | {
        "by": "person",
        "per": "month",
        "group": group,
    }
    cases["a year of one person, by tier"] = year | {
        "by": "tier",
        "per": "month",
        "person": person,
    }
    figures = [
        Figure("usage", f"{kind}, {what}", time_report(case), "ms", MAX_YEAR_MILLISECONDS)
        for what, case in cases.items()
    ]
    month = time_report({})
    what = f"{kind}, 30 days by group, as the page opens"
    figures.append(Figure("usage", what, month, "ms", MAX_PAGE_MILLISECONDS))
    query = read_usage_arguments(year | {"by": "person", "per": "month"}, Query())
    parts = list_usage(reader, facts, _EVERYTHING, query)
    began = time.perf_counter()
    lines = len(next(parts, ()))
    first = (time.perf_counter() - began) * 1_000
    lines += sum(map(len, parts))
    took = time.perf_counter() - began
    what = f"{kind}, the file of a year by person, per month"
    figures += [
        Figure("usage", f"{what}, its first part", first, "ms", MAX_YEAR_MILLISECONDS),
        Figure("usage", f"{what}, all of it", took, "s", note=f"{lines:,} people"),
    ]
    reader.close()
    return figures


def median_milliseconds(work: Callable[[], object]) -> float:
    """Return how long something takes at the median, after a first time."""
    work()
    times = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)
