"""Mends of configurable-http-proxy that Node loads before it.

The proxy is another program, in another language: what it lacks is put in front of it by Node's own
option, and not by a copy of it. Each script says what it mends, and when it becomes needless.
"""

import os
from pathlib import Path
from typing import Final

KEEP_ALIVE: Final = Path(__file__).with_name("proxy_keep_alive.js")
"""configurable-http-proxy 5.3 keeps no connection to a Unix socket. Needless once it does."""


def preload(script: Path) -> None:
    """Have each Node that this Hub starts load a script first; again does no harm."""
    given = os.environ.get("NODE_OPTIONS", "")
    option = f'--require="{script}"'
    if option not in given:
        os.environ["NODE_OPTIONS"] = f"{given} {option}".strip()
