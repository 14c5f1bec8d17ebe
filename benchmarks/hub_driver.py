"""The Hub that is measured, from the outside: a process, and the person who drives it."""

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx
from tornado import httpserver, netutil, web

from benchmarks.identity_provider import SECRET

ROOT: Final = Path(__file__).resolve().parent.parent
START_SECONDS: Final = 600
QUIET_SECONDS: Final = 120
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_Ask: TypeAlias = Callable[[], Awaitable[httpx.Response]]


class Hub:
    """One Hub process in ``directory``, which :mod:`benchmarks.seeding` filled."""

    def __init__(
        self,
        directory: Path,
        backend: str,
        *,
        governed: bool,
        store_url: str = "",
        check_seconds: float = 3600,
        site: str = "benchmarks.hub_config",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self._port = find_port()
        self._token = secrets.token_hex(16)
        self._command_token = secrets.token_hex(16)
        (directory / "jupyterhub_config.py").write_text(
            f"from {site} import set_up\n"
            f"set_up(c, governed={governed}, port={self._port}, backend={backend!r}, "
            f"token={self._token!r})\n"
        )
        url = store_url or f"sqlite:///{(directory / 'platform.sqlite').absolute()}"
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PLATFORM_STATE_DIR": str(directory.absolute()),
            "PLATFORM_FILE": str(directory.absolute() / "platform.yaml"),
            "PLATFORM_DB_URL": url,
            "PLATFORM_COMMAND_TOKEN": self._command_token,
            "BENCHMARK_CLIENT_SECRET": SECRET,
            "BENCHMARK_SERVICE_URL": f"http://127.0.0.1:{find_port()}",
            "BENCHMARK_CHECK_SECONDS": str(check_seconds),
            **(environment or {}),
        }
        self.login_page = ""
        """Where a login at a provider begins."""
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self._port}/hub/",
            headers={"Authorization": f"token {self._token}"},
            timeout=START_SECONDS,
            # The measurement says how many ask at once.
            limits=httpx.Limits(max_connections=None),
        )

    async def start(self) -> float:
        """Start the process, and return after how many seconds it answered."""
        began = time.perf_counter()
        (await self._start_asking(lambda: self._client.get("api/"), 0.02)).raise_for_status()
        return time.perf_counter() - began

    async def start_spawning(self, name: str, account: str, **environment: str) -> int:
        """Start the process, and a server in the first instant: return what was answered."""
        self._environment |= environment
        return (await self._start_asking(lambda: self._ask(name, account), 0.002)).status_code

    async def _start_asking(self, ask: _Ask, pause: float) -> httpx.Response:
        began = time.perf_counter()
        self._process = process = self._launch()
        while time.perf_counter() - began < START_SECONDS and process.poll() is None:
            try:
                return await ask()
            except httpx.TransportError:
                await asyncio.sleep(pause)
        raise RuntimeError(f"The Hub did not start:\n{(self.directory / 'hub.log').read_text()}")

    def _launch(self) -> subprocess.Popen[bytes]:
        with (self.directory / "hub.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py"],
                cwd=self.directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def stop(self) -> None:
        """End the process, as a crash does: what is measured does not include its farewell."""
        await self._client.aclose()
        self.kill()

    def kill(self) -> None:
        """End the process, if there is one; it can be started again."""
        if self._process is None:
            return
        # The service of a governed Hub ends when it sees that its Hub is gone.
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    async def spawn(self, name: str, account: str) -> int:
        """Start a server, and return the status once it is up or refused."""
        return (await self._ask(name, account)).status_code

    async def _ask(self, name: str, account: str) -> httpx.Response:
        body = {"user_options": {"tier": "small", "account": account, "image": "lab"}}
        return await self._client.post(f"api/users/{name}/server", json=body)

    async def despawn(self, name: str) -> None:
        """Stop a server."""
        (await self._client.delete(f"api/users/{name}/server")).raise_for_status()

    async def count_routes(self) -> int:
        """Count what the proxy was told."""
        return await self._count("api/proxy")

    async def count_active(self) -> int:
        """Count the people who have a server."""
        return await self._count("api/users?state=active")

    async def _count(self, path: str) -> int:
        headers = {"Accept": "application/jupyterhub-pagination+json"}
        answer = (await self._client.get(path, headers=headers)).raise_for_status()
        return int(answer.json()["_pagination"]["total"])

    @property
    def port(self) -> int:
        """Where the Hub itself listens."""
        return self._port

    async def command(
        self, method: str, path: str, body: Any = None, more: dict[str, str] | None = None
    ) -> httpx.Response:
        """Ask with the token of ``jhp``, which may do whatever the platform has."""
        headers = {"Authorization": f"token {self._command_token}", **(more or {})}
        return await self._client.request(method, path, headers=headers, json=body)

    async def make_token(self, name: str) -> str:
        """Make a token of a user, who is made if need be."""
        path = f"api/users/{name}"
        if (await self._client.get(path)).status_code == 404:
            (await self._client.post(path)).raise_for_status()
        answer = await self._client.post(f"{path}/tokens", json={"note": "measured"})
        return str(answer.raise_for_status().json()["token"])

    async def accepts(self, token: str) -> bool:
        """Tell whether the Hub lets the bearer of a token in."""
        headers = {"Authorization": f"token {token}"}
        return (await self._client.get("api/user", headers=headers)).status_code == 200

    async def reload(self) -> None:
        """Have the policy read again, and wait until memberships are settled."""
        (await self.command("POST", "api/platform/reload")).raise_for_status()

    async def reset(self) -> None:
        """Begin to note things anew."""
        (await self._client.post("benchmark")).raise_for_status()

    async def read_probe(self) -> dict[str, Any]:
        """Return what was noted since."""
        answer = await self._client.get("benchmark")
        return dict(answer.raise_for_status().json())

    def cpu_seconds(self) -> float:
        """Return the CPU time of the Hub process so far, in steps of a hundredth."""
        text = Path(f"/proc/{self._pid}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_bytes(self) -> int:
        """Return the resident memory of the Hub process."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    async def wait_until_quiet(self) -> None:
        """Wait until the process does nothing to speak of for a second; for two minutes at most."""
        ends = time.perf_counter() + QUIET_SECONDS
        while time.perf_counter() < ends:
            before = self.cpu_seconds()
            await asyncio.sleep(1)
            if self.cpu_seconds() - before < 0.1:
                return

    @property
    def _pid(self) -> int:
        if self._process is None:
            raise RuntimeError("The Hub was not started")
        return self._process.pid


class _Answer(web.RequestHandler):
    def get(self) -> None:
        self.finish("{}")


@asynccontextmanager
async def running_backend() -> AsyncIterator[int]:
    """Run the web server that stands for everybody's server, and give its port."""
    sockets = netutil.bind_sockets(0, "127.0.0.1", backlog=8192)
    server = httpserver.HTTPServer(web.Application([(r".*", _Answer)], log_function=_silent))
    server.add_sockets(sockets)
    try:
        yield int(sockets[0].getsockname()[1])
    finally:
        server.stop()
        await server.close_all_connections()


def _silent(_handler: web.RequestHandler) -> None:
    pass


def find_port() -> int:
    """Return a port on which no process listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
