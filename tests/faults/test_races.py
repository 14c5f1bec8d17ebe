"""Many more starts at once than a limit allows, over HTTP: exactly as many as it allows."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

import httpx
import pytest

from jupyterhub_platform.usecases.denials import MAX_BURST, ONE_MORE_SECONDS
from tests.support.invariants import InvariantChecker
from tests.support.live_hub import LiveHub, running, server_path, wait_for
from tests.support.servers_in_hub import SERVERS_IN_HUB, start_at_once
from tests.support.store_readers import read_open

pytestmark = pytest.mark.hub

PEOPLE = 50
SITE = SERVERS_IN_HUB + "c.JupyterHub.concurrent_spawn_limit = 0\n"
SLOW_HOOK = """
async def look_up(spawner, auth_state):
    await asyncio.sleep(1)

c.Spawner.auth_state_hook = look_up
"""


def make_policy(limit: int) -> str:
    """Return a platform whose only limit is how many servers there may be in all."""
    people = "\n".join(f"  p{number}: {{level: developer}}" for number in range(PEOPLE))
    members = ", ".join(f"p{number}" for number in range(PEOPLE))
    return f"""\
version: 1
name: Race
quota: {{servers: {limit}}}
defaults: {{tier: small}}
users:
  admin: {{level: admin}}
{people}
groups:
  everybody: {{members: [{members}]}}
images:
  lab: {{reference: quay.io/jupyter/base-notebook:latest}}
tiers:
  small: {{requests: {{cpu: 100m, memory: 128Mi}}, images: [lab]}}
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """Say where the platform keeps its store."""
    if request.param == "sqlite":
        return {}
    return {"PLATFORM_DB_URL": request.getfixturevalue("postgres_url")}


def test_forty_starts_against_eight(
    make_directory: Callable[[], Path], environment: dict[str, str]
) -> None:
    _race(make_directory(), environment, starts=40, limit=8)


def test_the_denied_need_not_wait_for_what_a_site_looks_up(
    make_directory: Callable[[], Path],
) -> None:
    # Otherwise the Hub would have answered 202 before it comes to the denial.
    _race(make_directory(), {}, starts=6, limit=3, site=SITE + SLOW_HOOK)


@pytest.mark.long
def test_a_thousand_starts_against_two_hundred(
    make_directory: Callable[[], Path], environment: dict[str, str]
) -> None:
    _race(make_directory(), environment, starts=1000, limit=200)


def _race(
    directory: Path, environment: dict[str, str], *, starts: int, limit: int, site: str = SITE
) -> None:
    hub = LiveHub(directory, make_policy(limit), site=site, environment=environment)
    servers = [(f"p{n % PEOPLE}", f"s{n // PEOPLE}") for n in range(starts)]
    with running(hub):
        checker, admin = InvariantChecker(hub), hub.token("admin")
        recorded: dict[tuple[str, str], str] = {}
        began = time.monotonic()
        for _ in range(2):
            begun = time.monotonic()
            answers = asyncio.run(start_at_once(hub, admin, servers))
            counts = Counter(answer.status_code for answer in answers.values())
            print(f"{starts} starts in {time.monotonic() - begun:.1f} s: {dict(counts)}")
            admitted = {each for each, answer in answers.items() if answer.status_code < 300}
            assert len(admitted) == limit, counts
            for each in answers.keys() - admitted:
                _assert_explained(answers[each], limit)
            denied = {each: answers[each] for each in answers.keys() - admitted}
            led = {
                each: answer.headers["x-platform-decision"]
                for each, answer in denied.items()
                if "x-platform-decision" in answer.headers
            }
            _assert_led(led, denied.keys(), recorded, time.monotonic() - began)
            assert {(row.user, row.server) for row in read_open(hub)} == admitted
            checker.check()
            for user, server in admitted:
                assert admin.delete(server_path(user, server)).status_code in {202, 204}
            wait_for(lambda: not read_open(hub), "everything to be released")
            checker.check()
        assert "consecutive spawns failed" not in hub.log


def _assert_led(
    led: dict[tuple[str, str], str],
    denied: Collection[tuple[str, str]],
    recorded: dict[tuple[str, str], str],
    seconds: float,
) -> None:
    """Assert that the caller's first denials have a row each, and repeats of those share it.

    All starts have one caller, for many users: those beyond its allowance have no row.
    """
    repeated = recorded.keys() & denied
    assert {each: led.get(each) for each in repeated} == {each: recorded[each] for each in repeated}
    recorded |= led
    assert len(set(recorded.values())) == len(recorded), "different denials share a row"
    allowed = MAX_BURST + int(seconds // ONE_MORE_SECONDS)
    assert len(recorded) <= allowed
    assert len(recorded) >= min(MAX_BURST, len(denied))


def _assert_explained(answer: httpx.Response, limit: int) -> None:
    assert answer.status_code == 503, answer.text
    assert f"{limit} of {limit} servers" in answer.json()["message"]
    assert int(answer.headers["retry-after"]) > 0
