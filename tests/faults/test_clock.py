"""The clock is set back an hour, and forth again: no time is negative, and nothing ends for it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.support.breakpoints import CHEAP_SERVERS
from tests.support.fake_clock import FakeClock
from tests.support.invariants import InvariantChecker
from tests.support.live_hub import Api, LiveHub, running, wait_for

pytestmark = [pytest.mark.hub, pytest.mark.full]

POLICY = Path("tests/data/faults.yaml")
# What starts a process as another user does not bear a clock that is moved.
ONE_USER = "c.PlatformLocalSpawner.isolate = False\n"
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "restarted",
    [
        pytest.param(False, id="running"),
        pytest.param(True, id="restarted", marks=pytest.mark.long),
    ],
)
def test_a_clock_that_is_set_back_makes_nothing_negative(
    make_directory: Callable[[], Path], restarted: bool
) -> None:
    directory = make_directory()
    clock = FakeClock(directory)
    hub = LiveHub(directory, POLICY, site=clock.site + CHEAP_SERVERS + ONE_USER)
    with running(hub):
        checker, dev1, browser = InvariantChecker(hub), hub.token("dev1"), hub.login("dev1")
        start(dev1, "before")
        start(dev1, "goes-on")
        clock.move(-3600)
        if restarted:
            hub.kill_hub()
            hub.start()
        wait_for(lambda: is_behind(dev1, HOUR), "the Hub's clock to be set back", 20)
        dev1.stop("dev1", "before")
        start(dev1, "between")
        assert browser.get("/hub/token").status_code == 200, "a session ended"
        checker.check(clock_moved=True)
        clock.move(0)
        wait_for(lambda: not is_behind(dev1, HOUR), "the Hub's clock to be right", 20)
        for server in ("between", "goes-on"):
            dev1.stop("dev1", server)
        start(dev1, "before")
        checker.check(clock_moved=True)


def start(api: Api, server: str) -> None:
    answer = api.start("dev1", server, tier="small")
    assert answer.status_code in {201, 202}, answer.text
    api.wait_until_ready("dev1", server)


def is_behind(api: Api, much: timedelta) -> bool:
    """Tell whether the Hub says that it is earlier, by about as ``much``."""
    said = parsedate_to_datetime(api.get("users/dev1").headers["date"])
    return datetime.now(UTC) - said > much - timedelta(minutes=1)
