"""A disk that is full or read-only: starts are refused with a sentence, and the Hub recovers."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.breakpoints import CHEAP_SERVERS
from tests.support.invariants import InvariantChecker, is_for_people
from tests.support.live_hub import Api, LiveHub, Session, running, wait_for
from tests.support.small_disk import (
    NEEDS_LOOP,
    NEEDS_ROOT,
    BreakingDisk,
    SmallDisk,
    may_break,
    may_mount,
)

pytestmark = [
    pytest.mark.hub,
    pytest.mark.skipif(not may_mount(), reason=NEEDS_ROOT),
    pytest.mark.full,
]

POLICY = Path("tests/data/faults.yaml")


@pytest.fixture
def disk(make_directory: Callable[[], Path]) -> Iterator[SmallDisk]:
    """Mount a small file system, for the state directory of a platform."""
    disk = SmallDisk(make_directory(), megabytes=24)
    disk.mount()
    yield disk
    disk.unmount()


def test_a_full_disk_refuses_starts_and_mends_by_itself(disk: SmallDisk) -> None:
    with running(LiveHub(disk.path, POLICY, site=CHEAP_SERVERS)) as hub:
        checker, dev1 = InvariantChecker(hub), hub.token("dev1")
        _start(dev1, "before")
        _start(dev1, "ending")
        with disk.full():
            for _ in range(2):
                _assert_refused(dev1.start("dev1", "during", tier="small"))
            _assert_refused(_try_to_log_in(hub))
            _assert_it_goes_on(hub, dev1)
            assert dev1.delete("users/dev1/servers/ending").status_code == 202
            _fill_the_log(dev1)
        checker.check()
        assert set(dev1.servers("dev1")) <= {"before", "ending"}
        _start(dev1, "after")
        checker.check()
        assert "log cannot be written" in hub.terminal.read_text()


def test_a_platform_on_a_read_only_directory_does_not_start_and_says_why(disk: SmallDisk) -> None:
    hub = LiveHub(disk.path, POLICY, site=CHEAP_SERVERS)
    hub.state.mkdir()
    hub.terminal = disk.path.with_suffix(".log")
    with disk.read_only(), pytest.raises(AssertionError, match="did not get ready"):
        hub.start()
    said = hub.terminal.read_text()
    assert "Read-only file system" in said
    assert "Traceback" not in said
    with running(hub):
        _start(hub.token("dev1"), "after")


@pytest.mark.long
@pytest.mark.skipif(not may_break(), reason=NEEDS_LOOP)
def test_a_disk_that_breaks_refuses_starts_until_it_is_mended(
    make_directory: Callable[[], Path],
) -> None:
    directory = make_directory()
    disk = BreakingDisk(make_directory(), directory / "image")
    disk.create()
    hub = LiveHub(disk.path, POLICY, site=CHEAP_SERVERS)
    hub.terminal, hub.ready_file = directory / "terminal.log", directory / "ready.json"
    try:
        with running(hub):
            checker, dev1 = InvariantChecker(hub), hub.token("dev1")
            _start(dev1, "before")
            disk.fail()
            for _ in range(2):
                _assert_refused(dev1.start("dev1", "during", tier="small"))
            _assert_it_goes_on(hub, dev1)
            _fill_the_log(dev1)
            # What docs/operations.md says.
            hub.stop()
            _end_whatever_has_files_there(hub)
            disk.unmount()
            disk.repair()
            disk.mount()
            hub.start()
            checker.check()
            assert dev1.servers("dev1") == {}
            _start(dev1, "after")
            checker.check()
    finally:
        disk.unmount()


def _start(api: Api, server: str) -> None:
    answer = api.start("dev1", server, tier="small")
    assert answer.status_code in {201, 202}, answer.text
    api.wait_until_ready("dev1", server)


def _assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert is_for_people(answer)
    assert int(answer.headers["retry-after"]) > 0
    assert "right now" in answer.text


def _end_whatever_has_files_there(hub: LiveHub) -> None:
    """Do what ``fuser --kill --mount`` does: people's servers keep their logs there."""
    for pid in hub.list_marked():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not hub.list_marked(), "the servers to end")


def _try_to_log_in(hub: LiveHub) -> httpx.Response:
    with Session(hub.url, "dev2") as browser:
        return browser.submit_login(hub.passwords["dev2"])


def _assert_it_goes_on(hub: LiveHub, api: Api) -> None:
    """Check that what only reads is answered, and that servers are reached."""
    assert api.get("platform/usage").status_code == 200
    assert api.get(f"{hub.url}/user/dev1/before/api").text == "here\n"


def _fill_the_log(api: Api) -> None:
    """Have the Hub say more than a pipe holds: a reader that stops reading would stop it."""
    for number in range(600):
        assert api.get(f"nothing-{number}-{'x' * 100}").status_code in {403, 404}
