"""A Hub whose servers are one handler in its own process, and many starts of them at once."""

import asyncio

import httpx

from tests.support.live_hub import Api, LiveHub, server_path

SERVERS_IN_HUB = """
import asyncio
import os
import jupyterhub
from jupyterhub.spawner import Spawner
from jupyterhub.user import UserDict
from tornado import httpserver, netutil, web
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin
from jupyterhub_platform.hub.upstream.server_counts import CountedUsers

SECONDS = float(os.environ.get("SECONDS_TO_START", "0"))

count_kept = CountedUsers.count_active_users

def count_both_ways(users):
    kept, walked = count_kept(users), UserDict.count_active_users(users)
    assert kept == walked, f"the Hub keeps {dict(kept)}, and a walk counts {dict(walked)}"
    return kept

CountedUsers.count_active_users = count_both_ways

class Here(web.RequestHandler):
    def get(self):
        self.set_header("X-JupyterHub-Version", jupyterhub.__version__)

class InHub(Spawner):
    \"\"\"Starts nothing: every server is the same handler in the Hub's own process.\"\"\"

    port_of_all = 0
    runs = False

    async def start(self):
        await asyncio.sleep(SECONDS)
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
c.JupyterHub.active_server_limit = 0
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
c.Spawner.poll_interval = 0
# A Hub that has a thousand answers to give is slow to see that a server is there.
c.Spawner.http_timeout = c.Spawner.start_timeout = 600
c.Platform.check_seconds = 1
"""
"""Configuration; a start takes ``SECONDS_TO_START`` of the environment.

At every start, the servers that are kept count of are counted by a walk, too: a difference is an
error of the Hub.
"""


async def start_at_once(
    hub: LiveHub, admin: Api, servers: list[tuple[str, str]]
) -> dict[tuple[str, str], httpx.Response]:
    """Ask for all servers, each named by its user and itself, at the same moment."""
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
