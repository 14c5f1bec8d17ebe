"""A process that waits for an address of the platform to become free never gets one in use."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.hub.local.conftest import as_root
from tests.support.breakpoints import CHEAP_SERVERS
from tests.support.forged_processes import SYSTEM_PYTHON
from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import Api, LiveHub, running, wait_for

pytestmark = [pytest.mark.hub, as_root, pytest.mark.full]

POLICY = Path("tests/data/faults.yaml")
SITE = CHEAP_SERVERS + "c.ConfigurableHTTPProxy.check_running_interval = 1\n"
STRANGER = 199_999

# Tries to listen in the place of others, as often as it can, and says where it does.
THIEF = """
import os, socket, sys
port, *paths = sys.argv[1:]
held = []

def take(address, family, options=()):
    each = socket.socket(family)
    try:
        for option in options:
            each.setsockopt(socket.SOL_SOCKET, option, 1)
        each.bind(address)
        each.listen()
    except OSError:
        each.close()
        return
    held.append(each)
    print("got", address, flush=True)

print("ready", flush=True)
while True:
    for options in ((), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,), (2, 15)):
        take(("127.0.0.1", int(port)), socket.AF_INET, options)
    for path in paths:
        take(path, socket.AF_UNIX)
        for trick in (os.unlink, os.rmdir, lambda p: os.symlink("/tmp", p), lambda p: os.mkdir(p),
                      lambda p: os.rename(p, p + "x")):
            try:
                trick(path)
            except OSError:
                continue
            print("did", path, flush=True)
"""


@contextmanager
def thief(uid: int, hub: LiveHub, server: str) -> Iterator[subprocess.Popen[str]]:
    """Have another user try to listen wherever a part of the platform does."""
    sockets = hub.sockets
    own = sockets.of("dev1", server)
    paths = [sockets.hub, sockets.proxy_api, sockets.service, own, own.with_suffix("")]
    port = httpx.URL(hub.url).port
    process = subprocess.Popen(
        [SYSTEM_PYTHON, "-c", THIEF, str(port), *map(str, paths)],
        stdout=subprocess.PIPE,
        text=True,
        user=uid,
        group=uid,
        extra_groups=[],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def loot(process: subprocess.Popen[str]) -> str:
    """End a thief, and return what it says it got."""
    process.kill()
    assert process.stdout is not None
    return process.stdout.read()


hub = hub_of(POLICY, site=SITE, scope="function")


def start(api: Api, server: str) -> None:
    assert api.start("dev1", server, tier="small").status_code in {201, 202}
    api.wait_until_ready("dev1", server)


def reaches(hub: LiveHub, api: Api, server: str) -> bool:
    """Tell whether the proxy leads to a server; anything but that server is a fault."""
    try:
        answer = api.get(f"{hub.url}/user/dev1/{server}/api")
    except httpx.HTTPError:
        return False
    assert answer.status_code != 200 or answer.text == "here\n", answer.text
    return answer.status_code == 200


def list_ports(pid: int) -> set[int]:
    """Return the ports at which a process and all below it listen."""
    found = set()
    parent = psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        with suppress(psutil.Error):
            listening = [c for c in process.net_connections("inet") if c.status == "LISTEN"]
            found |= {each.laddr.port for each in listening}
    return found


def test_nothing_but_the_public_port_is_listened_at(hub: LiveHub) -> None:
    dev1 = hub.token("dev1")
    start(dev1, "here")
    assert reaches(hub, dev1, "here")
    assert list_ports(hub.hub_pid) == {httpx.URL(hub.url).port}


@pytest.mark.parametrize("of_the_owner", [False, True], ids=["a stranger", "another of its owner"])
def test_a_part_that_crashes_is_replaced_by_no_other_process(
    hub: LiveHub, of_the_owner: bool
) -> None:
    dev1, admin = hub.token("dev1"), hub.login("admin")
    start(dev1, "here")
    owner = hub.sockets.of("dev1", "here").stat().st_gid
    assert owner not in {0, STRANGER}
    with thief(owner if of_the_owner else STRANGER, hub, "here") as process:
        for find in (lambda: hub.proxy_pid, lambda: hub.service_pid):
            before = find()
            os.kill(before, signal.SIGKILL)
            time.sleep(0.2)
            wait_for(lambda: reaches(hub, dev1, "here"), "the server to be reached again", 60)

            def is_back() -> bool:
                answer = admin.get("/services/platform/", follow_redirects=True)
                return "of 12 servers" in answer.text

            wait_for(is_back, "the service to be back", 60)
        for pid in hub.list_marked():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # The listener there is not a server: the Hub and its proxy say so until the Hub notices.
        assert not reaches(hub, dev1, "here")
        wait_for(lambda: not dev1.servers("dev1"), "the Hub to notice", 60)
        start(dev1, "here")
        assert reaches(hub, dev1, "here")
        assert loot(process) == ""


def test_a_platform_that_comes_back_is_itself_or_says_who_is_there(hub: LiveHub) -> None:
    dev1 = hub.token("dev1")
    start(dev1, "here")
    with thief(STRANGER, hub, "here") as process:
        hub.kill_hub()
        hub.start()
        assert reaches(hub, dev1, "here")
        # As the kernel may, where memory is short: nothing of the platform's is left.
        for pid in hub.list_port_holders():
            os.kill(pid, signal.SIGKILL)
        hub.kill_hub()
        assert process.stdout is not None
        port = httpx.URL(hub.url).port
        assert process.stdout.readline() == f"got ('127.0.0.1', {port})\n"
        with pytest.raises(AssertionError) as refused:
            hub.start()
        said = str(refused.value)
        assert (
            f"Port {port} is taken by another program. Stop that, or name another: --port." in said
        )
        assert re.search(rf"It is process {process.pid} \(python3\S*, .*uid {STRANGER}\)\.", said)
        rest = loot(process)
        assert "/" not in rest, "a socket of the platform's"
    hub.start()
    assert reaches(hub, dev1, "here"), "it went on, and is found again"
    assert dev1.servers("dev1")["here"]["ready"]
    dev1.stop("dev1", "here")


STUBBORN = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
while True:
    time.sleep(60)
"""
SERVICES = f"""
c.JupyterHub.services = [
    {{"name": name, "command": [{sys.executable!r}, "-c", {STUBBORN!r}]}}
    for name in ("culler", "exporter", "other")
]
"""


