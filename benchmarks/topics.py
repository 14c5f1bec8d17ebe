"""What can be measured, by name, in the order in which it is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from benchmarks.anonymous_load import measure_anonymous_load
from benchmarks.bench_setup import BenchSetup
from benchmarks.bulk import measure_bulk
from benchmarks.decision import measure_decision
from benchmarks.figures import Figure
from benchmarks.included import measure_included
from benchmarks.logins import measure_logins
from benchmarks.pages import measure_pages
from benchmarks.plans import measure_plans
from benchmarks.pods import measure_pods
from benchmarks.restarts import measure_restarts
from benchmarks.spawns import measure_cpu, measure_hooks, measure_statements
from benchmarks.stalls import measure_stalls
from benchmarks.usage import measure_usage

Topic: TypeAlias = Callable[[BenchSetup], Awaitable[list[Figure]]]


async def _measure_decision(setup: BenchSetup) -> list[Figure]:
    return await asyncio.to_thread(measure_decision, setup.size, setup.seed)


TOPICS: Final[Mapping[str, Topic]] = {
    "decision": _measure_decision,
    "statements": measure_statements,
    "hook": measure_hooks,
    "cpu": measure_cpu,
    "stalls": measure_stalls,
    "files": measure_included,
    "plan": measure_plans,
    "bulk": measure_bulk,
    "restart": measure_restarts,
    "login": measure_logins,
    "anonymous": measure_anonymous_load,
    "usage": measure_usage,
    "pages": measure_pages,
    "pods": measure_pods,
}
