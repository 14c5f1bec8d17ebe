"""Fixes for configurable-http-proxy that Node loads before it.

The proxy is another program, in another language: fixes are loaded by Node's own option, without a
copy of it. Each script says itself what it fixes, and when it becomes needless.

Upstream: configurable-http-proxy 5.3
Issue: not reported
Ends when: none of the scripts is needed.
"""

import os
import resource
from pathlib import Path
from typing import Final

KEEP_ALIVE: Final = Path(__file__).with_name("proxy_keep_alive.js")
"""configurable-http-proxy requests of Unix sockets that they close each connection."""
REQUESTS: Final = Path(__file__).with_name("proxy_requests.js")
"""It accepts what it cannot decode, and any number of connections."""
CHUNKS: Final = Path(__file__).with_name("proxy_chunks.js")
"""It passes on each chunk of a body by itself, however small."""
ANSWERS: Final = Path(__file__).with_name("proxy_answers.js")
"""It leaves requests open whose answer is invalid, and knows no Hub that is still starting."""
_OTHER_DESCRIPTORS: Final = 128


def limit_requests() -> None:
    """Have each proxy that this Hub starts bear what strangers send, and hold many connections.

    Node uses as many descriptors as its limit allows; a visitor costs two, one on each side.
    """
    _, maximum = resource.getrlimit(resource.RLIMIT_NOFILE)
    if maximum != resource.RLIM_INFINITY:
        connections = max(16, (maximum - _OTHER_DESCRIPTORS) // 2)
        os.environ["JUPYTERHUB_PLATFORM_PROXY_CONNECTIONS"] = str(connections)
    preload(REQUESTS)
    preload(CHUNKS)


def preload(script: Path) -> None:
    """Have each Node that this Hub starts load a script first; calling it again is harmless."""
    given = os.environ.get("NODE_OPTIONS", "")
    option = f'--require="{script}"'
    if option not in given:
        os.environ["NODE_OPTIONS"] = f"{given} {option}".strip()
