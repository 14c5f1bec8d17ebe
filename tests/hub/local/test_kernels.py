"""Kernels of an isolated user: no other user listens in, debugs them or takes their place."""

import asyncio
import json
import os
import stat
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from jupyterhub_platform.http import sockets as sockets_module
from jupyterhub_platform.hub.local.machine import Machine
from jupyterhub_platform.hub.local.processes import PYTHON
from jupyterhub_platform.hub.local.spawner import SHARED_ADDRESS
from jupyterhub_platform.hub.upstream.jupyter_kernels import WITHOUT_PORTS
from jupyterhub_platform.hub.upstream.kernel_sockets import (
    DEBUGGER_OFF,
    DEBUGGER_ON,
    hide_kernels,
    say_debugger,
)
from tests.hub.local.conftest import as_root
from tests.support import socket_prober
from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import Api, LiveHub, running

POLICY: Final = Path("tests/data/faults.yaml")
STRANGER: Final = 199_999
CANARY: Final = "what-dev2-prints-is-nobody-elses"


@dataclass
class Kernel:
    """A kernel of dev2's, spoken to as a browser does."""

    hub: LiveHub
    api: Api
    id: str
    printed: str = ""

    def request(self, path: str = "") -> HTTPRequest:
        url = f"{self.hub.url}/user/dev2/api/kernels/{self.id}/{path}".replace("http", "ws", 1)
        return HTTPRequest(url, headers={"Authorization": f"Bearer {self.api.token}"})

    async def ask(
        self, kind: str, content: dict[str, Any], channel: str = "shell", seconds: float = 20
    ) -> dict[str, Any] | None:
        """Send a message; return the content of its reply, None if there is none in time."""
        client = await websocket_connect(self.request("channels"))
        try:
            return await asyncio.wait_for(self._ask(client, kind, content, channel), seconds)
        except TimeoutError:
            return None
        finally:
            client.close()
            # Otherwise its socket may be left to the collector, in another test.
            async with asyncio.timeout(10):
                while await client.read_message() is not None:
                    pass

    async def _ask(
        self, client: WebSocketClientConnection, kind: str, content: dict[str, Any], channel: str
    ) -> dict[str, Any]:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "s", "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "channel": channel}
        await client.write_message(json.dumps({**message, "content": content}))
        while True:
            told = await client.read_message()
            assert told is not None, (self.hub.state / "logs/servers/dev2.log").read_text()
            said = json.loads(told)
            if said["msg_type"] == "stream":
                self.printed += said["content"]["text"]
            if said["parent_header"].get("msg_id") == header["msg_id"] and said["msg_type"] in {
                kind.replace("_request", "_reply"),
                "error",
            }:
                found: dict[str, Any] = said["content"]
                return found

    async def run(self, code: str) -> None:
        """Run code; it must not fail."""
        found = await self.ask("execute_request", {"code": code, "silent": False})
        assert found is not None, "the kernel does not answer"
        assert found["status"] == "ok", found


def start_kernel(hub: LiveHub) -> Kernel:
    """Start dev2's server and a kernel in it."""
    api = hub.token("dev2")
    assert api.start("dev2").status_code in {201, 202}
    api.wait_until_ready("dev2")
    answer = api.post(f"{hub.url}/user/dev2/api/kernels", json={"name": "python3"})
    assert answer.status_code == 201, answer.text
    return Kernel(hub, api, answer.json()["id"])


hub = hub_of(POLICY, lab=True)


@pytest.fixture(scope="module")
def kernel(hub: LiveHub) -> Kernel:
    return start_kernel(hub)


def uid_of(hub: LiveHub, name: str) -> int:
    return int(json.loads((hub.state / "people-uids.json").read_text())[name])


def is_below(name: str, place: Path) -> bool:
    return Path(name).resolve().is_relative_to(place)


def list_reachable(place: str, uid: int) -> Iterator[tuple[Path, int]]:
    """List what a user has in a directory, as far as others can pass through, and its mode."""
    for directory, names, files in os.walk(place):
        for name in (*names, *files):
            path = Path(directory) / name
            found = path.lstat()
            if found.st_uid == uid and not path.is_symlink():
                yield path, stat.S_IMODE(found.st_mode)
        names[:] = [n for n in names if (Path(directory) / n).lstat().st_mode & 0o001]


