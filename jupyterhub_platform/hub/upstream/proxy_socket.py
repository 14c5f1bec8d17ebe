"""Keeps the proxy's socket open when the proxy ends, and passes it to each new one.

JupyterHub has its proxy bind the public port again after a crash, up to five seconds later,
and configurable-http-proxy cannot listen at an inherited socket. In between, any process of the
machine could take the port, and ask users for their passwords.

Upstream: jupyterhub 6.1, configurable-http-proxy 5.3
Issue: not reported
Ends when: the proxy takes a descriptor, and ``ConfigurableHTTPProxy`` passes one on.
"""

import os
import subprocess
from functools import partial
from pathlib import Path
from typing import Final

from jupyterhub import proxy

from jupyterhub_platform.hub.upstream.node_preload import preload

_PRELOAD: Final = Path(__file__).with_name("proxy_socket.js")


def pass_socket_to_proxy(descriptor: int, port: int) -> None:
    """Have each proxy that this Hub starts listen at ``descriptor``, bound to ``port``."""
    proxy.Popen = partial(subprocess.Popen, pass_fds=(descriptor,))
    # Servers and services do not inherit these: they get their own environment.
    os.environ["JUPYTERHUB_PLATFORM_PROXY_SOCKET"] = str(descriptor)
    os.environ["JUPYTERHUB_PLATFORM_PROXY_PORT"] = str(port)
    preload(_PRELOAD)
