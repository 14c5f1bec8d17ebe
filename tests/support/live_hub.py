"""A real platform as ``jhp up`` starts it: Hub, proxy, service and people's servers."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import httpx
import psutil
from jupyterhub import __version__ as hub_version
from jupyterhub.utils import url_escape_path

from jupyterhub_platform.cli.local.port_holder import list_held_ports
from jupyterhub_platform.http.sockets import Sockets, locate_sockets
from jupyterhub_platform.hub.local.processes import PYTHON, has_ended
from jupyterhub_platform.instance_id import read_instance
from tests.support import tiny_server
from tests.support.canaries import (
    TOKEN_OF_SERVER,
    Canaries,
    Watched,
    list_descendants,
    read_secrets,
    watch,
)

START_SECONDS = 90
# Not imported: these tests hash as the platform does.
CHEAP_HASHES = Path(__file__).with_name("cheap_hashes.py")
T = TypeVar("T")

PLAIN_CONFIGURATION = """\
from jupyterhub_platform.hub.configure import configure

configure(c)
"""


class LiveHub:
    """A platform in a state directory of its own, on ports that no other process uses.

    Servers are tiny ones that only answer the Hub, unless a test is about JupyterLab or the site's
    configuration names a command. Password hashes are cheap, unless a test is about what a login
    costs. Whatever secret the platform hands out must turn up nowhere else: :meth:`clean_up` looks
    for all of them.
    """

    def __init__(
        self,
        directory: Path,
        policy: str | Path,
        *,
        site: str = "",
        environment: dict[str, str] | None = None,
        user: int | None = None,
        lab: bool = False,
        costly_hashes: bool = False,
    ) -> None:
        self.state = directory / "state"
        self.policy = directory / "platform.yaml"
        self.policy.write_text(policy.read_text() if isinstance(policy, Path) else policy)
        self.configuration = directory / "site_config.py"
        places = [
            f"c.PlatformLocalSpawner.{trait} = {str(directory / name)!r}"
            for trait, name in (("homes_dir", "homes"), ("uid_register", "uids"))
        ]
        # Where other users can read it, too: the checkout may be closed to them.
        self.server_program = _copy(Path(tiny_server.__file__), directory)
        self._program = _copy(CHEAP_HASHES, directory)
        self._command = ["-m", "jupyterhub_platform"] if costly_hashes else [str(self._program)]
        hashes = (
            "" if costly_hashes else f"exec({self._program.read_text()!r}, {{'__name__': 'site'}})"
        )
        server = "" if lab else _use_servers(self.server_program)
        self.configuration.write_text(
            "\n".join([hashes, *places, server, site, PLAIN_CONFIGURATION])
        )
        self.ready_file = directory / "ready.json"
        self.terminal = directory / "terminal.log"
        self._environment = environment or {}
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.passwords: dict[str, str] = {}
        self._port: int | None = None
        self._clients: list[httpx.Client] = []
        self.asked: list[httpx.Request] = []
        self.answers: list[httpx.Response] = []
        self.canaries = Canaries()

    def start(self) -> "LiveHub":
        """Start ``jhp up`` and wait until it says that it is ready.

        Raises
        ------
        AssertionError
            Raised if it does not; with what stands on the terminal.
        """
        port = self._port or _free_port()
        # By a path that other users can follow, too: the checkout may be closed to them.
        command = [PYTHON, *self._command, "up"]
        command += ["--state", str(self.state), "--file", str(self.policy)]
        command += ["--config", str(self.configuration), "--port", str(port)]
        command += ["--ready-file", str(self.ready_file)]
        with self.terminal.open("ab") as terminal:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._environment},
                start_new_session=True,
                user=self._user,
                cwd=self.state.parent if self._user is not None else None,
            )
        self._port = port
        deadline = time.monotonic() + START_SECONDS
        while not self.ready_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"jhp up did not get ready:\n{self.terminal.read_text()}")
            time.sleep(0.05)
        ready = json.loads(self.ready_file.read_text())
        self.url = ready["url"]
        self.passwords = {k: v for k, v in ready["people"].items() if v is not None}
        self.canaries.note("sample password", *self.passwords.values())
        watch(self.url, self.canaries)
        return self

    @property
    def log(self) -> str:
        """What the Hub has logged so far."""
        return (self.state / "logs" / "hub.log").read_text()

    @property
    def database_url(self) -> str:
        """The URL of the platform's own store."""
        return self._environment.get("PLATFORM_DB_URL", f"sqlite:///{self.state}/platform.sqlite")

    @property
    def sockets(self) -> Sockets:
        """Where the parts of the platform listen."""
        return locate_sockets(self.state, read_instance(self.state))

    def connect_directly(self, **options: Any) -> httpx.Client:
        """Return a client of the Hub itself, past its proxy, as servers reach it."""
        transport = httpx.HTTPTransport(uds=str(self.sockets.hub))
        return self.keep(httpx.Client(base_url="http://hub", transport=transport, **options))

    def keep(self, client: httpx.Client) -> httpx.Client:
        """Close a client with this platform, at the latest."""
        self._clients.append(client)
        return client

    @property
    def hub_pid(self) -> int:
        """The process id of the Hub, which is a child of ``jhp``."""
        assert self._process is not None
        return _child_of(self._process.pid, b"jupyterhub")

    @property
    def proxy_pid(self) -> int:
        """The process id of the proxy, which is a child of the Hub."""
        return _child_of(self.hub_pid, b"configurable-http-proxy")

    @property
    def service_pid(self) -> int:
        """The process id of the platform's service, which is a child of the Hub."""
        return _child_of(self.hub_pid, b"jupyterhub_platform.service")

    def list_port_holders(self) -> list[int]:
        """Return the ids of the processes that hold this platform's public port."""
        return [each.process.pid for each in list_held_ports(read_instance(self.state))]

    def kill_hub(self) -> None:
        """End the Hub as a crash does, and wait for ``jhp`` to notice."""
        self._see_processes()
        os.kill(self.hub_pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait(timeout=30)
        self._process = None

    def kill_jhp(self) -> None:
        """End ``jhp`` alone: the kernel tells its Hub to end, with its proxy and service."""
        assert self._process is not None
        self._see_processes()
        left = [psutil.Process(pid) for pid in (self.hub_pid, self.proxy_pid, self.service_pid)]
        self._process.kill()
        self._process.wait(timeout=30)
        wait_for(lambda: not any(map(is_alive, left)), "Hub, proxy and service to end", 60)
        # No process was left to remove it, and the next start is waited for by it.
        self.ready_file.unlink()
        self._process = None

    def kill_everything(self) -> None:
        """End ``jhp`` and its Hub at once, as a machine without memory does."""
        assert self._process is not None
        self._see_processes()
        pids = (self._process.pid, self.hub_pid)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self._process.wait(timeout=30)
        # No process was left to remove it, and the next start is waited for by it.
        self.ready_file.unlink()
        self._process = None

    def stop(self, *, number: int = signal.SIGINT) -> int:
        """End ``jhp`` as Ctrl-C does, and return its exit code."""
        if self._process is None:
            return 0
        self._see_processes()
        self._process.send_signal(number)
        try:
            return self._process.wait(timeout=60)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._process = None

    def clean_up(self) -> None:
        """End everything that was started, people's servers too."""
        for client in self._clients:
            client.close()
        try:
            self.stop()
        finally:
            if (self.state / "instance-id").exists():
                jhp = [sys.executable, "-m", "jupyterhub_platform"]
                subprocess.run([*jhp, "down", "--yes", "--state", self.state], check=True)
            assert self.list_marked() == [], "processes of a server are left"
        assert "counted the servers of" not in self.log, self.log[-3000:]
        self._see_files()
        self.canaries.check()

    def _see_processes(self) -> None:
        if self._process is not None:
            servers = set(self.list_marked())
            governing = set(list_descendants(self._process.pid)) - servers
            self.canaries.see_processes(sorted(governing), sorted(servers))

    def _see_files(self) -> None:
        samples = read_secrets(self.state / "sample-passwords.json")
        command = read_secrets(self.state / "command.json")
        self.canaries.note("sample password", *samples.values())
        self.canaries.note("token of jhp", command.get("token"))
        self.canaries.note("cookie secret of the service", command.get("cookie_secret"))
        cookie_secret = self.state / "cookie-secret"
        if cookie_secret.exists():
            self.canaries.note("cookie secret", cookie_secret.read_text().strip())
        self.canaries.see_file(self.terminal, samples=samples)
        self.canaries.see_files(self.state)
        # A server keeps its own token in the home of its owner, in a file for no other user.
        self.canaries.see_files(self.state.parent / "homes", own=[TOKEN_OF_SERVER])

    def list_marked(self) -> list[int]:
        """Return the processes that carry the mark of this state directory."""
        instance = self.state / "instance-id"
        if not instance.exists():
            return []
        mark = f"JUPYTERHUB_PLATFORM_INSTANCE={instance.read_text().strip()}".encode()
        return [pid for pid in _list_processes() if mark in _environment_of(pid)]

    def list_lasting(self) -> list[int]:
        """Return those of them that are no short commands, which a server calls as it starts."""
        found = self.list_marked()
        time.sleep(2)
        return [pid for pid in self.list_marked() if pid in found]

    def login(self, name: str, password: str | None = None) -> "Session":
        """Log a user in, as a browser does."""
        session = Session(self.url, name)
        self._observe(session)
        answer = session.submit_login(password or self.passwords[name])
        assert answer.status_code == 302, f"{name} was answered {answer.status_code}"
        return session

    def token(self, name: str, **body: Any) -> "Api":
        """Return the REST API with a fresh token of a user."""
        session = self.login(name)
        answer = session.post_json(
            f"/hub/api/users/{url_escape_path(name)}/tokens", {"note": "test", **body}
        )
        assert answer.status_code == 201, answer.text
        api = Api(self.url, answer.json()["token"])
        self._observe(api)
        return api

    def _observe(self, client: httpx.Client) -> None:
        """Keep what is asked and answered, to be looked at afterwards."""

        def keep(response: httpx.Response) -> None:
            response.read()
            self.answers.append(response)

        hooks = client.event_hooks
        client.event_hooks = {
            "request": [*hooks["request"], self.asked.append],
            "response": [*hooks["response"], keep],
        }
        self._clients.append(client)


class Session(Watched):
    """A browser's cookies, with the XSRF token that the Hub wants of them."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(url)
        self.name = name

    def submit_login(self, password: str) -> httpx.Response:
        """Fill in the login form."""
        page = self.get("/hub/login")
        form = {"username": self.name, "password": password, "_xsrf": hidden_xsrf(page.text)}
        return self.post("/hub/login", data=form)

    @property
    def xsrf(self) -> str:
        """The XSRF token of the last page that set one."""
        values = [c.value for c in self.cookies.jar if c.name == "_xsrf" and c.path == "/hub/"]
        return values[-1] or "" if values else ""

    def post_json(self, path: str, body: Any) -> httpx.Response:
        """Post JSON as the Hub's own pages do."""
        self.get("/hub/token")
        return self.post(path, json=body, headers={"X-XSRFToken": self.xsrf})

    def visit(self, path: str) -> httpx.Response:
        """Open a page of a server, and let it know who is there where it asks for that."""
        page = self.get(path, follow_redirects=True)
        if "Authorize access" not in page.text:
            return page
        form = {"_xsrf": hidden_xsrf(page.text), "scopes": _hidden(page.text, "scopes")}
        return self.post(str(page.url), data=form, follow_redirects=True)

    def start(self, server: str = "", **fields: str) -> httpx.Response:
        """Open the spawn page and submit its form."""
        tail = f"/{url_escape_path(self.name)}/{server}" if server else ""
        page = self.get(f"/hub/spawn{tail}")
        assert page.status_code == 200, (page.status_code, page.headers.get("location"))
        query = {"_xsrf": form_xsrf(page.text)}
        return self.post(f"/hub/spawn{tail}", params=query, data=fields)


class Api(Watched):
    """The Hub's REST API with one token."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(url, "/hub/api/", headers={"Authorization": f"Bearer {token}"})
        self.token = token

    def start(self, name: str, server: str = "", **options: Any) -> httpx.Response:
        """Ask for a server."""
        return self.post(server_path(name, server), json={"user_options": options})

    def stop(self, name: str, server: str = "") -> None:
        """Stop a server, and wait until the Hub says so."""
        answer = self.delete(server_path(name, server))
        assert answer.status_code in {202, 204}, answer.text
        wait_for(lambda: server not in self.servers(name), f"{name}/{server} to stop")

    def servers(self, name: str) -> dict[str, Any]:
        """Return the active servers of a user, by name."""
        answer = self.get(f"users/{url_escape_path(name)}")
        assert answer.status_code == 200, answer.text
        servers: dict[str, Any] = answer.json()["servers"]
        return servers

    def wait_until_ready(self, name: str, server: str = "") -> None:
        """Wait until a server is ready."""
        wait_for(
            lambda: self.servers(name).get(server, {}).get("ready", False),
            f"{name}/{server} to be ready",
        )


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs, and does not only wait for its parent to notice its end."""
    with suppress(psutil.Error):
        return process.is_running() and not has_ended(process)
    return False


def server_path(name: str, server: str) -> str:
    """Return the REST resource of a server."""
    user = url_escape_path(name)
    return f"users/{user}/servers/{server}" if server else f"users/{user}/server"


def hidden_xsrf(page: str) -> str:
    """Return the XSRF token of a form's hidden field."""
    match = re.search(r'name="_xsrf"\s+value="([^"]+)"', page)
    assert match, "the page has no XSRF field"
    return match[1]


def _hidden(page: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}"\s+value="([^"]+)"', page)


def form_xsrf(page: str) -> str:
    """Return the XSRF token in the action of the Hub's spawn form."""
    match = re.search(r'action="[^"]*_xsrf=([^"&]+)', page)
    assert match, "the form has no XSRF token"
    return unquote(match[1])


def wait_for(check: Callable[[], T], what: str, seconds: float = 120) -> T:
    """Wait until ``check`` is true, and return what it answered."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.1)


@contextmanager
def running(hub: LiveHub) -> Iterator[LiveHub]:
    """Start a platform and clean up after it, whatever happens."""
    try:
        yield hub.start()
    finally:
        hub.clean_up()


def _copy(program: Path, directory: Path) -> Path:
    copied = directory / program.name
    copied.write_bytes(program.read_bytes())
    copied.chmod(0o644)
    return copied


def _use_servers(program: Path) -> str:
    version = f"TINY_SERVER_HUB_VERSION={hub_version}"
    return f"c.Spawner.cmd = {['/usr/bin/env', version, PYTHON, '-IS', str(program)]!r}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _child_of(parent: int, word: bytes) -> int:
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        with suppress(OSError):
            if word in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    raise AssertionError(f"process {parent} has no child {word.decode()}")


def _list_processes() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]


def _environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