async def attack(uid: int, victim: int, meanwhile: Callable[[], Any]) -> dict[str, Any]:
    """Have one user try everything at another's server, while that one works."""
    process = await asyncio.create_subprocess_exec(
        PYTHON, socket_prober.__file__, "6", str(victim), stdout=subprocess.PIPE,
        user=uid, group=uid, extra_groups=[], cwd="/", env={"PATH": os.defpath},
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"listening\n"
    await meanwhile()
    found: dict[str, Any] = json.loads(await process.stdout.read())
    assert await process.wait() == 0
    assert found["uid"] == uid
    return found


@pytest.mark.hub
@as_root
async def test_another_user_hears_and_runs_nothing_in_a_kernel(
    hub: LiveHub, kernel: Kernel
) -> None:
    async def work() -> None:
        # Opened by JupyterLab as a notebook is; the debugger would listen from the second on.
        for command in ("debugInfo", "initialize", "attach"):
            request = {"type": "request", "seq": 1, "command": command, "arguments": {}}
            answer = await kernel.ask("debug_request", request, "control", seconds=0.5)
            assert answer is None, "the debugger answers"
        for _ in range(5):
            await kernel.run(f"print({CANARY!r}, flush=True)")
            await asyncio.sleep(0.2)

    found = await attack(STRANGER, uid_of(hub, "dev2"), work)

    assert CANARY not in found["heard"]
    assert "Content-Length" not in str(found["answers"]), "a debugger answered"
    # Not even one for the output of forked processes: gigabytes could be sent there.
    assert found["ports"] == []
    theirs = [name for name in found["sockets"] if is_below(name, hub.state.parent / "homes")]
    # By the short way, however long the home's own path is.
    short = [name for name in theirs if name.startswith(str(hub.sockets.directory))]
    assert len([name for name in short if kernel.id in name]) == 5, found["sockets"]
    assert not set(theirs) & set(found["accepted"])
    assert not [name for name in found["accepted"] if name.startswith("@") and "python" in name]


@pytest.mark.hub
@as_root
async def test_notebooks_terminals_and_tools_of_the_shell_go_on(
    hub: LiveHub, kernel: Kernel
) -> None:
    await kernel.run("%pip --version\nimport subprocess, sys\n")
    assert await kernel.ask("complete_request", {"code": "pri", "cursor_pos": 3})
    assert await kernel.ask(
        "inspect_request", {"code": "print", "cursor_pos": 3, "detail_level": 0}
    )
    assert kernel.api.post(f"{hub.url}/user/dev2/api/terminals").status_code == 200
    # What a forked process prints, and a kernel that another program starts.
    await kernel.run(
        "import os, multiprocessing as m\n"
        "p = m.get_context('fork').Process(target=print, args=['from', 'a', 'fork'])\n"
        "p.start(); p.join(); import time; time.sleep(0.5)"
    )
    assert "from a fork" in kernel.printed
    await kernel.run(
        """
import json, os, pathlib, subprocess
program = pathlib.Path.home() / "x.py"
program.write_text(
    "import psutil; own = psutil.Process().net_connections()\\n"
    "print(sorted(c.laddr.port for c in own if c.status == 'LISTEN'))"
)
done = subprocess.run(["jupyter", "run", program], capture_output=True, text=True)
assert done.returncode == 0, done.stderr
ports = json.loads(done.stdout)
assert ports == [], (ports, done.stderr)
"""
    )
    for _ in range(2):
        url = f"{hub.url}/user/dev2/api/kernels/{kernel.id}"
        assert kernel.api.post(f"{url}/restart").status_code == 200
        await kernel.run("1")


@pytest.mark.hub
@as_root
def test_readable_files_and_arguments_of_a_server_hold_no_secret(
    hub: LiveHub, kernel: Kernel
) -> None:
    uid = uid_of(hub, "dev2")
    processes = [p for p in psutil.process_iter() if uid in p.uids()]
    assert len(processes) >= 2
    tokens = {p.environ()["JUPYTERHUB_API_TOKEN"] for p in processes}
    for process in processes:
        assert not [t for t in tokens for word in process.cmdline() if t in word]
    for place in ("/tmp", "/dev/shm", "/var/tmp", "/dev/mqueue"):
        for path, mode in list_reachable(place, uid):
            assert not mode & 0o077, path
    for path in Path("/dev/pts").iterdir():
        if path.stat().st_uid == uid:
            assert not stat.S_IMODE(path.stat().st_mode) & 0o007, path
    assert [
        line for line in Path("/proc/sysvipc/shm").read_text().splitlines() if str(uid) in line
    ] == []
    runtime = Path(processes[-1].environ()["JUPYTER_RUNTIME_DIR"])
    assert runtime.stat().st_uid == uid
    assert not runtime.stat().st_mode & 0o077


@pytest.mark.hub
@as_root
def test_page_and_terminal_say_what_is_off_and_what_is_not_isolated(
    hub: LiveHub, kernel: Kernel
) -> None:
    told = hub.terminal.read_text()
    assert DEBUGGER_OFF in told
    assert SHARED_ADDRESS in told
    assert "can listen at port" not in told
    assert DEBUGGER_OFF in hub.login("dev1").get("/hub/spawn").text


@pytest.mark.hub
@as_root
async def test_an_operator_may_switch_the_debugger_on_and_all_are_told(
    make_directory: Callable[[], Path],
) -> None:
    site = "c.PlatformLocalSpawner.debugger = True\n"
    with running(LiveHub(make_directory(), POLICY, site=site, lab=True)) as hub:
        kernel = start_kernel(hub)
        assert DEBUGGER_ON in hub.login("dev1").get("/hub/spawn").text
        request = {"type": "request", "seq": 1, "command": "debugInfo", "arguments": {}}
        answer = await kernel.ask("debug_request", request, "control")
        assert answer is not None
        assert answer["success"]

        async def work() -> None:
            for _ in range(5):
                await kernel.run(f"print({CANARY!r}, flush=True)")

        found = await attack(STRANGER, uid_of(hub, "dev2"), work)
        assert CANARY not in found["heard"]


@as_root
@pytest.mark.parametrize("place", ["/run", "/var/lib"])
@pytest.mark.parametrize("uid", [200_000, 265_535, 2**32 - 2])
def test_a_kernels_sockets_fit_into_an_address(
    isolated: Machine, monkeypatch: pytest.MonkeyPatch, place: str, uid: int
) -> None:
    monkeypatch.setattr(sockets_module, "_OF_ROOT", (Path(place),))
    sockets = sockets_module.locate_sockets(isolated.state, "0123456789abcdef" * 2)
    link = sockets.directory / f"{uid:x}" / ".r"
    longest = link / f"kernel-{uuid.uuid4()}-ipc-5"
    assert len(os.fsencode(longest)) <= 107


@as_root
def test_only_root_can_change_where_kernels_listen(isolated: Machine) -> None:
    ada = isolated.os_users.provide("ada")
    found = hide_kernels(isolated.sockets, ada.uid, ada.home, {}, debugger=False)
    runtime = Path(found["JUPYTER_RUNTIME_DIR"])
    assert runtime.parent.resolve() == ada.home.resolve()
    for path in (runtime.parent, *Path(found["JUPYTER_CONFIG_PATH"]).rglob("*")):
        assert path.lstat().st_uid == 0
        assert path.is_symlink() or not path.stat().st_mode & 0o022
    # Also when the home is elsewhere now.
    hide_kernels(isolated.sockets, ada.uid, ada.home.parent, {}, debugger=False)
    assert runtime.parent.readlink() == ada.home.parent


@as_root
def test_a_sites_own_configuration_stays_behind_it(isolated: Machine) -> None:
    ada = isolated.os_users.provide("ada")
    given = {"JUPYTER_CONFIG_PATH": "/opt/site"}
    for debugger in (False, True):
        found = hide_kernels(isolated.sockets, ada.uid, ada.home, given, debugger=debugger)
        first, ours, second = found["JUPYTER_CONFIG_PATH"].split(":")
        assert ours == str(WITHOUT_PORTS)
        assert second == "/opt/site"
        assert ("MappingKernelManager" in (Path(first) / "jupyter_config.json").read_text()) is (
            not debugger
        )


def test_without_isolation_kernels_and_debugger_are_as_jupyter_has_them(
    machine: Machine,
) -> None:
    person = machine.os_users.provide("ada")
    assert hide_kernels(machine.sockets, person.uid, person.home, {}, debugger=False) == {}
    assert say_debugger(isolated=False, debugger=False) == ""
