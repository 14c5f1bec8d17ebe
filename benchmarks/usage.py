"""What usage costs: settling the days of a year, and reading a year of them."""

import asyncio
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure, quantile
from benchmarks.ledger import fill_ledger, name_group, name_person
from benchmarks.population import make_document, make_population, render_document
from benchmarks.sizes import Size
from jupyterhub_platform.documents import parse_policy
from jupyterhub_platform.store import policies
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.reports.paging import Query
from jupyterhub_platform.usecases.reports.reader import StoreReader
from jupyterhub_platform.usecases.reports.usage import report_usage
from jupyterhub_platform.usecases.reports.usage_arguments import read_usage_arguments
from jupyterhub_platform.usecases.reports.viewer import Viewer
from jupyterhub_platform.usecases.usage_sums import UsageSums
from tests.support.postgres import PostgresServer

MAX_YEAR_MILLISECONDS: Final = 500
MAX_PAGE_MILLISECONDS: Final = 100
MAX_STEP_MILLISECONDS: Final = 20

NOW: Final = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)
_TIMES: Final = 7
_EVERYTHING: Final = Viewer("root", reads_all=True)


async def measure_usage(setup: BenchSetup) -> list[Figure]:
    """Fill a ledger of a year, settle it, and ask for it, in a database of each kind."""
    return await asyncio.to_thread(_measure, setup.size, setup.seed, setup.directory)


def _measure(size: Size, seed: int, directory: Path) -> list[Figure]:
    figures = measure_store(size, seed, f"sqlite:///{directory / 'usage.sqlite'}", "SQLite")
    server = PostgresServer.create()
    try:
        url = server.create_database()
        figures += measure_store(size, seed, url, "PostgreSQL")
    finally:
        server.remove()
    return figures


def measure_store(size: Size, seed: int, url: str, kind: str) -> list[Figure]:
    """Measure with the store at ``url``, which is filled first if it is empty."""
    store = Store.open(url)
    try:
        fill(store, size, seed)
        figures = _settle(store, kind)
    finally:
        store.close()
    return figures + _read(url, kind, size)


def fill(store: Store, size: Size, seed: int) -> None:
    """Fill a store with a policy and a ledger."""
    read = parse_policy(
        render_document(make_document(make_population(60, 10, seed))).encode(), "platform.yaml"
    )
    with store.begin() as transaction:
        policies.record_revision(
            transaction,
            document_json=read.text,
            digest=read.digest,
            source="platform.yaml",
            actor="root",
            at=NOW,
        )
    people, groups = size.ledger_people, max(1, size.ledger_people // 10)
    fill_ledger(store, people=people, groups=groups, rows=size.ledger_rows, until=NOW, seed=seed)


def _settle(store: Store, kind: str) -> list[Figure]:
    """Settle a year as the Hub does, but for the rests between its steps."""
    steps, began, cpu = [], time.perf_counter(), time.process_time()
    last = began
    for _ in UsageSums(store).settle(NOW):
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


def _read(url: str, kind: str, size: Size) -> list[Figure]:
    reader = StoreReader(url, clock=lambda: NOW)
    facts = reader.read()

    def time_report(arguments: dict[str, str]) -> float:
        query = read_usage_arguments(arguments, Query())
        return median_milliseconds(lambda: report_usage(reader, facts, _EVERYTHING, query))

    year = {"since": "2025-12-01"}
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
