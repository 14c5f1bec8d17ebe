"""What a plan of a policy of many people costs: in the Hub, beside its loop, and for who waits."""

import time
import zlib
from base64 import b64encode
from typing import Any, Final

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure
from benchmarks.hub_driver import Hub
from benchmarks.population import make_document, render_document
from benchmarks.stalls import MAX_MILLISECONDS, longest_stall, started

MAX_SECONDS: Final = 5
PLAN: Final = "api/platform/policy/plan"


async def measure_plans(setup: BenchSetup) -> list[Figure]:
    """Plan the policy in force, one that moves everybody, and one without most people."""
    document = make_document(setup.population)
    kept = list(document["users"])[: len(document["users"]) // 10]
    few = {name: document["users"][name] for name in (*kept, "root")}
    names = few.keys()
    groups = {
        name: group
        | {key: [n for n in group[key] if n in names] for key in ("members", "managers")}
        for name, group in document["groups"].items()
    }
    grants = [each for each in document["grants"] if each["user"] in names]
    planned = {
        "nothing changes": document,
        "everybody joins a group": make_document(setup.population, everybody_also_in="everybody"),
        "nine of ten people go": {**document, "users": few, "groups": groups, "grants": grants},
    }
    figures = []
    async with started(setup.make_hub("plans", governed=True)) as hub:
        # JupyterHub looks at the routes of all servers once it has started.
        await hub.wait_until_quiet()
        for what, each in planned.items():
            figures += await _measure(hub, what, each)
    return figures


async def _measure(hub: Hub, what: str, document: dict[str, Any]) -> list[Figure]:
    packed = b64encode(zlib.compress(render_document(document).encode())).decode()
    await hub.reset()
    before, began = hub.cpu_seconds(), time.perf_counter()
    answer = await hub.command("POST", PLAN, {"packed": packed})
    seconds = time.perf_counter() - began
    spent = hub.cpu_seconds() - before
    stall = await longest_stall(hub)
    plan = answer.raise_for_status().json()
    note = f"{len(document['users']):,} people; {plan['concerned']:,} concerned"
    return [
        Figure("plan", f"{what}, until it is answered", seconds, "s", MAX_SECONDS, note),
        Figure("plan", f"{what}, CPU of the Hub", spent, "s", MAX_SECONDS),
        Figure("plan", f"{what}, longest stall", stall, "ms", MAX_MILLISECONDS),
    ]
