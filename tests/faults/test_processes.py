"""Each process of a platform is killed, and frozen: what comes back by itself, and nothing lost."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from jupyterhub_platform.hub.local.processes import find_marked, is_alive, is_supervisor
from jupyterhub_platform.instance_id import read_instance
from tests.support.breakpoints import CHEAP_SERVERS
from tests.support.forged_processes import CALLED_LIKE_A_SUPERVISOR, NOT_DUMPABLE, marks, process_of
from tests.support.hub_fixtures import hub_of
from tests.support.invariants import InvariantChecker, is_for_people
from tests.support.live_hub import Api, LiveHub, wait_for

pytestmark = [pytest.mark.hub, pytest.mark.full]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as other users")

POLICY = Path("tests/data/faults.yaml")
# As soon as it looks for its proxy, rather than within five seconds.
SITE = CHEAP_SERVERS + "c.ConfigurableHTTPProxy.check_running_interval = 1\n"


hub = hub_of(POLICY, site=SITE)


@pytest.fixture
def dev1(hub: LiveHub) -> Iterator[Api]:
    """Give a user's API, with one server that is ready; all is stopped at the end."""
    api = hub.token("dev1")
    start(api, "here")
    yield api
    for server in api.servers("dev1"):
        api.delete(f"users/dev1/servers/{server}")
    wait_for(lambda: not api.servers("dev1"), "every server to stop")


@pytest.fixture
def checker(hub: LiveHub) -> InvariantChecker:
    return InvariantChecker(hub)


def start(api: Api, server: str) -> None:
    answer = api.start("dev1", server, tier="small")
    assert answer.status_code in {201, 202}, answer.text
    api.wait_until_ready("dev1", server)


def reaches(hub: LiveHub, api: Api, server: str) -> bool:
    """Tell whether the proxy leads to a server."""
    try:
        return api.get(f"{hub.url}/user/dev1/{server}/api").text == "here\n"
    except httpx.HTTPError:
        return False


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process as it is, and let it go on."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def pids_of(hub: LiveHub, server: str, *, supervisor: bool) -> list[int]:
    """Return the supervisor of a server, or what runs below it."""
    marked = find_marked(read_instance(hub.state), f"dev1/{server}")
    found = [one.process.pid for one in marked if is_supervisor(one.process.pid)]
    if supervisor:
        return found
    return [each.pid for pid in found for each in psutil.Process(pid).children(recursive=True)]


def test_a_proxy_that_was_killed_comes_back_with_its_routes(
    hub: LiveHub, dev1: Api, checker: InvariantChecker
) -> None:
    proxy = hub.proxy_pid
    os.kill(proxy, signal.SIGKILL)
    wait_for(lambda: reaches(hub, dev1, "here"), "the server to be reached again", 60)
    assert hub.proxy_pid != proxy
    start(dev1, "there")
    checker.check()


def test_a_service_that_was_killed_comes_back(
    hub: LiveHub, dev1: Api, checker: InvariantChecker
) -> None:
    browser = hub.login("dev1")
    service = hub.service_pid
    os.kill(service, signal.SIGKILL)
    start(dev1, "there")  # no start waits for the service

    def is_back() -> bool:
        answer = browser.get("/services/platform/", follow_redirects=True)
        assert answer.status_code == 200 or is_for_people(answer), answer.text
        return answer.status_code == 200 and "2 of 12 servers" in answer.text

    wait_for(is_back, "the service to be back", 60)
    assert hub.service_pid != service
    checker.check()


@pytest.mark.parametrize("supervisor", [False, True], ids=["server", "supervisor"])
def test_a_server_that_was_killed_is_released_with_all_that_it_started(
    hub: LiveHub, dev1: Api, checker: InvariantChecker, supervisor: bool
) -> None:
    for pid in pids_of(hub, "here", supervisor=supervisor):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not dev1.servers("dev1"), "the Hub to notice", 60)
    checker.check()
    assert hub.list_marked() == []


@pytest.mark.parametrize("supervisor", [False, True], ids=["server", "supervisor"])
def test_a_server_that_is_frozen_is_held_until_it_is_stopped(
    hub: LiveHub, dev1: Api, checker: InvariantChecker, supervisor: bool
) -> None:
    (pid, *_) = pids_of(hub, "here", supervisor=supervisor)
    with frozen(pid):
        checker.check()
    assert reaches(hub, dev1, "here")
    os.kill(pid, signal.SIGSTOP)
    dev1.stop("dev1", "here")
    checker.check()
    assert hub.list_marked() == []


def test_a_hub_that_was_frozen_goes_on_where_it_was(
    hub: LiveHub, dev1: Api, checker: InvariantChecker
) -> None:
    impatient = httpx.Client(base_url=hub.url, timeout=1, trust_env=False)
    with frozen(hub.hub_pid), impatient:
        with pytest.raises(httpx.TimeoutException):
            impatient.get("/hub/api/")
        assert reaches(hub, dev1, "here"), "servers do not need the Hub"
    start(dev1, "there")
    checker.check()


def test_a_proxy_that_was_frozen_loses_no_start(
    hub: LiveHub, dev1: Api, checker: InvariantChecker
) -> None:
    direct = hub.token("dev1")
    with frozen(hub.proxy_pid), hub.connect_directly(timeout=20) as client:
        # Past the proxy, as a program in the cluster does.
        answer = client.post(
            "/hub/api/users/dev1/servers/there",
            headers=direct.headers,
            json={"user_options": {"tier": "small"}},
        )
        assert answer.status_code in {201, 202}
        hub.asked.append(answer.request)
        hub.answers.append(answer)
    dev1.wait_until_ready("dev1", "there")
    wait_for(lambda: reaches(hub, dev1, "there"), "the route to be made")
    checker.check()


def test_a_service_that_is_frozen_holds_up_no_start(
    hub: LiveHub, dev1: Api, checker: InvariantChecker
) -> None:
    with frozen(hub.service_pid):
        start(dev1, "there")
        dev1.stop("dev1", "there")
    checker.check()


@as_root
def test_marks_that_a_user_forges_end_no_server_of_another(
    hub: LiveHub, dev1: Api, checker: InvariantChecker
) -> None:
    dev2 = hub.token("dev2")
    assert dev2.start("dev2", "theirs", tier="small").status_code in {201, 202}
    dev2.wait_until_ready("dev2", "theirs")
    instance = read_instance(hub.state)
    (victim,) = (one for one in find_marked(instance, "dev2/theirs"))
    uid = json.loads((hub.state / "people-uids.json").read_text())["dev1"]
    forged = marks(instance, "dev1/boom", victim.reservation)
    with process_of(uid, CALLED_LIKE_A_SUPERVISOR + NOT_DUMPABLE, **forged) as pid:
        start(dev1, "boom")
        assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, "it hangs below no server"
    assert is_alive(victim.process)
    assert reaches(hub, dev1, "here")
    assert dev2.servers("dev2")["theirs"]["ready"]
    checker.check()
    dev2.delete("users/dev2/servers/theirs")
    wait_for(lambda: not dev2.servers("dev2"), "the server to stop")
