"""Keeps a platform's ports bound by a separate process, and lists and ends such processes.

Where users have their own user ids, a port of the platform must not become another user's when
``jhp up``, the Hub and the proxy have ended: open pages would go on sending requests there, with
their logins. So each start leaves a process with the port, ``port_holder_process.py``, which
outlives everything that ``jhp up`` starts. It is recognised by its command line, which is trusted
only in processes of our own user and of root.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.hub.local.processes import is_running, runs_as

PROGRAM: Final = Path(__file__).with_name("port_holder_process.py")
# The second is what earlier versions started, and what may hold a port when this one starts.
_PROGRAM_NAMES: Final = frozenset({PROGRAM.name, "port_holder.py"})
_ISOLATED: Final = ("-I", "-S")
_END_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class HeldPort:
    """A port that a process keeps bound, and the id of its platform."""

    process: psutil.Process
    instance: str
    port: int

    @property
    def state(self) -> str:
        """The state directory of that platform, as far as this user can see it."""
        with suppress(psutil.Error):
            return str(self.process.cwd())
        return "DIRECTORY"


def hold_port(sockets: Sequence[socket.socket], port: int, instance: str, state: Path) -> None:
    """Leave a process with these sockets, and end earlier ones that held the same port.

    They are closed here.

    Raises
    ------
    PlatformError
        Raised if the process cannot be started.
    """
    earlier = [each for each in list_held_ports(instance) if each.port == port]
    command = [sys.executable, *_ISOLATED, str(PROGRAM), instance, str(port)]
    try:
        with ExitStack() as passed:
            subprocess.run(  # noqa: S603 our own interpreter and program
                command,
                cwd=state,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[passed.enter_context(each).fileno() for each in sockets],
                check=True,
            )
    except (OSError, subprocess.CalledProcessError) as error:
        raise PlatformError(
            f"Port {port} cannot be kept from other users for when the platform does not run: "
            f"{error}. See whether this machine can start more processes, and start again."
        ) from error
    _end(earlier)


def let_go(instance: str) -> list[HeldPort]:
    """End everything that holds a port for a platform, and return what it was."""
    held = list_held_ports(instance)
    _end(held)
    return held


def list_held_ports(instance: str | None = None) -> list[HeldPort]:
    """Find which ports are held, for one platform or for all."""
    return [held for held in _find() if instance in {None, held.instance}]


def _find() -> Iterator[HeldPort]:
    believed = {0, os.geteuid()}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            is_one = len(words) == 6 and Path(words[3]).name in _PROGRAM_NAMES
            if not is_one or tuple(words[1:3]) != _ISOLATED or not words[5].isdecimal():
                continue
            if runs_as(process.pid, believed) and is_running(process):
                yield HeldPort(process, words[4], int(words[5]))


def _end(held: Iterable[HeldPort]) -> None:
    processes = [each.process for each in held]
    for process in processes:
        # It has nothing to clean up.
        with suppress(psutil.Error):
            process.kill()
    deadline = time.monotonic() + _END_SECONDS
    while any(map(is_running, processes)) and time.monotonic() < deadline:
        time.sleep(0.01)
