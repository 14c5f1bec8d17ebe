"""The proxy listens at a socket that stays open when it ends, and is handed to each new one.

JupyterHub 6.1.1 has its proxy bind the public port anew whenever that has crashed, up to five
seconds later, and configurable-http-proxy 5 cannot listen at a socket that it is given: meanwhile
any process of the machine could take the port, and ask people for their passwords. It becomes
needless once the proxy takes a descriptor, and ``ConfigurableHTTPProxy`` passes one on.
"""

import os
import subprocess
from functools import partial
from pathlib import Path
from typing import Final

from jupyterhub import proxy

from jupyterhub_platform.hub.upstream.node_preload import preload

_PRELOAD: Final = Path(__file__).with_name("proxy_socket.js")


def hand_down(descriptor: int, port: int) -> None:
    """Have each proxy that this Hub starts listen at ``descriptor``, bound to ``port``."""
    proxy.Popen = partial(subprocess.Popen, pass_fds=(descriptor,))
    # What people and services start does not inherit these: it gets an environment of its own.
    os.environ["JUPYTERHUB_PLATFORM_PROXY_SOCKET"] = str(descriptor)
    os.environ["JUPYTERHUB_PLATFORM_PROXY_PORT"] = str(port)
    preload(_PRELOAD)
