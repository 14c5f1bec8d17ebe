"""Run the service: ``python -m jupyterhub_platform.service``, as the Hub does."""

import asyncio
import ctypes
import errno
import functools
import logging
import os
import signal
import socket
import sys
import time
from typing import Final

from jupyterhub.services.auth import HubOAuth
from tornado.ioloop import PeriodicCallback
from tornado.netutil import bind_sockets, bind_unix_socket

from jupyterhub_platform.http.forwarded_headers import ProxiedHTTPServer, Proxies
from jupyterhub_platform.service.app import make_app
from jupyterhub_platform.service.environment import Environment, EnvironmentFaultError
from jupyterhub_platform.service.hub_api import find_proxies
from jupyterhub_platform.service.hub_watchdog import WatchedHub, end_with
from jupyterhub_platform.usecases.reports.memory import return_memory
from jupyterhub_platform.usecases.reports.reader import StoreReader

IDENTITY_SECONDS: Final = 5
"""How long a revoked level, login or user may stay unnoticed."""

_BIND_SECONDS: Final = 10.0

_M_ARENA_MAX: Final = -8
_TRIM_MILLISECONDS: Final = 30_000

log = logging.getLogger("jupyterhub_platform.service")


def bind(environment: Environment) -> list[socket.socket]:
    """Listen; the service of a killed Hub may hold a port for a moment longer.

    Raises
    ------
    OSError
        Raised if the port is taken.
    """
    if environment.socket is not None:
        return [bind_unix_socket(str(environment.socket), mode=0o600)]
    until = time.monotonic() + _BIND_SECONDS
    while True:
        try:
            return bind_sockets(environment.port, environment.host)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise
        time.sleep(0.2)


async def serve(environment: Environment, sockets: list[socket.socket]) -> None:
    """Serve until the Hub stops the service."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    reader = StoreReader(environment.database_url)
    hub_auth = HubOAuth(
        api_url=environment.api_url,
        base_url=environment.prefix,
        hub_prefix=environment.hub_prefix,
        cache_max_age=IDENTITY_SECONDS,
    )
    find = functools.partial(find_proxies, environment.api_url, hub_auth.api_token)
    app = make_app(environment, hub_auth, reader)
    server = ProxiedHTTPServer(app, proxies=Proxies(find=find), xheaders=True)
    server.add_sockets(sockets)
    trimming = PeriodicCallback(return_memory, _TRIM_MILLISECONDS)
    trimming.start()
    log.info("The platform's service answers at %s", environment.place)
    await stopped.wait()
    trimming.stop()
    server.stop()
    reader.close()


def share_memory() -> None:
    """Have all threads share the C library's memory: each would keep what one report needed."""
    choose = getattr(ctypes.CDLL(None), "mallopt", None)
    if choose is not None:
        choose(_M_ARENA_MAX, 1)


def main() -> int:
    """Run until the Hub stops the service, or is gone."""
    share_memory()
    logging.basicConfig(
        level=logging.INFO, format="[%(levelname).1s %(asctime)s %(name)s] %(message)s"
    )
    logging.getLogger("tornado.access").setLevel(logging.WARNING)
    try:
        environment = Environment.read(os.environ)
    except EnvironmentFaultError as error:
        log.critical("%s", error)
        return 2
    hub = WatchedHub.find(environment.hub_pid, environment.hub_started)
    if not hub.is_alive():
        log.error("The Hub that started this service is gone")
        return 1
    end_with(hub)
    try:
        sockets = bind(environment)
    except OSError as error:
        log.critical("Cannot listen on %s: %s", environment.place, error)
        return 1
    asyncio.run(serve(environment, sockets))
    return 0


if __name__ == "__main__":
    sys.exit(main())
