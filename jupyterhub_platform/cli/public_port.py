"""The public port: taken once by ``jhp up``, kept until it ends, and who has it if another does.

It stays open while the proxy restarts, so that nobody else can listen there and ask for passwords.
"""

import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeGuard

import psutil

from jupyterhub_platform.core.errors import PlatformError

FIRST_PORT: Final = 8000
LAST_PORT: Final = 8099
_WAITING: Final = 1024


def take_public_port(
    host: str, asked: int | None, before: Any, tell: Callable[[str], None]
) -> socket.socket:
    """Listen at ``host``: at the port that was asked for, else that of before, else a free one.

    Raises
    ------
    PlatformError
        Raised if that cannot be had, with who has it.
    """
    if asked is not None:
        return _listen(host, asked)
    if not is_port(before):
        return _first_free(host)
    try:
        return _listen(host, before)
    except PlatformError as error:
        found = _first_free(host)
        tell(
            f"{error}\nThis platform was at port {before}, and is at {found.getsockname()[1]} now: "
            "whoever opens the old address reaches that other program."
        )
        return found


def _first_free(host: str) -> socket.socket:
    for port in range(FIRST_PORT, LAST_PORT + 1):
        try:
            return _listen(host, port)
        except PlatformError:
            continue
    raise PlatformError(
        f"Every port from {FIRST_PORT} to {LAST_PORT} is taken. Name a free one: --port."
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=_WAITING)
    except OSError as error:
        holders = list(_find_holders(host, port))
        if holders:
            raise PlatformError(
                f"Port {port} is taken by another program. Stop that, or name another: --port. "
                f"It is {' and '.join(holders)}."
            ) from None
        raise PlatformError(
            f"The platform cannot listen at {host}, port {port}: {error}. Name another address "
            "with --host and --port."
        ) from None


def _find_holders(host: str, port: int) -> Iterable[str]:
    """Say which processes listen at a port, as far as this user may know."""
    everywhere = {"0.0.0.0", "::"}  # noqa: S104 compared
    seen = set()
    for each in psutil.net_connections("tcp"):
        if each.status != psutil.CONN_LISTEN or each.laddr.port != port:
            continue
        if host in everywhere or each.laddr.ip in {host, *everywhere} or host == "localhost":
            seen.add(each.pid)
    return [describe_process(pid) for pid in sorted(seen, key=lambda pid: pid or 0)]


def find_socket_holders(path: Path) -> list[str]:
    """Say which processes listen at a Unix socket."""
    pids = {each.pid for each in psutil.net_connections("unix") if each.laddr == str(path)}
    return [describe_process(pid) for pid in sorted(pid for pid in pids if pid)]


def describe_process(pid: int | None) -> str:
    """Name a process: its id, its program and its user."""
    if pid is None:
        return "a process of another user"
    try:
        process = psutil.Process(pid)
        uid, name = process.uids().real, process.username()
        # psutil calls a user whom this machine has no name for by the number, too.
        owner = f"uid {uid}" if name == str(uid) else f"user {name}, uid {uid}"
        return f"process {pid} ({process.name()}, {owner})"
    except psutil.Error:
        return f"process {pid}"


def is_port(value: Any) -> TypeGuard[int]:
    """Tell whether a value that was kept can be a port."""
    return type(value) is int and 0 < value < 65536
