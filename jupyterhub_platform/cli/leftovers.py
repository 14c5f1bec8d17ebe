"""Ends what an earlier run left behind: a Hub that was killed leaves its proxy, on its port."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MARK: Final = "JUPYTERHUB_PLATFORM_HUB"
"""Variable in the environment of the Hub and its proxy. People's servers do not inherit it."""

_PATIENCE_SECONDS: Final = 5.0


def end_leftovers(state: Path) -> int:
    """End the Hub and proxy of an earlier run from ``state``, and return how many there were.

    Only processes that carry the mark of this very state directory are touched.
    """
    found = tuple(_marked(state))
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in _marked(state):
            _send(pid, number)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while any(_marked(state)) and time.monotonic() < deadline:
            time.sleep(0.05)
    return len(found)


def _marked(state: Path) -> Iterator[int]:
    mark = f"{MARK}={state}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if pid != os.getpid() and mark in _environment(entry).split(b"\0"):
            yield pid


def _environment(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
