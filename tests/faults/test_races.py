"""Many more starts at once than a limit allows, over HTTP: exactly as many as it allows."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.support.checker import Checker
from tests.support.live_hub import Api, LiveHub, running, server_path, wait_for
from tests.support.readers import read_open

pytestmark = pytest.mark.hub

PEOPLE = 50
SITE = """
import jupyterhub
from jupyterhub.spawner import Spawner
from tornado import httpserver, netutil, web
from jupyterhub_platform.hub.admission import AdmissionMixin

class Here(web.RequestHandler):
    def get(self):
        self.set_header("X-JupyterHub-Version", jupyterhub.__version__)

class InHub(Spawner):
    \"\"\"Starts nothing: every server is the same handler in the Hub's own process.\"\"\"

    port_of_all = 0
    runs = False

    async def start(self):
        if not InHub.port_of_all:
            (socket,) = netutil.bind_sockets(0, "127.0.0.1")
            httpserver.HTTPServer(web.Application([(".*", Here)])).add_socket(socket)
            InHub.port_of_all = socket.getsockname()[1]
        self.runs = True
        return "127.0.0.1", InHub.port_of_all

    async def poll(self):
        return None if self.runs else 0

    async def stop(self, now=False):
        self.runs = False

class GovernedInHub(AdmissionMixin, InHub):
    pass

c.JupyterHub.spawner_class = GovernedInHub
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.active_server_limit = 0
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
c.Spawner.poll_interval = 0
# A Hub that has a thousand answers to give is slow to see that a server is there.
c.Spawner.http_timeout = c.Spawner.start_timeout = 600
c.Platform.check_seconds = 1
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


def test_sixty_starts_against_twelve(
    make_directory: Callable[[], Path], environment: dict[str, str]
) -> None:
    _race(make_directory(), environment, starts=60, limit=12)


@pytest.mark.long
def test_a_thousand_starts_against_two_hundred(
    make_directory: Callable[[], Path], environment: dict[str, str]
) -> None:
    _race(make_directory(), environment, starts=1000, limit=200)


def _race(directory: Path, environment: dict[str, str], *, starts: int, limit: int) -> None:
    hub = LiveHub(directory, make_policy(limit), site=SITE, environment=environment)
    servers = [(f"p{n % PEOPLE}", f"s{n // PEOPLE}") for n in range(starts)]
    with running(hub):
        checker, admin = Checker(hub), hub.token("admin")
        for _ in range(2):
            begun = time.monotonic()
            answers = asyncio.run(_start_at_once(hub, admin, servers))
            counts = Counter(answer.status_code for answer in answers.values())
            print(f"{starts} starts in {time.monotonic() - begun:.1f} s: {dict(counts)}")
            admitted = {each for each, answer in answers.items() if answer.status_code < 300}
            assert len(admitted) == limit, counts
            for each in answers.keys() - admitted:
                _assert_explained(answers[each], limit)
            assert {(row.user, row.server) for row in read_open(hub)} == admitted
            checker.check()
            for user, server in admitted:
                assert admin.delete(server_path(user, server)).status_code in {202, 204}
            wait_for(lambda: not read_open(hub), "everything to be released")
            checker.check()
        assert "consecutive spawns failed" not in hub.log


async def _start_at_once(
    hub: LiveHub, admin: Api, servers: list[tuple[str, str]]
) -> dict[tuple[str, str], httpx.Response]:
    limits = httpx.Limits(max_connections=len(servers))
    ready = asyncio.Event()

    async with httpx.AsyncClient(
        base_url=admin.base_url,
        headers={"Authorization": f"Bearer {admin.token}"},
        timeout=300,
        limits=limits,
        trust_env=False,
    ) as client:

        async def start(user: str, server: str) -> httpx.Response:
            await ready.wait()
            body = {"user_options": {"tier": "small"}}
            return await client.post(server_path(user, server), json=body)

        waiting = [asyncio.ensure_future(start(*each)) for each in servers]
        ready.set()
        answers = await asyncio.gather(*waiting)
    hub.asked += [answer.request for answer in answers]
    hub.answers += answers
    return dict(zip(servers, answers, strict=True))


def _assert_explained(answer: httpx.Response, limit: int) -> None:
    assert answer.status_code == 503, answer.text
    assert f"{limit} of {limit} servers" in answer.json()["message"]
    assert answer.headers["x-platform-decision"]
    assert int(answer.headers["retry-after"]) > 0
