"""The platform's service over a store, as a Hub starts it, beside a Hub that says who calls.

``python -m benchmarks.page_service URL`` prints a line of JSON: the address of the service, its
process, and a token of an admin. It ends with its input, and the service with it.
"""

import asyncio
import json
import os
import sys

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from benchmarks.hub_driver import find_port
from tests.service.conftest import PEOPLE, PREFIX
from tests.support.fake_hub import ACCESS, FakeHub


async def _serve(url: str) -> None:
    hub = FakeHub()
    (listening,) = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(hub.make_app())
    server.add_socket(listening)
    service = f"http://127.0.0.1:{find_port()}"
    environment = {
        **os.environ,
        "JUPYTERHUB_SERVICE_URL": service,
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_SERVICE_NAME": "platform",
        "JUPYTERHUB_API_URL": f"http://127.0.0.1:{listening.getsockname()[1]}/hub/api",
        "JUPYTERHUB_API_TOKEN": "token-of-the-service",
        "JUPYTERHUB_CLIENT_ID": "service-platform",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([ACCESS, "access:services"]),
        "PLATFORM_HUB_PID": str(os.getpid()),
        "PLATFORM_DB_URL": url,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jupyterhub_platform.service"), env=environment
    )
    said = {"url": service, "pid": process.pid, "token": hub.add(PEOPLE["admin"])}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    process.kill()
    await process.wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