def list_stubborn(hub: LiveHub) -> set[psutil.Process]:
    """Return the services of the site that run."""
    found = set()
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            mark = each.environ().get("JUPYTERHUB_PLATFORM_HUB")
            if mark == str(hub.state) and "SIG_IGN" in " ".join(each.cmdline()):
                found.add(each)
    return found


def test_services_that_do_not_end_are_ended_and_named(make_directory: Callable[[], Path]) -> None:
    with running(LiveHub(make_directory(), POLICY, site=CHEAP_SERVERS + SERVICES)) as hub:
        dev1 = hub.token("dev1")
        start(dev1, "here")
        servers = hub.list_marked()

        # The Hub waits for each of them longer than `jhp up` waits for the Hub.
        assert len(list_stubborn(hub)) == 3
        assert hub.stop() == 0
        assert not list_stubborn(hub)
        said = hub.terminal.read_text()
        assert re.search(r"Ended what the Hub had started and left running: python", said)

        hub.start()
        assert len(list_stubborn(hub)) == 3
        hub.kill_hub()
        assert not list_stubborn(hub)

        hub.start()
        left = list_stubborn(hub)
        hub.kill_everything()
        assert len(left) == 3
        assert list_stubborn(hub) == left
        # Another user may write the same: that is no reason to end what is theirs.
        decoy = subprocess.Popen(
            [SYSTEM_PYTHON, "-c", "import time; time.sleep(600)"],
            env={"JUPYTERHUB_PLATFORM_HUB": str(hub.state)},
            user=STRANGER,
            group=STRANGER,
        )
        try:
            hub.start()
            assert decoy.poll() is None
        finally:
            decoy.kill()
            decoy.wait()
        again = list_stubborn(hub)
        assert len(again) == 3
        assert not again & left
        assert "Ended what an earlier run left behind: python" in hub.terminal.read_text()

        assert set(servers) == set(hub.list_marked()), "servers go on through all of it"
        assert reaches(hub, dev1, "here")
