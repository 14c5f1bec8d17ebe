"""Ends what a Hub has started and left behind: its proxy, and every service that it manages.

While ``jhp up`` runs, orphans become its own children, whatever their names: they need no mark.
Leftovers of a run that was killed completely are recognised by a mark, which is trusted only in our
own user's processes: others can forge it.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import psutil

from jupyterhub_platform.hub.local.processes import is_running, is_supervisor, read_environment

MARK: Final = "JUPYTERHUB_PLATFORM_HUB"
"""Variable in the environment of the Hub, its proxy and services. Servers do not inherit it."""

_SET_SUBREAPER: Final = 36
_PATIENCE_SECONDS: Final = 5.0
_ROUNDS: Final = 20


def keep_orphans() -> None:
    """Have the kernel reparent orphaned descendants to this process."""
    ctypes.CDLL(None).prctl(_SET_SUBREAPER, 1, 0, 0, 0)


def end_leftovers(state: Path) -> list[str]:
    """End the Hub, proxy and services of an earlier run from ``state``, and name them."""
    return _end_all(lambda: _list_marked(state))


def end_orphans(before: Iterable[psutil.Process]) -> list[str]:
    """End all descendants of this process that are not ``before``, and name them.

    Users' servers, each under its supervisor, go on.
    """
    known = set(before)
    return _end_all(lambda: [p for p in _list_below(psutil.Process()) if p not in known])


def _end_all(find: Callable[[], list[psutil.Process]]) -> list[str]:
    named: dict[int, str] = {}
    for number in (signal.SIGTERM, *(signal.SIGKILL,) * _ROUNDS):
        found = find()
        if not found:
            break
        for process in found:
            named.setdefault(process.pid, _name(process))
            _send(process, number)
        psutil.wait_procs(found, timeout=_PATIENCE_SECONDS)
    return list(named.values())


def _list_below(parent: psutil.Process) -> list[psutil.Process]:
    """Return the living descendants of a process, without users' servers."""
    found: list[psutil.Process] = []
    waiting = [parent]
    while waiting:
        try:
            children = waiting.pop().children()
        except psutil.NoSuchProcess:
            continue
        for child in children:
            if not is_supervisor(child.pid) and is_running(child):
                found.append(child)
                waiting.append(child)
    return found


def _list_marked(state: Path) -> list[psutil.Process]:
    own = {os.getpid(), *(each.pid for each in psutil.Process().parents())}
    return [p for p in psutil.process_iter() if p.pid not in own and _is_marked(p, state)]


def _is_marked(process: psutil.Process, state: Path) -> bool:
    # Nothing is read from another user's process, and so nothing is trusted.
    return read_environment(process.pid).get(MARK) == str(state) and is_running(process)


def _name(process: psutil.Process) -> str:
    try:
        return f"{process.name()} (process {process.pid})"
    except psutil.Error:
        return f"process {process.pid}"


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return
