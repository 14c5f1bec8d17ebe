"""A Hub that is killed while servers run: what is found again, what is charged, what is left."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from jupyterhub_platform.hub.local.processes import Process, identify, is_alive
from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import Api, LiveHub, wait_for
from tests.support.store_readers import read_audit, read_decisions, read_open

pytestmark = pytest.mark.hub

EXAMPLE = Path("examples/local/platform.yaml")


hub = hub_of(EXAMPLE, site="c.Platform.check_seconds = 1\n")


def test_finds_servers_again_and_charges_nothing_twice(hub: LiveHub) -> None:
    dev1, dev2 = hub.token("dev1"), hub.token("dev2")
    assert dev1.start("dev1", tier="small").status_code in {201, 202}
    assert dev2.start("dev2", "two", tier="small", account="vision").status_code in {201, 202}
    dev1.wait_until_ready("dev1")
    dev2.wait_until_ready("dev2", "two")
    held = {(each.user, each.server): each.id for each in read_open(hub)}
    old = _family(hub)

    hub.kill_hub()
    hub.start()
    begun = time.monotonic()

    # The first question after the start is answered from a book that equals the truth.
    usage = dev1.get("platform/usage").json()
    assert [each["id"] for each in usage["servers"]] == [held["dev1", ""]]
    refused = dev1.post("platform/decide", json={"user_options": {"tier": "medium"}}).json()
    assert refused["admitted"] is True, "half a CPU is held of one and a half"
    session = hub.login("dev1")
    page = session.get("/services/platform/", follow_redirects=True)
    assert page.status_code == 200
    assert "1 of 2 servers" in page.text
    assert time.monotonic() - begun < 10

    dev1.wait_until_ready("dev1")
    dev2.wait_until_ready("dev2", "two")
    assert {(each.user, each.server): each.id for each in read_open(hub)} == held
    assert len(read_decisions(hub, admitted=True)) == 2
    answer = dev1.get(f"{hub.url}/user/dev1/api/status")
    assert answer.status_code == 200, "the server of before is not reached"
    left = [process for process in old if is_alive(process)]
    assert left == [], "processes of the old Hub are left"
    time.sleep(3)
    assert "Drift (" not in hub.log

    dev1.stop("dev1")
    dev2.stop("dev2", "two")
    wait_for(lambda: not read_open(hub), "both reservations to be released")
    assert dev1.get("platform/usage").json()["servers"] == []
    assert hub.list_marked() == []
    read_audit(hub)


def test_charges_no_server_that_a_killed_hub_left_half_started(hub: LiveHub) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    dev1 = hub.token("dev1")
    for _ in range(2):
        with ThreadPoolExecutor(1) as pool:
            start = pool.submit(_start_and_forget, dev1)
            wait_for(lambda: read_open(hub), "the reservation", 30)
            time.sleep(chance.uniform(0, 1.0))
            hub.kill_hub()
            start.result()
        hub.start()
        wait_for(lambda: _settled(hub, dev1), "the server to be found or given up", 60)
        running = "" in dev1.servers("dev1")
        assert len(read_open(hub)) == int(running)
        if running:
            dev1.stop("dev1")
        wait_for(lambda: not read_open(hub), "the reservation to be released")
        wait_for(lambda: not hub.list_marked(), "every process of the server to be gone")
    time.sleep(3)
    assert "Drift (" not in hub.log


def _settled(hub: LiveHub, api: Api) -> bool:
    servers = api.servers("dev1")
    return not servers or bool(servers.get("", {}).get("ready"))


def _start_and_forget(api: Api) -> None:
    with suppress(httpx.HTTPError):
        api.start("dev1", tier="small")


def _family(hub: LiveHub) -> list[Process]:
    """Return the Hub, its proxy and its service; people's servers have another parent."""
    pid = hub.hub_pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    marked = set(hub.list_marked())
    found = [identify(each) for each in (pid, *map(int, children)) if each not in marked]
    assert len(found) >= 3, "a Hub, a proxy and a service were expected"
    return [process for process in found if process is not None]
