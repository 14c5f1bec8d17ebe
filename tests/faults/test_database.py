"""The platform's store is locked, gone, frozen, killed or another one, while people work."""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.breakpoints import CHEAP_SERVERS
from tests.support.invariants import InvariantChecker, is_for_people
from tests.support.live_hub import Api, LiveHub, running, wait_for
from tests.support.load_generator import load
from tests.support.postgres import PostgresServer
from tests.support.seeds import dice_for
from tests.support.store_readers import read_open

pytestmark = [pytest.mark.hub, pytest.mark.full]

POLICY = Path("tests/data/faults.yaml")


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    """Start a PostgreSQL server that these tests alone take down."""
    server = PostgresServer.create()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def on_postgres(database: PostgresServer, make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    environment = {"PLATFORM_DB_URL": database.create_database()}
    hub = LiveHub(make_directory(), POLICY, site=CHEAP_SERVERS, environment=environment)
    with running(hub):
        yield hub


@contextmanager
def locked(hub: LiveHub, file: str = "platform.sqlite") -> Iterator[None]:
    """Hold the SQLite file as another process does that writes without end."""
    with closing(sqlite3.connect(hub.state / file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE" if file == "platform.sqlite" else "BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def stopped(database: PostgresServer) -> Iterator[None]:
    """Have the server gone, as when its machine lost its power."""
    database.stop()
    try:
        yield
    finally:
        database.start()


@contextmanager
def killed(database: PostgresServer) -> Iterator[None]:
    """Kill the server's first process, which takes the others with it."""
    database.kill()
    try:
        yield
    finally:
        database.start()


@contextmanager
def frozen(database: PostgresServer) -> Iterator[None]:
    """Stop every process of the server as it is: connections stand, and nothing answers."""
    pids = database.list_processes()
    _signal(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        # A worker of the server may have ended just as it was listed.
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def test_a_locked_sqlite_file_refuses_starts_and_loses_nothing(
    make_directory: Callable[[], Path],
) -> None:
    chance = dice_for("test_database")
    with running(LiveHub(make_directory(), POLICY, site=CHEAP_SERVERS)) as hub:
        checker, dev1 = InvariantChecker(hub), hub.token("dev1")
        with load(hub, "dev2", chance):
            time.sleep(2)
            with locked(hub):
                _assert_refused(dev1)
            _assert_starts_again(dev1)
        checker.check()


def test_a_hub_whose_own_database_is_locked_says_so_and_calls_no_user_a_stranger(
    make_directory: Callable[[], Path],
) -> None:
    # Each caller is looked up, and noted to be active, each time.
    site = f"{CHEAP_SERVERS}c.JupyterHub.activity_resolution = 0\n"
    with running(LiveHub(make_directory(), POLICY, site=site)) as hub:
        admin, browser = hub.token("admin"), hub.login("admin")
        with locked(hub, "jupyterhub.sqlite"):
            answers = [
                admin.get("user"),
                admin.post("platform/users/dev1/suspend", json={"reason": "why"}),
                browser.get("/hub/token"),
            ]
        for answer in answers:
            assert answer.status_code == 503, answer.text[-300:]
            assert "cannot use its own database" in answer.text
            assert answer.headers["Retry-After"]
        assert admin.get("user").status_code == 200
        assert browser.get("/hub/token").status_code == 200


@pytest.mark.postgres
@pytest.mark.parametrize("fault", [killed, frozen])
def test_an_outage_under_load_loses_nothing(
    on_postgres: LiveHub, database: PostgresServer, fault: Callable[..., Any]
) -> None:
    _go_through(on_postgres, database, fault, dice_for("test_database"), seconds=3)


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.parametrize("fault", [stopped, killed, frozen])
def test_an_outage_of_a_minute_under_load_loses_nothing(
    on_postgres: LiveHub, database: PostgresServer, fault: Callable[..., Any]
) -> None:
    _go_through(on_postgres, database, fault, dice_for("test_database"), seconds=60)


def _go_through(
    hub: LiveHub,
    database: PostgresServer,
    fault: Callable[..., Any],
    chance: random.Random,
    *,
    seconds: float,
) -> None:
    checker, dev1 = InvariantChecker(hub), hub.token("dev1")
    with load(hub, "dev2", chance):
        wait_for(lambda: read_open(hub), "the load to begin")
        with fault(database):
            _assert_refused(dev1)
            time.sleep(seconds)  # how long the outage lasts is what is asked here
            _assert_refused(dev1)
        _assert_starts_again(dev1)
    checker.check()


@pytest.mark.postgres
def test_an_empty_server_in_its_place_is_refused_loudly(
    on_postgres: LiveHub, database: PostgresServer
) -> None:
    hub = on_postgres
    checker, dev1 = InvariantChecker(hub), hub.token("dev1")
    _assert_starts_again(dev1)
    with database.replaced() as empty:
        empty.create_database(hub.database_url.rsplit("/", 1)[1])
        _assert_refused(dev1)
        wait_for(lambda: "was emptied" in hub.terminal.read_text(), "the Hub to say so")
        hub.kill_hub()
        with pytest.raises(AssertionError, match="did not get ready"):
            hub.start()
        said = hub.terminal.read_text().splitlines()
        refusals = [line for line in said if line.startswith("The Hub does not start")]
        assert len(refusals) == 1
        assert "restore it from a backup" in refusals[0] or "another one" in refusals[0]
    hub.start()
    _assert_starts_again(dev1)
    checker.check()


def _assert_refused(api: Api) -> None:
    answer = api.start("dev1", "during", tier="small")
    assert answer.status_code == 503, answer.text
    assert "cannot record" in answer.json()["message"]
    assert is_for_people(answer)
    assert int(answer.headers["retry-after"]) > 0


def _assert_starts_again(api: Api) -> None:
    def start() -> bool:
        return api.start("dev1", "after", tier="small").status_code in {201, 202}

    wait_for(start, "a start to be admitted", 30)
    api.wait_until_ready("dev1", "after")
    api.stop("dev1", "after")
