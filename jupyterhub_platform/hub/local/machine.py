"""Facts about this machine for the local spawner, found out once for all servers."""

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from jupyterhub_platform.http.sockets import Sockets, open_sockets
from jupyterhub_platform.hub.local.cgroups import find_groups, members, remove_groups
from jupyterhub_platform.hub.local.os_users import OsUsers, escape_name
from jupyterhub_platform.hub.local.processes import require_linux
from jupyterhub_platform.hub.local.reachability import check_reachable
from jupyterhub_platform.hub.local.resource_limits import Limiter, probe_limiter
from jupyterhub_platform.hub.local.supervisor import raise_priority
from jupyterhub_platform.hub.local.uid_register import ISOLATED_HOMES, UID_REGISTER, UserIds
from jupyterhub_platform.instance_id import read_instance

_END_BYTES: Final = 2**16
_KEPT_LOGS: Final = 3
_KEPT_LOGS_OF_USER: Final = 60


@dataclass(frozen=True, slots=True)
class Machine:
    """Properties of this machine that concern the servers of one state directory.

    ``state`` is that directory, absolute, and ``instance`` the id that all its servers are marked
    with. Where users are ``isolated``, each has a user id of their own.
    """

    state: Path
    instance: str
    limiter: Limiter
    isolated: bool
    os_users: OsUsers
    sockets: Sockets

    def open_log(self, user: str, server: str) -> tuple[int, Path]:
        """Open a new log for a server, readable only by the Hub, and keep the last few."""
        path = locate_log(self.state, user, server)
        directory = path.parent
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = [path.name, *(f"{path.name}.{n}" for n in range(1, _KEPT_LOGS))]
        for older, newer in reversed(list(zip(names[1:], names, strict=False))):
            with suppress(FileNotFoundError):
                (directory / newer).replace(directory / older)
        # The supervisor reads it, and truncates it when it is full.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_EXCL | os.O_NOFOLLOW
        opened = os.open(path, flags, 0o600), path
        _prune_logs(directory, escape_name(user))
        return opened


def locate_log(state: Path, user: str, server: str) -> Path:
    """Return the file that the newest log of a server is in."""
    name = f"{escape_name(user)}--{escape_name(server)}" if server else escape_name(user)
    return state / "logs" / "servers" / f"{name}.log"


def read_log_end(path: Path, since: float = 0.0) -> str:
    """Return the end of a log; empty if there is none, or nothing was written ``since``."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_mtime < since:
                return ""
            file.seek(max(0, status.st_size - _END_BYTES))
            return file.read(_END_BYTES).decode(errors="replace")
    except OSError:
        return ""


def _prune_logs(directory: Path, user: str) -> None:
    """Keep the newest logs of one user, who may keep creating servers with new names."""
    patterns = (f"{user}{server}.log{old}" for server in ("", "--*") for old in ("", ".[0-9]"))
    found = [path for pattern in patterns for path in directory.glob(pattern)]
    newest = sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest[_KEPT_LOGS_OF_USER:]:
        path.unlink(missing_ok=True)


_opening: Final = threading.Lock()


def open_machine(
    state: Path,
    *,
    isolate: bool,
    uids: tuple[int, int],
    homes: Path | None = None,
    uid_register: Path = UID_REGISTER,
) -> Machine:
    """Find out what this machine can do; tried once, then remembered.

    It takes about a second the first time. ``homes`` is where users' homes are: by default in the
    state directory, or below :data:`ISOLATED_HOMES` if users have their own user ids, all of which
    ``uid_register`` remembers.

    Raises
    ------
    LocalSpawnerError
        Raised if servers cannot be started here as asked, with what to do about it.
    """
    with _opening:
        return _open(state.absolute(), isolate, uids, homes, uid_register)


@cache
def _open(
    state: Path, isolate: bool, uids: tuple[int, int], homes: Path | None, uid_register: Path
) -> Machine:
    require_linux()
    isolated = isolate and os.geteuid() == 0
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    instance = read_instance(state)
    if homes is None:
        homes = (ISOLATED_HOMES / instance if isolated else state) / "homes"
    if isolated:
        check_reachable(homes, uids[1])
        # Proxy and service are started after this, and inherit it.
        raise_priority()
    remove_groups(path for path in find_groups(instance) if not members([path]))
    ids = UserIds(instance, state, homes, uids, uid_register) if isolated else None
    os_users = OsUsers(state, homes, ids)
    sockets = open_sockets(state, instance)
    return Machine(state, instance, probe_limiter(), isolated, os_users, sockets)
