"""Two Hubs on one store: the second refuses to start, in one line, and harms nothing."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.breakpoints import CHEAP_SERVERS
from tests.support.invariants import InvariantChecker
from tests.support.live_hub import LiveHub, wait_for
from tests.support.postgres_sessions import end_sessions

pytestmark = [pytest.mark.hub, pytest.mark.full]

POLICY = Path("tests/data/faults.yaml")
SAME_HUB_DATABASE = "c.JupyterHub.db_url = 'sqlite:///{state}/jupyterhub.sqlite'\n"


# The lock itself is tested on both in each run: tests/store/test_writer_lock.py.
ON_POSTGRES = pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.long])


@pytest.fixture(params=["sqlite", ON_POSTGRES])
def url(request: pytest.FixtureRequest, make_directory: Callable[[], Path]) -> str:
    """Say where the store of both Hubs is."""
    if request.param == "sqlite":
        return f"sqlite:///{make_directory()}/platform.sqlite"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def hubs(url: str, make_directory: Callable[[], Path]) -> Iterator[tuple[LiveHub, LiveHub]]:
    """Give two platforms with one store and one Hub database, as a rolling update would."""
    environment = {"PLATFORM_DB_URL": url}
    first = LiveHub(make_directory(), POLICY, site=CHEAP_SERVERS, environment=environment)
    site = CHEAP_SERVERS + SAME_HUB_DATABASE.format(state=first.state)
    second = LiveHub(make_directory(), POLICY, site=site, environment=environment)
    try:
        first.start()
        yield first, second
    finally:
        try:
            first.clean_up()
        finally:
            second.clean_up()


def test_the_second_refuses_until_the_first_is_gone(hubs: tuple[LiveHub, LiveHub]) -> None:
    first, second = hubs
    checker, dev1, browser = InvariantChecker(first), first.token("dev1"), first.login("dev1")
    assert dev1.start("dev1", "here", tier="small").status_code in {201, 202}
    dev1.wait_until_ready("dev1", "here")
    os.kill(first.hub_pid, signal.SIGSTOP)  # silent, and still there
    try:
        assert_refused(second)
    finally:
        os.kill(first.hub_pid, signal.SIGCONT)
    assert dev1.start("dev1", "there", tier="small").status_code in {201, 202}
    dev1.wait_until_ready("dev1", "there")
    page = browser.get("/services/platform/", follow_redirects=True)
    assert page.status_code == 200, "the first one's service was locked out"
    checker.check()
    for server in ("here", "there"):
        dev1.stop("dev1", server)
    checker.check()
    first.kill_hub()
    second.start()
    heir = second.login("dev1", first.passwords["dev1"])
    assert heir.get("/hub/token").status_code == 200


@pytest.mark.long
def test_a_hub_that_lost_its_store_admits_nothing_any_more(
    hubs: tuple[LiveHub, LiveHub], url: str
) -> None:
    first, second = hubs
    dev1 = first.token("dev1")
    with claim_lost(url, first):
        second.start()
    wait_for(
        lambda: dev1.start("dev1", "here", tier="small").status_code == 503, "the first to notice"
    )
    wait_for(lambda: "has taken the store" in first.terminal.read_text(), "the first to say so")
    second.passwords = first.passwords  # people are in the store
    dev2 = second.token("dev2")
    assert dev2.start("dev2", "here", tier="small").status_code in {201, 202}
    second.stop()
    refused = dev1.start("dev1", "here", tier="small")
    assert refused.status_code == 503, "its book is not the truth any more"
    assert "cannot record" in refused.json()["message"]


def assert_refused(hub: LiveHub) -> None:
    before = len(hub.terminal.read_text()) if hub.terminal.exists() else 0
    with pytest.raises(AssertionError, match="did not get ready"):
        hub.start()
    said = hub.terminal.read_text()[before:]
    lines = [line for line in said.splitlines() if "another Hub uses the store" in line]
    assert len(lines) == 1, said
    assert "Stop the other one" in lines[0]
    assert "Traceback" not in said + hub.log


@contextmanager
def claim_lost(url: str, hub: LiveHub) -> Iterator[None]:
    """Have a Hub lose its lock without ending, as a network or an operator's mistake can do."""
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///") + ".lock").unlink()
        yield
        return
    os.kill(hub.hub_pid, signal.SIGSTOP)
    try:
        end_sessions(url)
        yield
    finally:
        os.kill(hub.hub_pid, signal.SIGCONT)
