"""What pages cost with very many people: how long the service takes, and how large they are."""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure
from benchmarks.ledger import fill_ledger, name_group, name_person
from benchmarks.population import Population, make_document, render_document
from benchmarks.sizes import Size
from jupyterhub_platform.documents import parse_policy
from jupyterhub_platform.store import audit, policies
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.usage_sums import UsageSums

MAX_MILLISECONDS: Final = 100
MAX_KILOBYTES: Final = 150
MAX_MEGABYTES: Final = 250

PER_GROUP: Final = 10
AUDIT_ROWS: Final = 20_000
LEDGER: Final = "ledger.sqlite"
"""The store of the topics that need a ledger of a year, which the first of them fills."""
_TIMES: Final = 9
_OF_A_PROCESS: Final = 2
_START_SECONDS: Final = 120
_PREFIX: Final = "/services/platform/"


def list_pages(people: int) -> dict[str, str]:
    """Return what is asked for, by what it is called."""
    group, person = name_group(1), name_person(min(1, people - 1))
    return {
        "own": "",
        "overview": "overview",
        "people": "people",
        "people, the last page": f"people?offset={max(0, people - 50)}",
        "people, searched": "people?search=0001",
        "a user": f"people/{person}",
        "groups": "groups",
        "groups, by what they hold": "groups?sort=-servers",
        "a group": f"groups/{group}",
        "tiers": "tiers",
        "grants": "grants",
        "policy": "policy",
        "audit": "audit",
        "usage": "usage",
        "usage of people": "usage?by=person",
        "servers, by REST": "api/v1/servers",
        "people, by REST": "api/v1/people",
    }


async def measure_pages(setup: BenchSetup) -> list[Figure]:
    """Fill a store, start the service on it, and ask for every page as an admin."""
    return await asyncio.to_thread(_measure, setup.size, setup.seed, setup.directory)


def _measure(size: Size, seed: int, directory: Path) -> list[Figure]:
    url = f"sqlite:///{directory / LEDGER}"
    if not (directory / LEDGER).exists():
        store = Store.open(url)
        fill(store, size, seed)
        for _ in UsageSums(store).settle(datetime.now(UTC)):
            pass
        store.close()
    figures: list[Figure] = []
    with _serving(url) as (process, client):
        began = time.perf_counter()
        _ask(client, "api/v1/me")
        first = time.perf_counter() - began
        for what, path in list_pages(size.ledger_people).items():
            took, work, kilobytes = _time(process, client, path)
            note = f"{took:.0f} ms until the answer is there"
            figures += [
                Figure("pages", what, work, "ms", MAX_MILLISECONDS, note),
                Figure("pages", f"{what}, size", kilobytes, "kB", MAX_KILOBYTES),
            ]
        held = process.memory_info().rss / 1e6
    return [
        *figures,
        Figure("pages", "the first answer of all", first, "s", note="compiles the policy"),
        Figure("pages", "memory of the service", held, "MB", MAX_MEGABYTES),
    ]


def fill(store: Store, size: Size, seed: int) -> None:
    """Fill a store with a policy of everybody, a ledger of a year and an audit."""
    people, now = size.ledger_people, datetime.now(UTC)
    names = tuple(name_person(number) for number in range(people))
    groups = max(1, people // PER_GROUP)
    members = {name_group(number): names[number::groups] for number in range(groups)}
    document = make_document(Population((), names, (), members))
    document["users"]["admin"] = {"level": "admin"}
    read = parse_policy(render_document(document).encode(), "platform.yaml")
    with store.begin() as transaction:
        policies.record_revision(
            transaction,
            document_json=read.text,
            digest=read.digest,
            source="platform.yaml",
            actor="admin",
            at=now,
        )
    rows = size.ledger_rows
    fill_ledger(store, people=people, groups=groups, rows=rows, until=now, seed=seed)
    with store.begin() as transaction:
        for number in range(min(rows, AUDIT_ROWS)):
            audit.append(
                transaction,
                at=now,
                actor="admin",
                action="person.changed",
                subject=names[number % people],
            )


@contextmanager
def _serving(url: str) -> Iterator[tuple[psutil.Process, httpx.Client]]:
    command = [sys.executable, "-m", "benchmarks.page_service", url]
    with subprocess.Popen(  # noqa: S603 - ours
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            said: dict[str, Any] = json.loads(next(iter(process.stdout or ())))
            headers = {"Authorization": f"Bearer {said['token']}"}
            with httpx.Client(base_url=said["url"], headers=headers, timeout=300) as client:
                _wait_for(client)
                yield psutil.Process(said["pid"]), client
        finally:
            # Its input ends, and it ends the service.
            process.communicate()


def _wait_for(client: httpx.Client) -> None:
    ends = time.monotonic() + _START_SECONDS
    while True:
        try:
            client.get(f"{_PREFIX}static/platform.css")
        except httpx.TransportError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)
        else:
            return


def _ask(client: httpx.Client, path: str) -> int:
    answer = client.get(_PREFIX + path)
    if answer.status_code != 200:
        raise AssertionError(f"{path}: {answer.status_code} {answer.text[:300]}")
    return len(answer.content)


def _time(process: psutil.Process, client: httpx.Client, path: str) -> tuple[float, float, float]:
    """Return the milliseconds of a request and of the service's work for it, both at the median.

    And the kilobytes of its answer.
    """
    size = _ask(client, path)
    times, works = [], []
    for _ in range(_TIMES):
        began, worked = time.perf_counter(), _read_clock(process.pid)
        _ask(client, path)
        works.append((_read_clock(process.pid) - worked) * 1000)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times), statistics.median(works), size / 1000


def _read_clock(pid: int) -> float:
    """Return the CPU time of another process, which Linux has a clock for, in seconds."""
    return time.clock_gettime((~pid << 3) | _OF_A_PROCESS)
