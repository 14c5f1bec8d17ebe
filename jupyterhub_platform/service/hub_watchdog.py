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
from pathlib import Path
from typing import Final, Self

_PR_SET_PDEATHSIG: Final = 1
_LOOK_EVERY_SECONDS: Final = 0.5
_STAT_STATE: Final = 0
_STAT_START_TIME: Final = 19
"""Positions in ``/proc/PID/stat`` after the name in parentheses, which may hold anything."""


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
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def read_start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 if unknown.

    A process that has ended but was not reaped yet counts as gone.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    fields = text.rpartition(")")[2].split()
    return 0 if fields[_STAT_STATE] in {"Z", "X"} else int(fields[_STAT_START_TIME])


def end_with(hub: WatchedHub) -> None:
    """End this process when the Hub's ends, within a second.

    The kernel signals it at once where it can. The polling thread is for where it cannot, for a Hub
    that is not the parent, and for a loop that hangs.
    """
    if sys.platform == "linux" and hub.is_parent:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    threading.Thread(target=_watch, args=(hub,), name="lifeline", daemon=True).start()


def _watch(hub: WatchedHub) -> None:
    while hub.is_alive():
        time.sleep(_LOOK_EVERY_SECONDS)
    # Nothing is written here that would have to be finished.
    os._exit(0)
