"""Ends the service with its Hub.

A Hub starts its services in their own sessions, so a killed Hub leaves them behind: holding the
port, with a token that the next Hub does not know.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import Final, Self

import psutil

_PR_SET_PDEATHSIG: Final = 1
_LOOK_EVERY_SECONDS: Final = 0.5
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class WatchedHub:
    """The Hub's process: its pid, its start time, and whether it is our parent."""

    pid: int
    started: int
    is_parent: bool

    @classmethod
    def find(cls, pid: int, started: int) -> Self:
        """Return the Hub's process; the parent without a ``pid``."""
        known = pid or os.getppid()
        return cls(known, started or read_start_time(known), os.getppid() == known)

    def is_alive(self) -> bool:
        """Tell whether it still runs; another process may have its pid by now."""
        if self.is_parent and os.getppid() != self.pid:
            return False
        if self.started:
            return read_start_time(self.pid) == self.started
        return bool(psutil.pid_exists(self.pid))


def read_start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 if unknown.

    A process that has ended but was not reaped yet counts as gone.
    """
    try:
        process = psutil.Process(pid)
        booted = psutil.boot_time()
        if process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return 0
        tick = round((process.create_time() - booted) * _TICKS_PER_SECOND)
    except psutil.Error:
        return 0
    # psutil reports it by the wall clock, which may be set meanwhile.
    return tick if psutil.boot_time() == booted else read_start_time(pid)


def end_with(hub: WatchedHub) -> None:
    """End this process when the Hub's ends, within a second.

    The kernel signals it at once where it can. The polling thread is for where it cannot, for a Hub
    that is not the parent, and for a loop that hangs.
    """
    if sys.platform == "linux" and hub.is_parent:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    threading.Thread(target=_watch, args=(hub,), name="hub-watchdog", daemon=True).start()


def _watch(hub: WatchedHub) -> None:
    while hub.is_alive():
        time.sleep(_LOOK_EVERY_SECONDS)
    # Nothing is written here that would have to be finished.
    os._exit(0)
