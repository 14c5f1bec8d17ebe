"""A real proxy in front of a Hub that is measured, as users have it."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hub_driver import find_port
from jupyterhub_platform.cli.local.proxy import find_proxy_command
from jupyterhub_platform.hub.upstream.node_preload import ANSWERS, CHUNKS, KEEP_ALIVE, REQUESTS


@dataclass(frozen=True, slots=True)
class PublicDoor:
    """Where a proxy listens, and what a Hub has to know of it."""

    port: int
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """Where users find the Hub."""
        return self.environment["BENCHMARK_PUBLIC_URL"]


@contextmanager
def running_proxy(log: Path) -> Iterator[PublicDoor]:
    """Run configurable-http-proxy; the Hub that is told of it makes its routes."""
    port, api_port, token = find_port(), find_port(), secrets.token_hex(16)
    places = ["--ip", "127.0.0.1", "--port", str(port), "--api-ip", "127.0.0.1"]
    places += ["--api-port", str(api_port)]
    options = " ".join(
        f'--require="{script}"' for script in (KEEP_ALIVE, REQUESTS, CHUNKS, ANSWERS)
    )
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - the proxy that `jhp up` starts, too
            [*find_proxy_command(), *places],
            env={**os.environ, "CONFIGPROXY_AUTH_TOKEN": token, "NODE_OPTIONS": options},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield PublicDoor(
            port,
            {
                "BENCHMARK_PUBLIC_URL": f"http://127.0.0.1:{port}",
                "BENCHMARK_PROXY_API": f"http://127.0.0.1:{api_port}",
                "BENCHMARK_PROXY_TOKEN": token,
            },
        )
    finally:
        process.terminate()
        process.wait(10)
