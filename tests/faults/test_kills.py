"""The Hub is killed at an instant: nothing is left running, nothing is held or charged twice.

One kill hits four servers at once, each at another instant: before its backend is created, after
it was created and before the Hub heard of it, when it is ready, and during its stop.
"""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.support.breakpoints import STOPS, Breakpoints
from tests.support.invariants import InvariantChecker
from tests.support.live_hub import Api, LiveHub, running, wait_for
from tests.support.seeds import dice_for

pytestmark = [pytest.mark.hub, pytest.mark.full]

POLICY = Path("tests/data/faults.yaml")
QUICK, FULL = 3, 50


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """Say where the platform keeps its store."""
    if request.param == "sqlite":
        return {}
    return {"PLATFORM_DB_URL": request.getfixturevalue("postgres_url")}


def test_kills_at_every_instant(
    make_directory: Callable[[], Path], environment: dict[str, str]
) -> None:
    _kill_at_instants(make_directory(), environment, 1 if environment else QUICK)


@pytest.mark.long
def test_kills_at_every_instant_fifty_times(
    make_directory: Callable[[], Path], environment: dict[str, str]
) -> None:
    _kill_at_instants(make_directory(), environment, FULL)


def test_kills_at_random_instants(make_directory: Callable[[], Path]) -> None:
    _kill_at_random(make_directory(), 1)


@pytest.mark.long
def test_kills_at_random_instants_fifty_times(make_directory: Callable[[], Path]) -> None:
    _kill_at_random(make_directory(), FULL)


def _kill_at_instants(directory: Path, environment: dict[str, str], kills: int) -> None:
    chance = dice_for("test_kills")
    instants = Breakpoints(directory)
    hub = LiveHub(directory, POLICY, site=instants.site, environment=environment)
    with running(hub):
        checker, dev1 = InvariantChecker(hub), hub.token("dev1")
        for number in range(kills):
            stop = STOPS[number % len(STOPS)]
            order = chance.sample(["create", "created", "stopping"], 3)
            print(f"kill {number + 1} of {kills}: {stop}, {' '.join(order)}")
            _bring_to_their_instants(instants, dev1, stop, order)
            hub.kill_hub()
            instants.disarm()
            hub.start()
            checker.check()
            living = set(dev1.servers("dev1"))
            # Whatever had a backend goes on; whatever had none, or was at its end, is gone.
            expected = {"ready", "created"} | ({"stopping"} if stop == "stop-asked" else set())
            assert living == expected
            _stop_all(dev1)
            checker.check()
            assert hub.list_marked() == []


def _bring_to_their_instants(instants: Breakpoints, api: Api, stop: str, order: list[str]) -> None:
    for server in ("ready", "stopping"):
        _start(api, server)
    for server in ("ready", "stopping"):
        api.wait_until_ready("dev1", server)
    for server in order:
        match server:
            case "create":
                instants.arm(server, "before-create")
                _start(api, server)
            case "created":
                instants.arm(server, "after-create")
                _start(api, server)
            case _:
                instants.arm(server, stop)
                assert api.delete(f"users/dev1/servers/{server}").status_code == 202
    for server in order:
        instants.wait_until_reached(server)


def _kill_at_random(directory: Path, kills: int) -> None:
    chance = dice_for("test_kills")
    hub = LiveHub(directory, POLICY, site=Breakpoints(directory).site)
    with running(hub):
        checker, dev1 = InvariantChecker(hub), hub.token("dev1")
        for number in range(kills):
            with ThreadPoolExecutor(3) as pool:
                work = [pool.submit(_work, dev1, f"s{each}", chance.random()) for each in range(3)]
                moment = chance.uniform(0.0, 1.5)
                print(f"kill {number + 1} of {kills}: after {moment:.3f} s")
                time.sleep(moment)
                hub.kill_hub()
                for each in work:
                    each.result()
            hub.start()
            checker.check()
        _stop_all(dev1)
        checker.check()
        assert hub.list_marked() == []


def _work(api: Api, server: str, chosen: float) -> None:
    """Start and stop one server again and again, until the Hub is gone."""
    chance = random.Random(chosen)
    with suppress(httpx.HTTPError):
        while True:
            answer = (
                api.start("dev1", server, tier="small")
                if chance.random() < 0.5
                else api.delete(f"users/dev1/servers/{server}")
            )
            if answer.status_code in {502, 503, 504}:
                return  # from the proxy, for the Hub that is gone
            time.sleep(chance.uniform(0.0, 0.3))


def _start(api: Api, server: str) -> None:
    answer = api.start("dev1", server, tier="small")
    assert answer.status_code in {201, 202}, answer.text


def _stop_all(api: Api) -> None:
    for server in api.servers("dev1"):
        api.delete(f"users/dev1/servers/{server}")
    wait_for(lambda: not api.servers("dev1"), "every server to stop")
