"""Twenty starts at once against a quota of one, on a real Hub: exactly one is admitted."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from jupyterhub_platform.usecases.denials import MAX_BURST
from tests.support.live_hub import Api, LiveHub, Session, running, wait_for
from tests.support.store_readers import read_decisions, read_open

pytestmark = [pytest.mark.hub, pytest.mark.full]

POLICY = Path("tests/data/stampede.yaml")
SITE = "c.JupyterHub.tornado_settings = {{'slow_spawn_timeout': {timeout}}}\n"
NAMED = [f"s{number:02d}" for number in range(19)]


@pytest.fixture(scope="module", params=[0, 10], ids=["at_once", "patient"])
def hub(request: pytest.FixtureRequest, make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    directory = make_directory()
    site = (
        SITE.format(timeout=request.param)
        + "c.PlatformLocalSpawner.consecutive_failure_limit = 2\n"
    )
    with running(LiveHub(directory, POLICY, site=site)) as hub:
        yield hub


def test_admits_exactly_one_of_twenty_and_again_after_release(hub: LiveHub) -> None:
    person, admin = hub.token("dev1"), hub.token("admin")
    browsers = [hub.login("dev1") for _ in range(10)]
    once_admitted: set[str] = set()
    for _ in range(2):
        answers = _stampede(person, admin, browsers)
        admitted = [server for server, answer in answers.items() if answer.status_code < 400]
        once_admitted.update(admitted)
        refused = [answer for answer in answers.values() if answer.status_code == 409]
        assert len(admitted) == 1, {s: a.status_code for s, a in answers.items()}
        assert len(refused) == 19
        for answer in refused:
            assert re.search("(dev1 holds|You hold) 1 of 1 server in vision", answer.text)
        _assert_nothing_is_left(hub, person, admitted[0], once_admitted)
        person.wait_until_ready("dev1", admitted[0])
        person.stop("dev1", admitted[0])
        wait_for(lambda: not read_open(hub), "the reservation to be released")
    assert "consecutive spawns failed" not in hub.log
    # All are counted; of the same person's, a few are recorded whole.
    assert 'decisions_total{answer="quota.servers"} 38.0' in admin.get("../metrics").text
    rows = read_decisions(hub, admitted=False)
    assert MAX_BURST <= len([r for r in rows if r.requested_by == "dev1"]) <= MAX_BURST + 2


def test_a_refused_start_keeps_the_options_of_before(hub: LiveHub) -> None:
    admin = hub.token("admin")
    assert admin.start("admin", tier="nonsense").status_code == 400
    assert _options_of(admin, "admin") in (None, {})
    assert admin.start("admin", tier="small", image="lab").status_code in {201, 202}
    admin.wait_until_ready("admin")
    admin.stop("admin")
    assert admin.start("admin", tier="small", image="nonsense").status_code == 400
    assert _options_of(admin, "admin") == {"tier": "small", "image": "lab"}


def _options_of(api: Api, name: str) -> object:
    answer = api.get(f"users/{name}", params={"include_stopped_servers": "1"}).json()
    return answer["servers"].get("", {}).get("user_options")


def _stampede(person: Api, admin: Api, browsers: list[Session]) -> dict[str, httpx.Response]:
    """Start the default server and 19 named ones at once: by form, by REST, one by an admin."""

    def start(number: int) -> tuple[str, httpx.Response]:
        server = "" if number == 0 else NAMED[number - 1]
        if number == 19:
            return server, admin.start("dev1", server, tier="small")
        if number % 2:
            return server, person.start("dev1", server, tier="small")
        return server, browsers[number // 2].start(server, tier="small")

    with ThreadPoolExecutor(20) as pool:
        return dict(pool.map(start, range(20)))


def _assert_nothing_is_left(
    hub: LiveHub, person: Api, admitted: str, once_admitted: set[str]
) -> None:
    assert list(person.servers("dev1")) == [admitted]
    everything = person.get("users/dev1", params={"include_stopped_servers": "1"}).json()
    kept = everything["servers"].keys() - once_admitted - {""}
    # Viewing the form of a named server makes the Hub list it; a refusal takes it away again.
    assert kept == set(), "a denied server is still listed"
    tokens = person.get("users/dev1/tokens").json()["api_tokens"]
    ours = [token["note"] for token in tokens if token["note"].startswith("Server at")]
    assert len(ours) == 1, ours
    held = read_open(hub)
    assert [(each.user, each.server) for each in held] == [("dev1", admitted)]
    book = person.get("platform/usage").json()
    assert [each["server"] for each in book["servers"]] == [admitted], json.dumps(book)
